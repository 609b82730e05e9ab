"""The last layers of the mask head, computed where something was detected.

The last layer of the coefficients is a depthwise convolution and a mix of channels. A detection
needs the mix of one cell and one of its anchors. The last layer of the prototypes is a mix of
channels alone, and a mask mixes them once more: both mixes become one. The numbers are those of the
whole layers.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from algorithm.models.detector import Detector
from algorithm.ops.mask_grid import PROTOTYPES, SHAPE_TERMS

COEFFICIENTS = "mask_coefficients"
FEATURES, PROTOTYPE_FEATURES = "mask_features", "prototype_features"
_SIZE = PROTOTYPES + SHAPE_TERMS  # numbers of an anchor
_TOWER, _LAST = "mask_net.mask-{}-activation-{}", "mask_net.mask-predict"
_PROTOTYPES = "proto_net.proto-predict"


def with_features(detector: Detector) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return a detector with masks up to the last mix of channels.

    Args:
        detector: The network.

    Returns:
        A function of normalised images float32 [B, H, W, 3] that returns what the detector does,
        but for `mask_coefficients` mask_features float32 [B, cells, C], cells over levels, rows,
        columns; and prototype_features float32 [B, h, w, C], of which prototypes are made.
    """
    preset = detector.preset
    towers = [
        detector.get_layer(_TOWER.format(preset.head_repeats - 1, level)).output
        for level in range(preset.min_level, preset.max_level + 1)
    ]
    others = {
        name: detector.get_layer(name).output
        for name in detector.output_names
        if name != COEFFICIENTS
    }
    mixed = detector.get_layer(_PROTOTYPES).input
    network = keras.Model(detector.inputs, {**others, "towers": towers, PROTOTYPE_FEATURES: mixed})
    last = detector.get_layer(_LAST)

    def run(images: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = network(images, training=False)
        cells = []
        for tower in outputs.pop("towers"):
            kernel = tf.cast(last.depthwise_kernel, tower.dtype)
            level = tf.nn.depthwise_conv2d(tower, kernel, (1, 1, 1, 1), "SAME")
            _, rows, columns, channels = level.shape
            cells.append(tf.reshape(level, (-1, rows * columns, channels)))
        return {
            **outputs,
            FEATURES: tf.cast(tf.concat(cells, axis=1), tf.float32),
            PROTOTYPE_FEATURES: tf.cast(outputs[PROTOTYPE_FEATURES], tf.float32),
        }

    return run


def coefficients_at(detector: Detector, features: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """Compute the coefficients of some anchors, of prototype_features in place of prototypes.

    Args:
        detector: The network.
        features: mask_features of `with_features`.
        anchors: int32 [B, M], in 0..A-1.

    Returns:
        float32 [B, M, C + 36], C channels of prototype_features. The bias of the prototypes is in
        the constant term of the shape.
    """
    each = _anchors_of_a_cell(detector)
    mixed = _mixed(detector, tf.gather(features, anchors // each, batch_dims=1))
    found = tf.gather(mixed, anchors % each, batch_dims=2)
    mix, constant, shape = tf.split(found, (PROTOTYPES, 1, SHAPE_TERMS - 1), axis=2)
    last = detector.get_layer(_PROTOTYPES)
    kernel, bias = (tf.cast(part, tf.float32) for part in (last.kernel[0, 0], last.bias[None]))
    mixes = tf.matmul(mix, kernel, transpose_b=True)
    return tf.concat([mixes, constant + tf.matmul(mix, bias, transpose_b=True), shape], axis=2)


def all_coefficients(detector: Detector, features: tf.Tensor) -> tf.Tensor:
    """Compute the detector's `mask_coefficients` float32 [B, A, 68] of all its mask_features."""
    mixed = _mixed(detector, features)
    return tf.reshape(mixed, (-1, features.shape[1] * _anchors_of_a_cell(detector), _SIZE))


def _anchors_of_a_cell(detector: Detector) -> int:
    return detector.get_layer(_LAST).filters // _SIZE


def _mixed(detector: Detector, features: tf.Tensor) -> tf.Tensor:
    """float32 [B, n, 9, 68]: the coefficients of all anchors of cells [B, n, C]."""
    last = detector.get_layer(_LAST)
    kernel = tf.cast(last.pointwise_kernel, tf.float32)[0, 0]
    mixed = tf.matmul(tf.reshape(features, (-1, features.shape[-1])), kernel)
    mixed += tf.cast(last.bias, tf.float32)
    count = tf.shape(features)[1]
    return tf.reshape(mixed, (-1, count, _anchors_of_a_cell(detector), _SIZE))
