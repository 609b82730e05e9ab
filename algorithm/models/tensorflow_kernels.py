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


def batch_norm_as_loaded(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    epsilon: float,
) -> tf.Tensor:
    """Normalise as batch_norm_of_statistics does, in a training that changes nothing of it.

    Only x has a gradient, which is one product: TensorFlow's kernel computes those of gamma and
    beta beside it.

    Args:
        x: [B, H, W, C].
        gamma: float32 [C].
        beta: float32 [C].
        mean: float32 [C].
        variance: float32 [C].
        epsilon: Is added to the variance.

    Returns:
        [B, H, W, C] of the dtype of x.
    """

    @tf.custom_gradient
    def normalise(x):
        scale = tf.cast(gamma, tf.float32) * tf.math.rsqrt(tf.cast(variance, tf.float32) + epsilon)

        def backward(upstream):
            return upstream * tf.cast(scale, upstream.dtype)

        return batch_norm_of_statistics(x, gamma, beta, mean, variance, epsilon), backward

    gamma, beta, mean, variance = map(tf.convert_to_tensor, (gamma, beta, mean, variance))
    return normalise(x)


def pointwise_conv(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None = None) -> tf.Tensor:
    """Convolve by a kernel of one pixel, for training on a CPU.

    The kernel's gradient is a product of two matrices, which takes less time than TensorFlow's
    kernel for any convolution (docs/research/2026-11-30-step-against-published.md).

    Args:
        x: [B, H, W, C].
        kernel: [1, 1, C, D].
        bias: [D].

    Returns:
        [B, H, W, D].
    """
    strides = [1, 1, 1, 1]

    @tf.custom_gradient
    def convolve(x, kernel, *bias):
        def backward(upstream):
            of_x = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(x),
                filter=kernel,
                out_backprop=upstream,
                strides=strides,
                padding="VALID",
            )
            rows, columns = (tf.reshape(value, [-1, value.shape[-1]]) for value in (x, upstream))
            of_kernel = tf.matmul(rows, columns, transpose_a=True)[None, None]
            return of_x, of_kernel, *(_bias_gradient(upstream) for _ in bias)

        outputs = tf.raw_ops.Conv2D(input=x, filter=kernel, strides=strides, padding="VALID")
        return tf.nn.bias_add(outputs, *bias) if bias else outputs, backward

    variables = [kernel] if bias is None else [kernel, bias]
    return convolve(x, *map(tf.convert_to_tensor, variables))


def _bias_gradient(upstream):
    # TensorFlow's kernel would sum up bfloat16 in bfloat16, and stop after some hundred values.
    summed = tf.raw_ops.BiasAddGrad(out_backprop=tf.cast(upstream, tf.float32))
    return tf.cast(summed, upstream.dtype)


def depthwise_conv(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Convolve each channel by a kernel of its own with padding "same", for training on a CPU.

    oneDNN's kernel for the gradient of a depthwise kernel takes three columns at most; wider ones
    go to one for any convolution, which is several times slower
    (docs/research/2026-11-30-step-against-published.md). Here that gradient is computed in parts of
    three columns.

    Args:
        x: [B, H, W, C], H and W known.
        kernel: [h, w, C, 1].
        stride: Along both axes.

    Returns:
        [B, ceil(H / stride), ceil(W / stride), C].
    """
    strides = [1, stride, stride, 1]
    if kernel.shape[1] <= _WIDEST:
        return tf.nn.depthwise_conv2d(x, kernel, strides, "SAME")

    @tf.custom_gradient
    def convolve(x, kernel):
        def backward(upstream):
            of_x = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(x),
                filter=kernel,
                out_backprop=upstream,
                strides=strides,
                padding="SAME",
            )
            return of_x, _depthwise_kernel_gradient(x, upstream, kernel.shape, stride)

        return tf.raw_ops.DepthwiseConv2dNative(
            input=x, filter=kernel, strides=strides, padding="SAME"
        ), backward

    return convolve(x, tf.convert_to_tensor(kernel))


def _depthwise_kernel_gradient(x, upstream, shape, stride):
    height, width, channels, _ = shape
    top = _padding(x.shape[1], height, stride)
    left = _padding(x.shape[2], width, stride)
    parts = []
    for first in range(0, width, _WIDEST):
        start = min(first, width - _WIDEST)  # the last part begins early, to be as wide
        rows = _window(x, 1, -top, stride * (upstream.shape[1] - 1) + height)
        window = _window(rows, 2, start - left, stride * (upstream.shape[2] - 1) + _WIDEST)
        part = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
            input=window,
            filter_sizes=[height, _WIDEST, channels, 1],
            out_backprop=upstream,
            strides=[1, stride, stride, 1],
            padding="VALID",
        )
        parts.append(part[:, first - start :])
    return tf.concat(parts, axis=1)


def _padding(size: int, kernel: int, stride: int) -> int:
    """How many pixels padding "same" puts before an axis."""
    return max((-(-size // stride) - 1) * stride + kernel - size, 0) // 2


def _window(x, axis, start, length):
    """Cut [start, start + length) out of an axis, with zeros beyond its ends."""
    before, after = max(-start, 0), max(start + length - x.shape[axis], 0)
    cut = [slice(None)] * 4
    cut[axis] = slice(max(start, 0), min(start + length, x.shape[axis]))
    padding = [[0, 0]] * 4
    padding[axis] = [before, after]
    return tf.pad(x[tuple(cut)], padding)


def only_cpus() -> bool:
    """Return whether TensorFlow sees no other device than CPUs."""
    return all(device.device_type == "CPU" for device in tf.config.list_logical_devices())


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


_WIDEST = 3  # columns of a depthwise kernel
_SMALL = 2**17  # elements
_PLAIN, _COMPILED = (
    [tf.function(step, jit_compile=jit, autograph=False) for step in (_swish, _swish_gradient)]
    for jit in (False, True)
)
