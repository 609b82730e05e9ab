"""Assigning ground truth to anchors with static shapes (RetinaNet's rule with one threshold)."""

from __future__ import annotations

import tensorflow as tf

from algorithm.ops.boxes import (
    box_area,
    centres_and_log_sizes,
    deltas_between,
    overlap_and_union,
    pairwise_iou,
)

MATCH_IOU = 0.5
INSIDE = 0.5  # share of its own area from which an anchor belongs to a crowd
BACKGROUND = -1  # also the label of padding
IGNORED = -2  # an anchor without loss; also the label of a crowd
NONE = tf.int32.max
BLOCK = 8  # boxes


def match_anchors(
    anchors: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor, *, rows: bool = False
) -> dict[str, tf.Tensor]:
    """Assign a target to every anchor.

    An anchor takes the box it overlaps most if their IoU is at least 0.5. Besides, every box takes
    the anchor that overlaps it most: of equal anchors the first, and of two boxes that claim one
    anchor the earlier wins. An anchor that takes none is ignored where half of its area or more
    lies in one crowd: nobody annotated what is there.

    Args:
        anchors: float32 [A, 4].
        boxes: float32 [B, N, 4]; N may be 0.
        labels: int32 [B, N], -1 for padding, -2 for crowds.
        rows: Whether to return which box each anchor takes.

    Returns:
        class_targets int32 [B, A] (-1 for background, -2 for no loss), box_targets float32
        [B, A, 4] (deltas, 0 where there is no object) and num_positives float32 [B]; with `rows`
        also box_rows int32 [B, A], 0..N-1 or -1 where there is no object.
    """
    matches = _matches(anchors, boxes, labels >= 0)
    positive = matches != BACKGROUND
    index = tf.maximum(matches, 0)
    others = tf.where(_in_crowds(anchors, boxes, labels == IGNORED), IGNORED, BACKGROUND)
    class_targets = tf.where(positive, tf.gather(labels, index, batch_dims=1), others)
    matched = tf.gather(centres_and_log_sizes(boxes), index, batch_dims=1)
    return {
        "class_targets": class_targets,
        "box_targets": tf.where(positive[..., None], deltas_between(matched, anchors[None]), 0.0),
        "num_positives": tf.reduce_sum(tf.cast(positive, tf.float32), axis=1),
        **({"box_rows": matches} if rows else {}),
    }


def _matches(anchors: tf.Tensor, boxes: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    """int32 [B, A]: the row of the box that each anchor takes, or BACKGROUND.

    A block of boxes after the other, as far as there are any in the batch: padding costs nothing,
    and no [B, N, A] is held.
    """
    batch, rows, count = tf.shape(boxes)[0], tf.shape(boxes)[1], tf.shape(anchors)[0]
    more = tf.math.floormod(-rows, BLOCK)
    boxes, real = tf.pad(boxes, [[0, 0], [0, more], [0, 0]]), tf.pad(real, [[0, 0], [0, more]])
    last = tf.reduce_max(tf.where(real, tf.range(1, rows + more + 1), 0))

    def add(
        start: tf.Tensor, most: tf.Tensor, matches: tf.Tensor, forced: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        iou = pairwise_iou(tf.slice(boxes, [0, start, 0], [batch, BLOCK, 4]), anchors[None])
        iou = tf.where(tf.slice(real, [0, start], [batch, BLOCK])[..., None], iou, -1.0)
        numbers = start + tf.range(BLOCK)[None, :, None]
        best = tf.reduce_max(iou, axis=1)
        matches = tf.where(best > most, _first_row(iou >= best[:, None], numbers), matches)
        return (
            start + BLOCK,
            tf.maximum(best, most),
            matches,
            tf.minimum(forced, _first_row(_best_anchors(iou), numbers)),
        )

    none = tf.fill([batch, count], NONE)
    _, most, matches, forced = tf.while_loop(
        lambda start, *_: start < last,
        add,
        (0, tf.fill([batch, count], -1.0), none, none),
        parallel_iterations=1,
        shape_invariants=(tf.TensorShape([]), *[tf.TensorShape([None, anchors.shape[0]])] * 3),
    )
    matches = tf.where((most >= MATCH_IOU) & (matches < NONE), matches, BACKGROUND)
    return tf.where(forced < NONE, forced, matches)


def _in_crowds(anchors: tf.Tensor, boxes: tf.Tensor, crowd: tf.Tensor) -> tf.Tensor:
    """bool [B, A]: whether INSIDE of the anchor lies in one crowd. Box after box to the last crowd.

    Without crowds nothing is computed.
    """
    last = tf.reduce_max(tf.where(crowd, tf.range(1, tf.shape(boxes)[1] + 1), 0))
    areas = box_area(anchors)
    sides = tf.unstack(anchors[None], axis=-1)

    def add(row: tf.Tensor, inside: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        box = boxes[:, row, None]
        overlap, _ = overlap_and_union(tf.unstack(box, axis=-1), sides, box_area(box), areas)
        return row + 1, inside | (crowd[:, row, None] & (overlap >= INSIDE * areas))

    return tf.while_loop(
        lambda row, _: row < last,
        add,
        (0, tf.zeros([tf.shape(boxes)[0], tf.shape(anchors)[0]], tf.bool)),
        parallel_iterations=1,
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, anchors.shape[0]])),
    )[1]


# Plain reductions and a comparison, because XLA makes vector code of them and not of an argmax.
def _first_row(true: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """int32 [B, A]: the first row where bool [B, N, A] is true, NONE where there is none."""
    return tf.reduce_min(tf.where(true, rows, NONE), axis=1)


def _best_anchors(iou: tf.Tensor) -> tf.Tensor:
    """bool [B, N, A]: true at the first of the anchors that each box overlaps most, if any."""
    most = tf.reduce_max(iou, axis=2, keepdims=True)
    numbers = tf.range(tf.shape(iou)[2])[None, None]
    first = tf.reduce_min(tf.where(iou >= most, numbers, NONE), axis=2, keepdims=True)
    return (numbers == first) & (most > 0.0)
