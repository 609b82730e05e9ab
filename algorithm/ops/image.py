"""Pixels to network input, the same way in training, evaluation and the exported graph."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

FINE_STEPS = 256  # steps of a grey level in 16-bit pictures


def normalize(
    image: tf.Tensor, mean: float | Sequence[float], std: float | Sequence[float]
) -> tf.Tensor:
    """Compute (image - mean) / std per RGB channel.

    Args:
        image: [..., W, 3] of any number type, in 0..255.
        mean: One number, or one per channel, in grey levels.
        std: Likewise.

    Returns:
        float32 [..., W, 3].
    """
    shape = tf.shape(image)
    # Whole rows of numbers at a time: arithmetic that broadcasts along an axis of 3 takes five
    # times as long.
    rows = tf.reshape(tf.cast(image, tf.float32), tf.concat([shape[:-2], [shape[-2] * 3]], axis=0))
    mean, std = (
        tf.tile(tf.broadcast_to(tf.cast(value, tf.float32), [3]), shape[-2:-1])
        for value in (mean, std)
    )
    return tf.ensure_shape(tf.reshape((rows - mean) / std, shape), image.shape)


def network_input(
    images: tf.Tensor,
    extent: tf.Tensor,
    mean: float | Sequence[float],
    std: float | Sequence[float],
) -> tf.Tensor:
    """Normalise batched pictures; what lies outside of a picture becomes zero, the mean colour.

    Args:
        images: [B, H, W, 3], uint8 in grey levels or uint16 in 1/256 of them.
        extent: int32 [B, 2], rows and columns from the top left corner that are picture.
        mean: One number, or one per channel, in grey levels.
        std: Likewise.

    Returns:
        float32 [B, H, W, 3].
    """
    step = FINE_STEPS if images.dtype == tf.uint16 else 1
    mean, std = (tf.constant(value, tf.float32) * step for value in (mean, std))
    rows, columns = (
        tf.sequence_mask(extent[:, axis], images.shape[1 + axis], tf.float32) for axis in (0, 1)
    )
    return normalize(images, mean, std) * rows[:, :, None, None] * columns[:, None, :, None]


def letterbox(image: tf.Tensor, size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Fit an image into a size, aspect kept, in the top left corner; the rest is zero.

    The image is resized bilinearly without antialiasing to int(side * scale). Normalise first:
    zeros are then the mean colour.

    Args:
        image: [H, W, 3] or [B, H, W, 3].
        size: (height, width) in pixels.

    Returns:
        float32 [..., height, width, 3], and the scale, a float32 scalar: network pixels per
        original pixel.
    """
    scale, fitted = letterbox_scale(tf.shape(image)[-3:-1], size)
    return pad_bottom_right(resize(image, fitted), size), scale


def letterbox_scale(shape: tf.Tensor, size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the scale at which an image fits into a size.

    Args:
        shape: int32 [2], (height, width) of the image.
        size: (height, width) in pixels.

    Returns:
        The scale, a float32 scalar, and the image's shape there, int32 [2].
    """
    shape = tf.cast(shape, tf.float32)
    scale = tf.reduce_min(tf.constant(size, tf.float32) / shape)
    return scale, tf.maximum(tf.cast(shape * scale, tf.int32), 1)


def resize(image: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Resize an image bilinearly without antialiasing, as published.

    Args:
        image: [..., H, W, 3] of any number type.
        shape: int32 [2], (height, width).

    Returns:
        float32 [..., height, width, 3].
    """
    return tf.image.resize(image, shape, method="bilinear", antialias=False)


def pad_bottom_right(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Add zeros below and to the right of an image.

    Args:
        image: [..., H, W, 3], of at most `size`.
        size: (height, width) in pixels.

    Returns:
        [..., height, width, 3], of the same number type.
    """
    missing = tf.constant(size, tf.int32) - tf.shape(image)[-3:-1]
    leading = len(image.shape) - 3
    paddings = tf.concat(
        [tf.zeros([leading, 2], tf.int32), [[0, missing[0]], [0, missing[1]], [0, 0]]], axis=0
    )
    padded = tf.pad(image, paddings)
    padded.set_shape([*image.shape[:leading], *size, image.shape[-1]])
    return padded
