"""Assigning ground truth to anchors, batched and with static shapes (RetinaNet's rule with one threshold)."""

from __future__ import annotations

import tensorflow as tf

from algorithm.ops.boxes import centres_and_log_sizes, deltas_between, pairwise_iou

MATCH_IOU = 0.5
BACKGROUND = -1
NONE = tf.int32.max


def match_anchors(anchors: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
    """Targets of every anchor.

    anchors: float32 [A, 4]. boxes: float32 [B, N, 4]. labels: int32 [B, N], -1 for padding. N may be 0 or more.
    An anchor takes the box it overlaps most if their IoU is at least 0.5; besides, every box takes the anchor
    that overlaps it most (the first of equals; of two boxes claiming one anchor, the earlier wins).
    Returns class_targets int32 [B, A] (-1 background), box_targets float32 [B, A, 4] deltas (0 for background),
    num_positives float32 [B].
    """
    iou = pairwise_iou(boxes, anchors[None])
    iou = tf.where((labels >= 0)[..., None], iou, -1.0)
    most = tf.reduce_max(iou, axis=1, keepdims=True)
    rows = tf.range(tf.shape(boxes)[1])[None, :, None]
    matches = tf.where(most[:, 0] >= MATCH_IOU, _first_row(iou >= most, rows), BACKGROUND)
    forced = _first_row(_best_anchors(iou), rows)
    matches = tf.where(forced < NONE, forced, matches)
    positive = matches != BACKGROUND
    index = tf.maximum(matches, 0)
    class_targets = tf.where(positive, tf.gather(labels, index, batch_dims=1), BACKGROUND)
    matched = tf.gather(centres_and_log_sizes(boxes), index, batch_dims=1)
    return {
        "class_targets": class_targets,
        "box_targets": tf.where(positive[..., None], deltas_between(matched, anchors[None]), 0.0),
        "num_positives": tf.reduce_sum(tf.cast(positive, tf.float32), axis=1),
    }


# Two plain reductions and a comparison, because XLA makes vector code of them and not of an argmax.
def _first_row(true: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """int32 [B, A]: the first row where bool [B, N, A] is true, NONE where there is none."""
    return tf.reduce_min(tf.where(true, rows, NONE), axis=1)


def _best_anchors(iou: tf.Tensor) -> tf.Tensor:
    """bool [B, N, A]: true at one anchor of each box, the first of those it overlaps most, if it overlaps any."""
    most = tf.reduce_max(iou, axis=2, keepdims=True)
    numbers = tf.range(tf.shape(iou)[2])[None, None]
    first = tf.reduce_min(tf.where(iou >= most, numbers, NONE), axis=2, keepdims=True)
    return (numbers == first) & (most > 0.0)
