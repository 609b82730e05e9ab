"""Random changes to a training picture and its boxes, each a pure function of a seed."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from algorithm.ops.image import normalize, pad_bottom_right


@dataclass(frozen=True)
class Augmentation:
    """flip: mirror half of the pictures. jitter: least and greatest scale, relative to the network's input."""

    flip: bool = True
    jitter: tuple[float, float] = (0.1, 2.0)


def flip_left_right(image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The picture [H, W, 3] and its boxes float32 [N, 4] (yxyx pixels), mirrored or not as `seed` int [2] decides."""
    width = tf.cast(tf.shape(image)[1], tf.float32)
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=1)
    mirrored = tf.stack([ymin, width - xmax, ymax, width - xmin], axis=1)
    tossed = tf.random.stateless_uniform([], seed) < 0.5
    return tf.cond(tossed, lambda: (tf.reverse(image, [1]), mirrored), lambda: (image, boxes))


def jitter_crop(image: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor, *, size: tuple[int, int],
                jitter: tuple[float, float], seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """A random window of the picture at a random scale, with the boxes that show in it.

    The picture is scaled to fit a target that is `size` (height, width) times a factor drawn from `jitter`; of what
    is larger than `size` a random part is taken. image: [H, W, 3]; boxes: float32 [N, 4] yxyx pixels; labels: [N];
    seed: int [2]. Returns float32 [h, w, 3] with h, w <= size, boxes [M, 4] in its pixels, labels [M].
    """
    draws = tf.random.stateless_uniform([3], seed)
    target = tf.constant(size, tf.float32)
    original = tf.cast(tf.shape(image)[:2], tf.float32)
    factor = jitter[0] + (jitter[1] - jitter[0]) * draws[0]
    scale = tf.reduce_min(tf.floor(factor * target) / original)
    scaled = tf.maximum(tf.cast(original * scale, tf.int32), 1)
    room = tf.cast(tf.maximum(scaled - tf.constant(size, tf.int32), 0), tf.float32)
    corner = tf.cast(room * draws[1:], tf.int32)
    resized = tf.image.resize(image, scaled, method="bilinear", antialias=False)
    window = resized[corner[0]:corner[0] + size[0], corner[1]:corner[1] + size[1]]
    boxes = boxes * tf.tile(tf.cast(scaled, tf.float32) / original, [2]) - tf.tile(tf.cast(corner, tf.float32), [2])
    boxes = tf.clip_by_value(boxes, 0.0, tf.tile(tf.cast(tf.shape(window)[:2], tf.float32), [2]))
    shown = tf.reduce_all(boxes[:, 2:] > boxes[:, :2], axis=1)
    return window, tf.boolean_mask(boxes, shown), tf.boolean_mask(labels, shown)


def training_view(image: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor, *, size: tuple[int, int], mean: object,
                  std: object, augmentation: Augmentation, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Network input float32 [height, width, 3] of a random view of the picture, boxes [M, 4] in its pixels, labels [M].

    Normalising after the resize gives the same numbers as before it (the resize is linear) for fewer pixels; padding
    comes last, so that it is the mean colour.
    """
    if augmentation.flip:
        image, boxes = flip_left_right(image, boxes, tf.random.experimental.stateless_fold_in(seed, 1))
    window, boxes, labels = jitter_crop(image, boxes, labels, size=size, jitter=augmentation.jitter,
                                        seed=tf.random.experimental.stateless_fold_in(seed, 2))
    return pad_bottom_right(normalize(window, mean, std), size), boxes, labels
