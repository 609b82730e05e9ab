"""Layers in training: results and gradients are those of Keras' own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from algorithm.models import layers, tensorflow_kernels


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Conv2D", {"filters": 6, "kernel_size": 1, "use_bias": False}),
        ("Conv2D", {"filters": 6, "kernel_size": 1, "activation": "relu"}),
        ("Conv2D", {"filters": 6, "kernel_size": 1, "strides": 2}),
        ("Conv2D", {"filters": 6, "kernel_size": 3, "padding": "same"}),
        ("SeparableConv2D", {"filters": 6, "kernel_size": 3, "padding": "same"}),
        *(
            (
                "DepthwiseConv2D",
                {"kernel_size": kernel, "strides": stride, "padding": "same", "use_bias": False},
            )
            for kernel in (3, 4, 5, 7)
            for stride in (1, 2)
        ),
    ],
)
@pytest.mark.parametrize("size", [(13, 12), (2, 1)])
def test_gradients_are_those_of_keras(kind, options, size):
    ours, theirs = (getattr(module, kind)(**options) for module in (layers, keras.layers))
    images = tf.random.stateless_normal((2, *size, 16), seed=(0, 1))
    for layer in (ours, theirs):
        layer.build(images.shape)
    theirs.set_weights(ours.get_weights())
    found = _with_gradients(ours, images, training=True)
    expected = _with_gradients(theirs, images)
    for one, other in zip(found, expected, strict=True):
        tf.debugging.assert_near(one, other, rtol=1e-4, atol=1e-5)


def test_frozen_batch_norm_has_the_gradient_of_keras_for_what_goes_in():
    ours, theirs = layers.BatchNorm(epsilon=1e-3), keras.layers.BatchNormalization(epsilon=1e-3)
    images = tf.random.stateless_normal((2, 5, 4, 3), seed=(0, 1))
    for layer in (ours, theirs):
        layer.build(images.shape)
        layer.set_weights(
            list(np.float32([[1, -2, 0.5], [0.1, 0.2, 0.3], [0.5, 0, -1], [0.25, 4, 1e-3]]))
        )
        layer.trainable = False
    pairs = []
    for layer in (ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=True)
            total = tf.reduce_sum(outputs**2)
        pairs.append((outputs, tape.gradient(total, images)))
    for one, other in zip(*pairs, strict=True):
        tf.debugging.assert_near(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_bias_gradient_in_sixteen_bits_is_as_exact_as_them(dtype):
    images = tf.zeros((2, 64, 64, 1), dtype)
    kernel, bias = tf.zeros((1, 1, 1, 1), dtype), tf.zeros(1, dtype)
    with tf.GradientTape() as tape:
        tape.watch(bias)
        outputs = tensorflow_kernels.pointwise_conv(images, kernel, bias)
    found = tape.gradient(outputs, bias, output_gradients=tf.ones_like(outputs))
    assert float(found[0]) == 2 * 64 * 64


def test_other_devices_than_cpus_keep_the_kernels_of_keras(monkeypatch):
    def refuse(*_):
        raise AssertionError("a kernel for CPUs")

    monkeypatch.setattr(tensorflow_kernels, "only_cpus", lambda: False)
    monkeypatch.setattr(tensorflow_kernels, "pointwise_conv", refuse)
    monkeypatch.setattr(tensorflow_kernels, "depthwise_conv", refuse)
    images = tf.zeros((1, 4, 4, 3))
    for layer in (
        layers.Conv2D(2, 1),
        layers.DepthwiseConv2D(5, padding="same", use_bias=False),
        layers.SeparableConv2D(2, 3, padding="same"),
    ):
        assert layer(images, training=True).shape[:3] == (1, 4, 4)


def test_kinds_that_no_kernel_for_cpus_computes_are_those_of_keras():
    images = tf.random.stateless_normal((1, 6, 6, 4), (0, 1))
    for layer in (
        layers.Conv2D(4, 1, groups=2),
        layers.DepthwiseConv2D(3, padding="same", use_bias=False, dilation_rate=2),
        layers.SeparableConv2D(2, 3, padding="same", depth_multiplier=2),
    ):
        tf.debugging.assert_near(layer(images, training=True), layer(images))


def test_a_wide_depthwise_gradient_is_computed_in_parts_of_three_columns():
    layer = layers.DepthwiseConv2D(5, padding="same", use_bias=False)
    layer.build((2, 8, 8, 16))

    @tf.function
    def run(images):
        return _with_gradients(layer, images, training=True)

    graph = run.get_concrete_function(tf.TensorSpec((2, 8, 8, 16))).graph
    kind = "DepthwiseConv2dNativeBackpropFilter"
    sizes = [
        tf.get_static_value(operation.inputs[1]).tolist()
        for operation in graph.get_operations()
        if operation.type == kind
    ]
    assert sizes == [[5, 3, 16, 1]] * 2


def _with_gradients(layer, images, **options):
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, **options)
        loss = tf.reduce_sum(tf.sin(outputs))
    variables = [variable.value for variable in layer.trainable_variables]
    return [outputs, *tape.gradient(loss, [images, *variables])]
