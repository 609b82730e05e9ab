"""The few building blocks that backbone, neck and heads share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import layers, ops

from algorithm.errors import AlgorithmError
from algorithm.models.zoo import BatchNormSpec

# Variables that layers change by themselves in training.
CARRIED = ("moving_mean", "moving_variance", "seed_generator_state")


@dataclass
class BatchStatistics:
    """The statistics of batches that batch norms would have moved theirs towards.

    Attributes:
        values: Tensors [C], by the id of the variable of Keras.
        counts: For a variance that is divided by a count less one, the count, by the same id.
    """

    values: dict[int, Any] = field(default_factory=dict)
    counts: dict[int, float] = field(default_factory=dict)


_collected: ContextVar[BatchStatistics | None] = ContextVar("batch_statistics", default=None)


@contextmanager
def collecting_statistics() -> Iterator[BatchStatistics]:
    """Collect the statistics of batches inside this context, and leave the moving ones alone.

    So they can be moved all at once. A layer may be called once inside.
    """
    found = BatchStatistics()
    before = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(before)


def batch_norm(
    name: str,
    momentum: float = BatchNormSpec.momentum,
    epsilon: float = BatchNormSpec.epsilon,
    gamma: str = "ones",
) -> layers.BatchNormalization:
    """Make a batch normalisation, by default with EfficientDet's momentum and epsilon."""
    return BatchNorm(momentum=momentum, epsilon=epsilon, gamma_initializer=gamma, name=name)


def activation(name: str, kind: str) -> layers.Layer:
    """Make the activation `kind` ("swish", "relu6" or "relu") as a layer."""
    return Swish(name=name) if kind == "swish" else layers.Activation(kind, name=name)


@keras.saving.register_keras_serializable("algorithm")
class Conv2D(layers.Conv2D):
    """Keras' convolution; on a CPU the gradient of a kernel of one pixel takes less time.

    See docs/research/2026-11-30-step-against-published.md.
    """

    def call(self, inputs, training=False):
        """Convolve inputs [B, h, w, C]."""
        if not (training and self.kernel_size == self.strides == (1, 1) and _for_cpus(self)):
            return super().call(inputs)
        from algorithm.models.tensorflow_kernels import pointwise_conv

        return self.activation(pointwise_conv(inputs, _tensor(self.kernel), _tensor(self.bias)))


@keras.saving.register_keras_serializable("algorithm")
class DepthwiseConv2D(layers.DepthwiseConv2D):
    """Keras' depthwise convolution; on a CPU the gradient of a wide kernel takes less time."""

    def call(self, inputs, training=False):
        """Convolve inputs [B, h, w, C]."""
        if not (training and self.padding == "same" and not self.use_bias and _for_cpus(self)):
            return super().call(inputs)
        from algorithm.models.tensorflow_kernels import depthwise_conv

        return self.activation(depthwise_conv(inputs, _tensor(self.kernel), self.strides[0]))


@keras.saving.register_keras_serializable("algorithm")
class SeparableConv2D(layers.SeparableConv2D):
    """Keras' separable convolution, with the gradients of Conv2D and DepthwiseConv2D."""

    def call(self, inputs, training=False):
        """Convolve inputs [B, h, w, C]."""
        if not (training and self.padding == "same" and _for_cpus(self)):
            return super().call(inputs)
        from algorithm.models.tensorflow_kernels import depthwise_conv, pointwise_conv

        deep = depthwise_conv(inputs, _tensor(self.depthwise_kernel), self.strides[0])
        outputs = pointwise_conv(deep, _tensor(self.pointwise_kernel), _tensor(self.bias))
        return self.activation(outputs)


def _tensor(variable):
    return None if variable is None else ops.convert_to_tensor(variable)


def _for_cpus(layer: Any) -> bool:
    """Whether a layer is of the kind that the kernels for CPUs compute, and there are only CPUs."""
    plain = (
        layer.data_format == "channels_last"
        and set(layer.dilation_rate) == {1}
        and getattr(layer, "groups", 1) == 1
        and getattr(layer, "depth_multiplier", 1) == 1
    )
    if not plain or keras.config.backend() != "tensorflow":
        return False
    from algorithm.models.tensorflow_kernels import only_cpus

    return only_cpus()


