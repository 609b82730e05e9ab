"""Detection losses: focal loss on classes, Huber (and IoU) loss on boxes.

Both are normalised by the count of positive anchors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from algorithm.ops.anchor_matching import IGNORED
from algorithm.ops.box_iou_loss import iou_loss
from algorithm.ops.boxes import decode_boxes


@dataclass(frozen=True)
class LossConfig:
    """Weights of the published loss.

    `iou_loss_type` is "" (none), "iou", "giou", "diou" or "ciou". `class_weights` has a weight for
    each class: how much an anchor that takes an object of it counts in every loss; () for 1.
    """

    alpha: float = 0.25
    gamma: float = 1.5
    delta: float = 0.1
    label_smoothing: float = 0.0
    box_loss_weight: float = 50.0
    iou_loss_type: str = ""
    iou_loss_weight: float = 1.0
    class_weights: tuple[float, ...] = ()
    mask_loss_weight: float = 2.5


def focal_loss(logits: tf.Tensor, targets: tf.Tensor, config: LossConfig) -> tf.Tensor:
    """Compute the sum of the sigmoid focal loss (Lin et al. 2017, equation 5).

    Label smoothing changes the cross entropy only, not the modulating factor, as published.

    Args:
        logits: float32 [B, A, K].
        targets: int32 [B, A], -1 for background, -2 for anchors that do not count.
        config: alpha, gamma, label_smoothing and class_weights.

    Returns:
        A float32 scalar.
    """
    hit = targets[..., None] == tf.range(tf.shape(logits)[-1], dtype=targets.dtype)
    signed = tf.where(hit, logits, -logits)
    # softplus(x) = max(x, 0) + log(1 + exp(-|x|)); one exponential and one logarithm serve both
    # signs of x (log(1 + e) instead of log1p(e), an eighth of the time of this function less: where
    # they differ, the term is below 1e-7)
    tail = tf.math.log(1.0 + tf.exp(-tf.abs(signed)))
    surprise = tail + tf.maximum(signed, 0.0)  # -log of the probability of a miss
    modulation = tf.exp(-config.gamma * surprise) * tf.where(hit, config.alpha, 1.0 - config.alpha)
    # cross entropy of (1 - s, s) = (1 - s) softplus(-x) + s softplus(x), and softplus(x) =
    # softplus(-x) + x
    cross_entropy = tail + tf.maximum(-signed, 0.0) + config.label_smoothing / 2 * signed
    weights = anchor_weights(targets, config.class_weights)
    losses = modulation * cross_entropy
    if weights is not None:
        losses *= weights[..., None]
    return tf.reduce_sum(tf.where(targets[..., None] != IGNORED, losses, 0.0))


def anchor_weights(targets: tf.Tensor, class_weights: Sequence[float]) -> tf.Tensor | None:
    """Return how much each anchor counts.

    Args:
        targets: int32 [B, A], -1 and less for background, which counts 1.
        class_weights: K weights, or none of them.

    Returns:
        float32 [B, A], or None where all count alike.
    """
    if not class_weights:
        return None
    return tf.gather(tf.constant([1.0, *class_weights], tf.float32), tf.maximum(targets, -1) + 1)


def huber_loss(
    deltas: tf.Tensor, targets: tf.Tensor, delta: float, weights: tf.Tensor | None = None
) -> tf.Tensor:
    """Compute the sum of the Huber loss over every target that is not zero.

    Args:
        deltas: float32 [B, A, 4].
        targets: float32 [B, A, 4].
        delta: Where the loss turns from quadratic to linear.
        weights: float32 [B, A], how much each anchor counts; None for alike.

    Returns:
        A float32 scalar.
    """
    error = tf.abs(tf.where(targets != 0.0, deltas - targets, 0.0))
    quadratic = tf.minimum(error, delta)
    loss = 0.5 * tf.square(quadratic) + delta * (error - quadratic)
    return tf.reduce_sum(loss if weights is None else loss * weights[..., None])


def detection_losses(
    outputs: Mapping[str, tf.Tensor | Sequence[tf.Tensor]],
    targets: dict[str, tf.Tensor],
    anchors: tf.Tensor,
    config: LossConfig,
    num_positives: tf.Tensor | None = None,
) -> dict[str, tf.Tensor]:
    """Compute the losses of a detector and their weighted sum.

    Args:
        outputs: Of a Detector; class_logits may be a list of parts that follow one another along A.
        targets: Of `match_anchors`.
        anchors: float32 [A, 4].
        config: The weights.
        num_positives: float32 scalar, positive anchors of the global batch; None counts this batch.
            The normaliser is that plus 1, times 4 for boxes.

    Returns:
        cls_loss, box_loss, iou_loss (if config asks for it) and det_loss, their weighted sum:
        float32 scalars.
    """
    positives = tf.reduce_sum(targets["num_positives"]) if num_positives is None else num_positives
    normaliser = positives + 1.0
    logits, deltas = outputs["class_logits"], outputs["box_deltas"]
    parts = logits if isinstance(logits, Sequence) else [logits]
    assigned = tf.split(targets["class_targets"], [part.shape[1] for part in parts], axis=1)
    weights = anchor_weights(targets["class_targets"], config.class_weights)
    losses = {
        "cls_loss": tf.add_n(
            [focal_loss(*pair, config) for pair in zip(parts, assigned, strict=True)]
        )
        / normaliser,
        "box_loss": huber_loss(deltas, targets["box_targets"], config.delta, weights)
        / (4.0 * normaliser),
    }
    losses["det_loss"] = losses["cls_loss"] + config.box_loss_weight * losses["box_loss"]
    if config.iou_loss_type:
        per_anchor = iou_loss(
            decode_boxes(deltas, anchors),
            decode_boxes(targets["box_targets"], anchors),
            config.iou_loss_type,
        )
        if weights is not None:
            per_anchor *= weights
        positive = targets["class_targets"] >= 0
        losses["iou_loss"] = tf.reduce_sum(tf.where(positive, per_anchor, 0.0)) / (4.0 * normaliser)
        losses["det_loss"] += config.iou_loss_weight * losses["iou_loss"]
    return losses
