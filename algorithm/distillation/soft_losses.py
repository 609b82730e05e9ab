"""The losses of a student against a teacher's raw outputs, and the match of their anchors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from algorithm.ops.anchor_matching import MATCH_IOU
from algorithm.ops.anchors import (
    ASPECT_RATIOS,
    SCALES_PER_OCTAVE,
    anchor_grid,
    feature_sizes,
    padded_size,
)
from algorithm.ops.box_arrays import iou
from algorithm.ops.boxes import decode_boxes, encode_boxes

_PER_CELL = len(ASPECT_RATIOS) * SCALES_PER_OCTAVE


@dataclass(frozen=True)
class SoftLossConfig:
    """What a student imitates of a teacher, and how strongly.

    Attributes:
        method: A value of kd_method.
        class_weight: The weight of the class loss; 0 switches it off.
        box_weight: The weight of the box loss; 0 switches it off.
        delta: The delta of the Huber loss.
    """

    method: str = "plain"
    class_weight: float = 2.0
    box_weight: float = 200.0
    delta: float = 0.1


def soft_losses(
    outputs: dict[str, tf.Tensor],
    teacher: dict[str, tf.Tensor],
    targets: dict[str, tf.Tensor],
    config: SoftLossConfig,
    num_positives: tf.Tensor | None = None,
) -> dict[str, tf.Tensor]:
    """Compute the losses of a student against a teacher's outputs.

    With "plain" these are the divergence of the class probabilities on every anchor, and the Huber
    loss of the boxes on the anchors that an object takes. With "foreground" both count where there
    is something to learn: classes by the quality focal loss (Li et al. 2020, equation 2), boxes on
    every anchor by the teacher's confidence in it, also beside the objects. "crosshead" gives the
    same here; what it adds is no imitation of outputs, see online_peer.OnlinePeer.

    Args:
        outputs: "class_logits" float32 [B, A, K] and "box_deltas" float32 [B, A, 4].
        teacher: The same of the teacher; no gradient flows to it. It may have "aligned" bool [A]:
            the anchors it says something about.
        targets: What match_anchors returned.
        config: The losses and their weights.
        num_positives: As in losses.detection_losses, whose normaliser these losses share.

    Returns:
        "loss_soft_cls" and "loss_soft_box", those with a weight: float32 scalars, weighted, to be
        added to the detection loss.
    """
    logits, deltas = (tf.stop_gradient(teacher[name]) for name in ("class_logits", "box_deltas"))
    aligned = (
        tf.cast(teacher["aligned"], tf.float32)
        if "aligned" in teacher
        else tf.ones(tf.shape(logits)[1])
    )
    normaliser = (
        tf.reduce_sum(targets["num_positives"]) if num_positives is None else num_positives
    ) + 1.0
    if config.method == "plain":
        classes = bernoulli_divergence(outputs["class_logits"], logits)
        weights = tf.cast(targets["class_targets"] >= 0, tf.float32)
    else:
        classes = quality_focal(outputs["class_logits"], logits)
        weights = tf.sigmoid(tf.reduce_max(logits, axis=-1))
    losses = {}
    if config.class_weight:
        losses["loss_soft_cls"] = (
            config.class_weight * tf.reduce_sum(classes * aligned[:, None]) / normaliser
        )
    if config.box_weight:
        boxes = tf.reduce_sum(_huber(outputs["box_deltas"] - deltas, config.delta), axis=-1)
        losses["loss_soft_box"] = (
            config.box_weight * tf.reduce_sum(boxes * weights * aligned) / (4.0 * normaliser)
        )
    return losses


def bernoulli_divergence(logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Compute the KL divergence of each sigmoid probability from the teacher's.

    Args:
        logits: float32 [...] of the student.
        teacher: float32 [...] of the teacher.

    Returns:
        float32 [...]; 0 where they agree.
    """
    return (
        tf.nn.softplus(logits) - tf.nn.softplus(teacher) - tf.sigmoid(teacher) * (logits - teacher)
    )


