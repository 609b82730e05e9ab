"""What a student detector loses against a teacher's raw outputs, and which teacher's anchor stands
for which student's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from algorithm.ops.anchor_matching import MATCH_IOU
from algorithm.ops.anchors import ASPECT_RATIOS, SCALES_PER_OCTAVE, anchor_grid, feature_sizes
from algorithm.ops.box_arrays import iou
from algorithm.ops.boxes import decode_boxes, encode_boxes

_PER_CELL = len(ASPECT_RATIOS) * SCALES_PER_OCTAVE


@dataclass(frozen=True)
class SoftLossConfig:
    """method: a value of kd_method. class_weight, box_weight: 0 switches that part off. delta: of
    the Huber loss.
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
    """{"loss_soft_cls", "loss_soft_box"}, those with a weight: float32 scalars, weighted, to be
    added to the detection loss.

    outputs, teacher: "class_logits" float32 [B, A, K] and "box_deltas" float32 [B, A, 4]; no
    gradient flows to the teacher. teacher may have "aligned" bool [A]: anchors it says something
    about. targets: from match_anchors. num_positives: as in losses.detection_losses, whose
    normaliser these share.

    plain: the divergence of the class probabilities on every anchor, Huber loss of the boxes on the
    anchors that an object takes. foreground: both where there is something to learn, classes by the
    quality focal loss (Li et al. 2020, equation 2), boxes on every anchor by the teacher's
    confidence in it, also beside the objects. crosshead: the same here; what it adds is no
    imitation of outputs, see distillers.OnlinePeer.
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
    """KL divergence float32 [...] of each sigmoid probability from the teacher's, of logits [...];
    0 where they agree.
    """
    return (
        tf.nn.softplus(logits) - tf.nn.softplus(teacher) - tf.sigmoid(teacher) * (logits - teacher)
    )


def quality_focal(logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """|s - t| times the cross entropy of s with target t, float32 [...], s and t the probabilities
    of logits [...].
    """
    target = tf.sigmoid(teacher)
    return tf.abs(tf.sigmoid(logits) - target) * (tf.nn.softplus(logits) - target * logits)


def _huber(error: tf.Tensor, delta: float) -> tf.Tensor:
    quadratic = tf.minimum(tf.abs(error), delta)
    return 0.5 * tf.square(quadratic) + delta * (tf.abs(error) - quadratic)


@dataclass(frozen=True)
class AnchorGeometry:
    """What anchors follow from. image_size: (height, width)."""

    image_size: tuple[int, int]
    min_level: int
    max_level: int
    anchor_scale: float

    def anchors(self) -> np.ndarray:
        """float32 [A, 4], see ops.anchors.anchor_grid."""
        return anchor_grid(self.image_size, self.min_level, self.max_level, self.anchor_scale)

    def scale_from(self, size: tuple[int, int]) -> float:
        """Pixels here per pixel of a picture that fills `size`, when it is fitted into image_size
        with its aspect kept.
        """
        return min(mine / theirs for mine, theirs in zip(self.image_size, size, strict=True))


@dataclass(frozen=True)
class Alignment:
    """For every anchor of the student: index int32 [A] of the teacher's anchor that overlaps it
    most, and whether it does so by as much as a match asks for, aligned bool [A]. scale: teacher's
    pixels per student's. same: nothing needs to be moved."""

    index: np.ndarray
    aligned: np.ndarray
    scale: float
    same: bool


def align(student: AnchorGeometry, teacher: AnchorGeometry) -> Alignment:
    """Which of the teacher's anchors stands for each of the student's, on the same picture fitted
    into both inputs.
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
    """Of every level and kind of anchor the one in the cell that holds a box's centre: int arrays
    [A], one after another.
    """
    sizes = feature_sizes(grid.image_size, grid.max_level)
    offset = 0
    for rows, columns in sizes[grid.min_level :]:
        row, column = (
            np.clip(
                ((boxes[:, axis] + boxes[:, axis + 2]) / 2 * count / side).astype(int), 0, count - 1
            )
            for axis, (count, side) in enumerate(zip((rows, columns), grid.image_size, strict=True))
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
    """The teacher's outputs as said of the student's anchors: {"class_logits" [B, A, K],
    "box_deltas" [B, A, 4], "aligned" [A]}.

    The box that the teacher means is decoded from its anchor and encoded against the student's.
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
