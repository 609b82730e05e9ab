"""Assigning ground truth to anchors, batched and with static shapes (RetinaNet's rule with one threshold)."""

from __future__ import annotations

import tensorflow as tf

from algorithm.ops.boxes import encode_boxes, pairwise_iou

MATCH_IOU = 0.5
BACKGROUND = -1


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
    nearest = tf.argmax(iou, axis=1, output_type=tf.int32)
    matches = tf.where(tf.reduce_max(iou, axis=1) >= MATCH_IOU, nearest, BACKGROUND)
    matches = _force_best_anchor(matches, iou)
    positive = matches != BACKGROUND
    index = tf.maximum(matches, 0)
    class_targets = tf.where(positive, tf.gather(labels, index, batch_dims=1), BACKGROUND)
    # Background anchors encode themselves, so that no logarithm of an empty box is taken.
    matched = tf.where(positive[..., None], tf.gather(boxes, index, batch_dims=1), anchors[None])
    box_targets = tf.where(positive[..., None], encode_boxes(matched, anchors[None]), 0.0)
    return {
        "class_targets": class_targets,
        "box_targets": box_targets,
        "num_positives": tf.reduce_sum(tf.cast(positive, tf.float32), axis=1),
    }


def _force_best_anchor(matches: tf.Tensor, iou: tf.Tensor) -> tf.Tensor:
    batch, rows, anchors = tf.unstack(tf.shape(iou))
    best_anchor = tf.argmax(iou, axis=2, output_type=tf.int32)
    real = tf.reduce_max(iou, axis=2) > 0.0
    row = tf.broadcast_to(tf.range(rows)[None], (batch, rows))
    row = tf.where(real, row, rows)
    where = tf.stack([tf.broadcast_to(tf.range(batch)[:, None], (batch, rows)), best_anchor], axis=-1)
    forced = tf.tensor_scatter_nd_min(tf.fill((batch, anchors), rows), where, row)
    return tf.where(forced < rows, forced, matches)