def quality_focal(logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Compute |s - t| times the cross entropy of s with target t (Li et al. 2020, equation 2).

    Args:
        logits: float32 [...]; s is their probability.
        teacher: float32 [...]; t is their probability.

    Returns:
        float32 [...].
    """
    target = tf.sigmoid(teacher)
    return tf.abs(tf.sigmoid(logits) - target) * (tf.nn.softplus(logits) - target * logits)


def _huber(error: tf.Tensor, delta: float) -> tf.Tensor:
    quadratic = tf.minimum(tf.abs(error), delta)
    return 0.5 * tf.square(quadratic) + delta * (tf.abs(error) - quadratic)


@dataclass(frozen=True)
class AnchorGeometry:
    """What a network's anchors follow from.

    Attributes:
        image_size: (height, width) of the input, in pixels.
        min_level: The finest level of the pyramid.
        max_level: The coarsest level of the pyramid.
        anchor_scale: Side of the smallest square anchor, in strides.
    """

    image_size: tuple[int, int]
    min_level: int
    max_level: int
    anchor_scale: float

    def anchors(self) -> np.ndarray:
        """Return the anchors, float32 [A, 4], see ops.anchors.anchor_grid."""
        size = padded_size(self.image_size)
        return anchor_grid(size, self.min_level, self.max_level, self.anchor_scale)

    def scale_from(self, size: tuple[int, int]) -> float:
        """Return the scale of a picture between another input and this one.

        Args:
            size: (height, width) of an input that a picture fills.

        Returns:
            Pixels here per pixel there, when the picture is fitted into image_size with its aspect
            kept.
        """
        return min(mine / theirs for mine, theirs in zip(self.image_size, size, strict=True))


@dataclass(frozen=True)
class Alignment:
    """Which of the teacher's anchors stands for each of the student's A anchors.

    Attributes:
        index: int32 [A], the teacher's anchor that overlaps the student's most.
        aligned: bool [A], whether it does so by as much as a match asks for.
        scale: The teacher's pixels per pixel of the student.
        same: Whether the anchors are the same, so that nothing needs to be moved.
    """

    index: np.ndarray
    aligned: np.ndarray
    scale: float
    same: bool


def align(student: AnchorGeometry, teacher: AnchorGeometry) -> Alignment:
    """Find which of the teacher's anchors stands for each of the student's.

    Both look at the same picture, fitted into their inputs.

    Args:
        student: The student's anchors.
        teacher: The teacher's anchors.

    Returns:
        The alignment.
    """
    scale = teacher.scale_from(student.image_size)
    wanted, offered = student.anchors() * scale, teacher.anchors()
    if wanted.shape == offered.shape and np.allclose(wanted, offered, atol=1e-3):
        return Alignment(
            np.arange(len(offered), dtype=np.int32), np.ones(len(offered), bool), scale, True
        )
    best, index = np.zeros(len(wanted), np.float32), np.zeros(len(wanted), np.int32)
    for candidates in _candidates(wanted, teacher):
        overlap = iou(wanted, offered[candidates])
        better = overlap > best
        best[better], index[better] = overlap[better], candidates[better]
    return Alignment(index, best >= MATCH_IOU, scale, False)


def _candidates(boxes: np.ndarray, grid: AnchorGeometry):
    """Yield, for every level and kind of anchor, the one in the cell that holds a box's centre.

    Each is an int array [A].
    """
    size = padded_size(grid.image_size)
    sizes = feature_sizes(size, grid.max_level)
    offset = 0
    for rows, columns in sizes[grid.min_level :]:
        row, column = (
            np.clip(
                ((boxes[:, axis] + boxes[:, axis + 2]) / 2 * count / side).astype(int), 0, count - 1
            )
            for axis, (count, side) in enumerate(zip((rows, columns), size, strict=True))
        )
        for kind in range(_PER_CELL):
            yield offset + (row * columns + column) * _PER_CELL + kind
        offset += rows * columns * _PER_CELL


def moved(
    teacher: dict[str, tf.Tensor],
    alignment: Alignment,
    student_anchors: tf.Tensor,
    teacher_anchors: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Return the teacher's outputs as if they were said of the student's anchors.

    The box that the teacher means is decoded from its anchor and encoded against the student's.

    Args:
        teacher: "class_logits" float32 [B, T, K] and "box_deltas" float32 [B, T, 4].
        alignment: Which of the T anchors stands for which of the student's A.
        student_anchors: float32 [A, 4], [ymin, xmin, ymax, xmax] in pixels.
        teacher_anchors: float32 [T, 4], the same of the teacher.

    Returns:
        {"class_logits" [B, A, K], "box_deltas" [B, A, 4], "aligned" [A]}.
    """
    logits, deltas = (tf.cast(teacher[name], tf.float32) for name in ("class_logits", "box_deltas"))
    if alignment.same:
        return {
            "class_logits": logits,
            "box_deltas": deltas,
            "aligned": tf.constant(alignment.aligned),
        }
    index = tf.constant(alignment.index)
    boxes = (
        decode_boxes(tf.gather(deltas, index, axis=1), tf.gather(teacher_anchors, index))
        / alignment.scale
    )
    return {
        "class_logits": tf.gather(logits, index, axis=1),
        "box_deltas": encode_boxes(boxes, student_anchors[None]),
        "aligned": tf.constant(alignment.aligned),
    }