@keras.saving.register_keras_serializable("algorithm")
class BatchNorm(layers.BatchNormalization):
    """Keras' batch normalisation by TensorFlow's fused kernels, which take less time and memory.

    See docs/research/2026-11-25-train-step.md. With `synchronized` the statistics are those of all
    replicas, which must see as many pictures each.
    """

    def call(self, inputs, training=None, mask=None):
        """Normalise inputs [B, h, w, C], in training by their own statistics."""
        if keras.config.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        from algorithm.models import tensorflow_kernels as kernels

        gamma, beta = self.gamma.value, self.beta.value
        if not (training and self.trainable):
            by_statistics = (
                kernels.batch_norm_as_loaded if training else kernels.batch_norm_of_statistics
            )
            return by_statistics(
                inputs,
                gamma,
                beta,
                self.moving_mean.value,
                self.moving_variance.value,
                self.epsilon,
            )
        normalise = (
            kernels.batch_norm_of_replicas if self.synchronized else kernels.batch_norm_of_batch
        )
        outputs, mean, variance, count = normalise(inputs, gamma, beta, self.epsilon)
        collected = _collected.get()
        if collected is not None and isinstance(count, float):
            collected.counts[id(self.moving_variance)] = count
        else:
            variance = kernels.of_the_batch(variance, count)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            if collected is None:
                moving.assign(moving * self.momentum + value * (1.0 - self.momentum))
            elif id(moving) in collected.values:
                raise AlgorithmError(f"train step: {self.name} saw two batches in one pass")
            else:
                collected.values[id(moving)] = value
        return outputs


@keras.saving.register_keras_serializable("algorithm")
class Swish(layers.Layer):
    """x * sigmoid(x) (Ramachandran et al. 2017); in training one pass over memory each way."""

    def call(self, inputs, training=False):
        """Compute inputs * sigmoid(inputs), of any shape."""
        if not training or keras.config.backend() != "tensorflow":
            return ops.silu(inputs)
        from algorithm.models.tensorflow_kernels import swish

        return swish(inputs)

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return input_shape


def upsample_nearest(height: int, width: int, name: str) -> layers.Layer:
    """Return a layer that doubles a map by nearest neighbours and crops it.

    Feature sizes follow ceil(size / 2), so a target is 2h or 2h - 1; doubling and cropping then
    picks floor(i * h / height), the source pixel of the published resize without half-pixel
    centres.

    Args:
        height: The height of the result.
        width: The width of the result.
        name: The layer's name.

    Returns:
        A layer from [B, h, w, C] to [B, height, width, C].
    """
    return _UpsampleNearest(height, width, name=name)


@keras.saving.register_keras_serializable("algorithm")
class _UpsampleNearest(layers.Layer):
    def __init__(self, height: int, width: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.height, self.width = height, width

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        grown = ops.broadcast_to(inputs[:, :, None, :, None, :], self._grown_shape(inputs))
        doubled = ops.reshape(grown, (-1, 2 * height, 2 * width, channels))
        return doubled[:, : self.height, : self.width, :]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.height, self.width, input_shape[-1])

    def _grown_shape(self, inputs):
        _, height, width, channels = inputs.shape
        return (ops.shape(inputs)[0], height, 2, width, 2, channels)

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable("algorithm")
class StochasticDepth(layers.Layer):
    """Drops a picture's branch with probability `rate`, rescales the rest (Huang et al. 2016)."""

    def __init__(self, rate: float, **kwargs) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs, training=False):
        """Drop pictures of inputs [B, h, w, C] in training."""
        if not training or self.rate == 0.0:
            return inputs
        keep = 1.0 - self.rate
        draw = keras.random.uniform(
            (ops.shape(inputs)[0], 1, 1, 1), seed=self.seed_generator, dtype="float32"
        )
        mask = ops.cast(ops.floor(keep + draw), inputs.dtype)
        return inputs / ops.cast(keep, inputs.dtype) * mask

    def get_config(self):
        """Return what the layer is made again from."""
        return {**super().get_config(), "rate": self.rate}
