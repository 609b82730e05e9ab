"""From raw outputs to detections: decoding, top-k and per-class NMS in plain graph operations."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from algorithm.ops.boxes import box_area, clip_boxes, decode_boxes, overlap_and_union


@dataclass(frozen=True)
class NmsConfig:
    """How overlapping detections of one class are thinned.

    Attributes:
        method: "gaussian" (soft NMS, Bodla et al. 2017) or "hard".
        iou_threshold: IoU above which hard suppression drops a detection.
        sigma: Variance of gaussian suppression.
        score_threshold: Detections below it are dropped.
        max_inputs: How many (anchor, class) candidates enter.
        max_detections: How many detections leave, M.
    """

    method: str = "gaussian"
    iou_threshold: float = 0.5
    sigma: float = 0.5
    score_threshold: float = 0.001
    max_inputs: int = 5000
    max_detections: int = 100


def detect(
    outputs: dict[str, tf.Tensor],
    anchors: tf.Tensor,
    config: NmsConfig,
    hard_above: tf.Tensor | None = None,
    *,
    with_anchors: bool = False,
) -> dict[str, tf.Tensor]:
    """Turn a detector's outputs into detections in network pixels.

    Args:
        outputs: class_logits [B, A, K] and box_deltas [B, A, 4] of a Detector; mask_coefficients
            [B, A, k] where masks are wanted.
        anchors: float32 [A, 4].
        config: How overlapping detections are thinned.
        hard_above: float32 [B], for each picture the IoU above which NMS drops a box, or a negative
            number for soft NMS. None treats all pictures as config says.
        with_anchors: Return the anchor of each detection too.

    Returns:
        boxes float32 [B, M, 4] yxyx (not clipped), scores float32 [B, M], labels int32 [B, M] in
        0..K-1 and count int32 [B]. They are sorted by score; rows past count are zero with label
        -1. Where masks are wanted, also coefficients float32 [B, M, k]; anchors int32 [B, M] where
        they are asked for.
    """
    scores, labels, boxes, chosen = _candidates(outputs, anchors, config.max_inputs)
    found, places = _suppress(scores, labels, boxes, config, hard_above)
    if "mask_coefficients" in outputs:
        anchor = tf.gather(chosen, places, batch_dims=1)
        found["coefficients"] = tf.gather(outputs["mask_coefficients"], anchor, batch_dims=1)
    if with_anchors:
        found["anchors"] = tf.gather(chosen, places, batch_dims=1)
    return found


def to_image(
    detections: dict[str, tf.Tensor], scale: tf.Tensor, size: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Move detections to the pixels of the original pictures and clip them.

    Args:
        detections: Of `detect`.
        scale: float32 [B], network pixels per original pixel.
        size: float32 [B, 2], original (height, width).

    Returns:
        The same detections with the boxes moved.
    """
    boxes = clip_boxes(detections["boxes"] / scale[:, None, None], size[:, None, :])
    return {**detections, "boxes": boxes}


def _candidates(outputs, anchors, limit) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return scores, labels, boxes and anchors of the `limit` highest (anchor, class) logits.

    Each of them lies on one of the `limit` anchors with the highest best logit. So those anchors
    are taken first, and the long sort runs over few.
    """
    logits, deltas = outputs["class_logits"], outputs["box_deltas"]
    classes = tf.shape(logits)[2]
    anchor_limit = tf.minimum(limit, tf.shape(logits)[1])
    best = tf.math.top_k(tf.reduce_max(logits, axis=2), anchor_limit, sorted=False).indices
    logits = tf.gather(logits, best, batch_dims=1)
    flat = tf.reshape(logits, (tf.shape(logits)[0], anchor_limit * classes))
    top = tf.math.top_k(flat, tf.minimum(limit, tf.shape(flat)[1]))
    chosen = tf.gather(best, top.indices // classes, batch_dims=1)
    boxes = decode_boxes(tf.gather(deltas, chosen, batch_dims=1), tf.gather(anchors, chosen))
    return tf.sigmoid(top.values), top.indices % classes, boxes, chosen


def _decay(iou: tf.Tensor, config: NmsConfig, hard_above: tf.Tensor | None) -> tf.Tensor:
    if hard_above is not None:
        limit = hard_above[:, None]
        return tf.where(
            limit < 0, tf.exp(-tf.square(iou) / config.sigma), tf.cast(iou <= limit, tf.float32)
        )
    if config.method == "hard":
        return tf.cast(iou <= config.iou_threshold, tf.float32)
    if config.method == "gaussian":
        return tf.exp(-tf.square(iou) / config.sigma)
    raise ValueError(f"NMS method: expected gaussian or hard, found {config.method!r}")


def _iou_with(box: tf.Tensor, boxes: tf.Tensor, areas: tf.Tensor) -> tf.Tensor:
    """IoU [B, N] of box [B, 4] with boxes given as four planes [4, B, N] and their areas [B, N]."""
    sides = [box[:, side : side + 1] for side in range(4)]
    planes = [boxes[side] for side in range(4)]
    overlap, union = overlap_and_union(sides, planes, box_area(box)[:, None], areas)
    return tf.math.divide_no_nan(overlap, union)


def _suppress(scores, labels, boxes, config, hard_above) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Choose detections greedily over all classes at once; also tell which candidates they are.

    A class only ever decays itself, so taking the best remaining score gives the same list as NMS
    within each class followed by a sort over all.
    """
    planes, areas = tf.transpose(boxes, (2, 0, 1)), box_area(boxes)
    columns = tf.range(tf.shape(scores)[1], dtype=tf.int32)[None]

    def step(index, scores, chosen_score, chosen):
        best = tf.argmax(scores, axis=1, output_type=tf.int32)
        score = tf.gather(scores, best, batch_dims=1)
        box, label = tf.gather(boxes, best, batch_dims=1), tf.gather(labels, best, batch_dims=1)
        decay = _decay(_iou_with(box, planes, areas), config, hard_above)
        rest = tf.where(labels == label[:, None], scores * decay, scores)
        rest = tf.where(columns == best[:, None], 0.0, rest)
        return index + 1, rest, chosen_score.write(index, score), chosen.write(index, best)

    size = config.max_detections
    arrays = (tf.TensorArray(tf.float32, size), tf.TensorArray(tf.int32, size))
    _, _, score, index = tf.while_loop(
        lambda *_: True, step, (0, scores, *arrays), maximum_iterations=size
    )
    score, index = tf.transpose(score.stack()), tf.transpose(index.stack())
    kept = score > config.score_threshold
    return {
        "boxes": tf.where(kept[..., None], tf.gather(boxes, index, batch_dims=1), 0.0),
        "scores": tf.where(kept, score, 0.0),
        "labels": tf.where(kept, tf.gather(labels, index, batch_dims=1), -1),
        "count": tf.reduce_sum(tf.cast(kept, tf.int32), axis=1),
    }, index
