"""Losses of boxes by their overlap: IoU, GIoU, DIoU, CIoU."""

from __future__ import annotations

import math

import tensorflow as tf

from algorithm.ops.boxes import box_area, centres_and_sizes, overlap_and_union


def iou_loss(boxes: tf.Tensor, targets: tf.Tensor, kind: str) -> tf.Tensor:
    """Compute 1 - IoU of matching pairs, with the penalty of `kind`.

    Sources: GIoU, Rezatofighi et al. 2019, algorithm 1; DIoU and CIoU, Zheng et al. 2020, equations
    6 and 10.

    Args:
        boxes: float32 [..., 4].
        targets: float32 [..., 4].
        kind: "iou", "giou", "diou" or "ciou".

    Returns:
        float32 [...].

    Raises:
        ValueError: An unknown kind.
    """
    overlap, union = overlap_and_union(
        tf.unstack(boxes, axis=-1),
        tf.unstack(targets, axis=-1),
        box_area(boxes),
        box_area(targets),
    )
    iou = tf.math.divide_no_nan(overlap, union)
    hull = tf.maximum(boxes[..., 2:], targets[..., 2:]) - tf.minimum(
        boxes[..., :2], targets[..., :2]
    )
    if kind == "iou":
        return 1.0 - iou
    if kind == "giou":
        enclosing = hull[..., 0] * hull[..., 1]
        return 1.0 - iou + tf.math.divide_no_nan(enclosing - union, enclosing)
    distance = tf.reduce_sum(
        tf.square(centres_and_sizes(boxes)[0] - centres_and_sizes(targets)[0]), axis=-1
    )
    penalty = tf.math.divide_no_nan(distance, tf.reduce_sum(tf.square(hull), axis=-1))
    if kind == "diou":
        return 1.0 - iou + penalty
    if kind == "ciou":
        return 1.0 - iou + penalty + _aspect_penalty(boxes, targets, iou)
    raise ValueError(f"iou loss: expected iou, giou, diou or ciou, found {kind!r}")


def _aspect_penalty(boxes: tf.Tensor, targets: tf.Tensor, iou: tf.Tensor) -> tf.Tensor:
    sizes, target_sizes = centres_and_sizes(boxes)[1], centres_and_sizes(targets)[1]
    angle = tf.math.atan2(sizes[..., 1], sizes[..., 0]) - tf.math.atan2(
        target_sizes[..., 1], target_sizes[..., 0]
    )
    difference = 4 / math.pi**2 * tf.square(angle)
    weight = tf.stop_gradient(tf.math.divide_no_nan(difference, 1.0 - iou + difference))
    return weight * difference
