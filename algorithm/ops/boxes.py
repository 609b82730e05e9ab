"""Box geometry on tensors.

Every box is [ymin, xmin, ymax, xmax] in pixels unless its name says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

_EPSILON = 1e-8
# exp() of a size delta above this is a box 1000 times its anchor: never right, and it overflows
# float16.
MAX_SIZE_DELTA = math.log(1000.0)


def box_area(boxes: tf.Tensor) -> tf.Tensor:
    """Return the areas float32 [...] of boxes [..., 4]; a box turned inside out has area 0."""
    sides = tf.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def overlap_and_union(
    one: Sequence[tf.Tensor],
    other: Sequence[tf.Tensor],
    one_area: tf.Tensor,
    other_area: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the areas of intersection and union of boxes given side by side.

    Args:
        one: Four float32 tensors, ymin, xmin, ymax and xmax, of any shape.
        other: Likewise, of a shape that broadcasts.
        one_area: float32, the areas of `one`: a caller that loops computes them once.
        other_area: float32, the areas of `other`.

    Returns:
        (intersection, union), float32 of the broadcast shape. Their IoU is
        tf.math.divide_no_nan(intersection, union).
    """
    height = tf.minimum(one[2], other[2]) - tf.maximum(one[0], other[0])
    width = tf.minimum(one[3], other[3]) - tf.maximum(one[1], other[1])
    overlap = tf.maximum(height, 0.0) * tf.maximum(width, 0.0)
    return overlap, one_area + other_area - overlap


def pairwise_iou(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Compute the IoU of every box with every other one.

    Args:
        boxes: float32 [..., N, 4].
        others: float32 [..., M, 4].

    Returns:
        float32 [..., N, M]; 0 where the union is empty.
    """
    overlap, union = overlap_and_union(
        [boxes[..., :, None, side] for side in range(4)],
        [others[..., None, :, side] for side in range(4)],
        box_area(boxes)[..., :, None],
        box_area(others)[..., None, :],
    )
    return tf.math.divide_no_nan(overlap, union)


def centres_and_sizes(boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return centres [y, x] and sizes [height, width], float32 [..., 2] each, of [..., 4] boxes."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]


def encode_boxes(boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """Encode boxes relative to anchors (Faster R-CNN, Ren et al. 2015, equation 2).

    Args:
        boxes: float32 [..., 4].
        anchors: float32 of the same shape.

    Returns:
        Deltas float32 [..., 4], [ty, tx, th, tw].
    """
    return deltas_between(centres_and_log_sizes(boxes), anchors)


def centres_and_log_sizes(boxes: tf.Tensor) -> tf.Tensor:
    """Describe boxes by their centres and the logarithms of their sides.

    Args:
        boxes: float32 [..., 4]; an empty side counts as 1e-8 pixels.

    Returns:
        float32 [..., 4], [y, x, log h, log w].
    """
    centres, sizes = centres_and_sizes(boxes)
    return tf.concat([centres, tf.math.log(tf.maximum(sizes, _EPSILON))], axis=-1)


def deltas_between(described: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """Compute the deltas of `encode_boxes` without a logarithm for each pair.

    Args:
        described: float32 [..., 4], boxes as `centres_and_log_sizes` describes them.
        anchors: float32 [..., 4].

    Returns:
        Deltas float32 [..., 4], [ty, tx, th, tw].
    """
    sizes = centres_and_sizes(anchors)[1]
    return (described - centres_and_log_sizes(anchors)) / tf.concat(
        [sizes, tf.ones_like(sizes)], axis=-1
    )


def decode_boxes(deltas: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """Turn deltas back into boxes; inverse of `encode_boxes`.

    Args:
        deltas: float32 [..., 4], [ty, tx, th, tw].
        anchors: float32 [..., 4], of a shape that broadcasts.

    Returns:
        Boxes float32 [..., 4].
    """
    anchor_centres, anchor_sizes = centres_and_sizes(anchors)
    centres = deltas[..., :2] * anchor_sizes + anchor_centres
    halves = tf.exp(tf.minimum(deltas[..., 2:], MAX_SIZE_DELTA)) * anchor_sizes / 2
    return tf.concat([centres - halves, centres + halves], axis=-1)


def clip_boxes(boxes: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Clip boxes to a picture.

    Args:
        boxes: float32 [..., 4].
        size: float32 [..., 2], (height, width), of a shape that broadcasts.

    Returns:
        Boxes float32 [..., 4].
    """
    limit = tf.concat([size, size], axis=-1)
    return tf.clip_by_value(boxes, 0.0, limit)
