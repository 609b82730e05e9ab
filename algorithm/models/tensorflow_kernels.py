"""TensorFlow's own kernels for what the networks compute: fewer passes over memory."""

from __future__ import annotations

import tensorflow as tf

# The result, mean and variance, and what `of_the_batch` takes.
Normalised = tuple[tf.Tensor, tf.Tensor, tf.Tensor, float | tf.Tensor | None]


def batch_norm_of_batch(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> Normalised:
    """Normalise by the statistics of the batch, over all axes but the last.

    Args:
        x: float32, bfloat16 or float16 [B, H, W, C].
        gamma: float32 [C].
        beta: float32 [C].
        epsilon: Added to the variance.

    Returns:
        The result in the dtype of x; mean and variance, float32 [C]; and how many values the
        variance is of, which is divided by one less: see `of_the_batch`.
    """
    # GPUs need the newer kernel. A gradient tape makes zeros for each of its outputs that nobody
    # uses, five operations for each layer; for those of the older one it makes none.
    newer = x.dtype != tf.float32 or tf.config.list_logical_devices("GPU")
    kernel = tf.raw_ops.FusedBatchNormV3 if newer else tf.raw_ops.FusedBatchNorm
    y, mean, variance, *_ = kernel(
        x=x,
        scale=tf.cast(gamma, tf.float32),
        offset=tf.cast(beta, tf.float32),
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        epsilon=epsilon,
        is_training=True,
    )
    if x.shape.is_fully_defined():
        count = float(x.shape.num_elements() // x.shape[-1])
    else:
        count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
    return y, mean, variance, count


def of_the_batch(variance: tf.Tensor, count: float | tf.Tensor | None) -> tf.Tensor:
    """Return the variance divided by the count, as tf.nn.moments gives it.

    Args:
        variance: float32 [C], divided by the count less one.
        count: How many values it is of; None where it is divided by the count.
    """
    return variance if count is None else variance * (count - 1.0) / count


def batch_norm_of_replicas(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> Normalised:
    """Normalise by the statistics over all replicas, in one exchange per layer.

    Each replica must have as many pictures.

    Args:
        x: float32, bfloat16 or float16 [B, H, W, C].
        gamma: float32 [C].
        beta: float32 [C].
        epsilon: Added to the variance.

    Returns:
        As of `batch_norm_of_batch`; the variance is divided by the count, which is left out.
    """
    wide = tf.cast(x, tf.float32)
    mean, variance = tf.nn.moments(wide, axes=list(range(len(x.shape) - 1)))
    replicas = tf.distribute.get_replica_context()
    mean, square = tf.unstack(
        replicas.all_reduce(
            tf.distribute.ReduceOp.MEAN, tf.stack([mean, variance + tf.square(mean)])
        )
    )
    variance = tf.maximum(square - tf.square(mean), 0.0)
    scale = tf.math.rsqrt(variance + epsilon) * gamma
    return tf.cast(wide * scale + (beta - mean * scale), x.dtype), mean, variance, None


def batch_norm_of_statistics(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    epsilon: float,
) -> tf.Tensor:
    """Normalise x [B, H, W, C] by the statistics given, float32 [C]; the dtype stays that of x."""
    scale, offset, mean, variance = (
        tf.cast(value, tf.float32) for value in (gamma, beta, mean, variance)
    )
    return tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=scale,
        offset=offset,
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        is_training=False,
    ).y


@tf.custom_gradient
def swish(x: tf.Tensor) -> tf.Tensor:
    """Compute x * sigmoid(x) for training.

    Left to itself TensorFlow takes a pass over memory for each of eight small steps. XLA makes one
    of them, but compiles for each shape: small tensors gain nothing that would pay for it.
    """
    small = x.shape.is_fully_defined() and x.shape.num_elements() <= _SMALL
    forward, backward = _PLAIN if small else _COMPILED
    return forward(x), lambda upstream: backward(x, upstream)


def _swish(x: tf.Tensor) -> tf.Tensor:
    return x * tf.sigmoid(x)


def _swish_gradient(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    sigmoid = tf.sigmoid(x)
    return upstream * sigmoid * (1.0 + x * (1.0 - sigmoid))


_SMALL = 2**17  # elements
_PLAIN, _COMPILED = (
    [tf.function(step, jit_compile=jit, autograph=False) for step in (_swish, _swish_gradient)]
    for jit in (False, True)
)
