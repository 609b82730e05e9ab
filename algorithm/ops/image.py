"""Pixels to network input, the same way in training, evaluation and the exported graph."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def normalize(image: tf.Tensor, mean: float | Sequence[float], std: float | Sequence[float]) -> tf.Tensor:
    """float32 [..., 3]: (image - mean) / std per RGB channel, of an image of any number type in 0..255."""
    return (tf.cast(image, tf.float32) - tf.constant(mean, tf.float32)) / tf.constant(std, tf.float32)


def letterbox(image: tf.Tensor, size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """The image fitted into `size` (height, width), aspect kept, in the top left corner, zeros below and right of it.

    image: [H, W, 3] or [B, H, W, 3], resized bilinearly without antialiasing to int(side * scale).
    Returns float32 [..., height, width, 3] and the float32 scalar scale = network pixels per original pixel.
    Normalise first: zeros are then the mean colour.
    """
    shape = tf.shape(image)[-3:-1]
    scale = tf.reduce_min(tf.constant(size, tf.float32) / tf.cast(shape, tf.float32))
    fitted = tf.maximum(tf.cast(tf.cast(shape, tf.float32) * scale, tf.int32), 1)
    resized = tf.image.resize(image, fitted, method="bilinear", antialias=False)
    return pad_bottom_right(resized, size), scale


def pad_bottom_right(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """[..., height, width, 3]: zeros added below and to the right of an image of at most `size` (height, width)."""
    missing = tf.constant(size, tf.int32) - tf.shape(image)[-3:-1]
    leading = len(image.shape) - 3
    paddings = tf.concat([tf.zeros([leading, 2], tf.int32), [[0, missing[0]], [0, missing[1]], [0, 0]]], axis=0)
    padded = tf.pad(image, paddings)
    padded.set_shape([*image.shape[:leading], *size, image.shape[-1]])
    return padded
