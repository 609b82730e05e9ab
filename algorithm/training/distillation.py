"""Learning from a second network: a frozen teacher (offline), or a larger peer that is trained in the same job (online)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from algorithm.models.detector import Detector
from algorithm.models.weights.frozen_graph import FrozenTeacher
from algorithm.ops.distillation import AnchorGeometry, SoftLossConfig, align, moved, soft_losses
from algorithm.ops.image import network_input, pad_bottom_right
from algorithm.ops.losses import LossConfig, detection_losses

_log = logging.getLogger("algorithm.training")
SOFT_LOSSES = ("loss_soft_cls", "loss_soft_box")
PEER = "peer"
HIGH = 5.0  # the published advice is to bring each soft loss below this
_NAMES = {"class_logits": "teacher_class_logits", "box_deltas": "teacher_box_deltas"}
REMEMBERED = tuple(_NAMES.values())  # names in a batch
_MOST_MEMORY = 2**31  # bytes of remembered outputs


class Distiller(Protocol):
    """What the trainer adds to a step. peers: detectors trained along. loss_names: keys of losses()."""

    peers: Sequence[Detector]
    loss_names: tuple[str, ...]

    def teach(self, batch: Mapping[str, tf.Tensor], images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The teacher's outputs for a batch and its normalised pictures float32 [B, H, W, 3], as the student's anchors have them."""

    def losses(self, outputs: dict[str, tf.Tensor], taught: dict[str, tf.Tensor], targets: dict[str, tf.Tensor],
               num_positives: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """float32 scalars, weighted, to be added to the student's detection loss; num_positives as in detection_losses."""


def soft_loss_names(config: SoftLossConfig) -> tuple[str, ...]:
    """Those of SOFT_LOSSES that have a weight."""
    return tuple(name for name, weight in zip(SOFT_LOSSES, (config.class_weight, config.box_weight), strict=True) if weight)


def geometry_of(detector: Detector) -> AnchorGeometry:
    """What the detector's anchors follow from."""
    preset = detector.preset
    return AnchorGeometry(detector.image_size, preset.min_level, preset.max_level, preset.anchor_scale)


class OfflineTeacher:
    """A frozen teacher. It sees the student's own pictures, resized in the graph where its input has another size."""

    peers: Sequence[Detector] = ()

    def __init__(self, teacher: FrozenTeacher, student: Detector, config: SoftLossConfig) -> None:
        self._teacher, self._student, self._config = teacher, student, config
        self.loss_names = soft_loss_names(config)
        self.alignment = align(geometry_of(student), teacher.geometry)
        self._anchors = tf.constant(student.anchors), tf.constant(teacher.geometry.anchors())

    def describe(self) -> str:
        """One line for the log."""
        (height, width), share = self._teacher.geometry.image_size, float(self.alignment.aligned.mean())
        return (f"offline distillation ({self._config.method}): teacher {self._teacher.name} at {height}x{width}; it speaks for "
                f"{100 * share:.1f} % of the student's anchors")

    def teach(self, batch: Mapping[str, tf.Tensor], images: tf.Tensor) -> dict[str, tf.Tensor]:
        """See Distiller."""
        if _NAMES["class_logits"] in batch:
            outputs = {name: batch[remembered] for name, remembered in _NAMES.items()}
        else:
            outputs = self._teacher.run(self._pictures(batch, images))
        return moved(outputs, self.alignment, *self._anchors)

    def losses(self, outputs, taught, targets, num_positives):
        """See Distiller."""
        return soft_losses(outputs, taught, targets, self._config, num_positives)

    def _pictures(self, batch, images):
        """The student's pictures as the teacher was trained to see them."""
        preset, teacher, size = self._student.preset, self._teacher, self._teacher.geometry.image_size
        if (tuple(preset.mean), tuple(preset.std)) != (teacher.mean, teacher.std):
            images = network_input(batch["images"], batch["extent"], teacher.mean, teacher.std)
        if size == self._student.image_size:
            return images
        fitted = [min(round(side * self.alignment.scale), limit) for side, limit in zip(self._student.image_size, size, strict=True)]
        return pad_bottom_right(tf.image.resize(images, fitted), size)

    def remembered(self, unchanging: tf.data.Dataset, count: int) -> Remembered | None:
        """The teacher's answers to all `count` training pictures, from a pass over batches that never change; None, with the
        reason in the log, where they would not fit into memory."""
        per_picture = sum(np.prod(shape) for shape in ((len(self._anchors[1]), len(self._teacher.label_names) + 4),)) * 2
        if per_picture * count > _MOST_MEMORY:
            _log.info("the teacher answers anew in every step: %d pictures of %.1f MB each are too much to remember", count,
                      per_picture / 1e6)
            return None
        found = Remembered()
        preset = self._student.preset
        for batch in unchanging.take(count):
            images = network_input(batch["images"], batch["extent"], preset.mean, preset.std)
            found.add(batch["sample_index"], self._teacher.run(self._pictures(batch, images)))
        _log.info("the pictures are the same in every epoch: the teacher's answers are remembered, %.0f MB", per_picture * count / 1e6)
        return found


class Remembered:
    """A teacher's outputs by sample, float16."""

    def __init__(self) -> None:
        self._outputs: dict[int, tuple[np.ndarray, ...]] = {}

    def add(self, indices: tf.Tensor, outputs: Mapping[str, tf.Tensor]) -> None:
        """Keeps the outputs of a batch of samples."""
        values = [outputs[name].numpy().astype(np.float16) for name in _NAMES]
        for row, index in enumerate(indices.numpy().tolist()):
            self._outputs[index] = tuple(value[row] for value in values)

    def beside(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """The batches with the outputs of their samples in them."""
        shapes = [value.shape for value in next(iter(self._outputs.values()))]

        def look_up(indices: np.ndarray) -> list[np.ndarray]:
            return [np.stack([self._outputs[index][which] for index in indices.tolist()]) for which in range(len(_NAMES))]

        def add(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            found = tf.numpy_function(look_up, [batch["sample_index"]], [tf.float16] * len(_NAMES), stateful=False)
            return {**batch, **{name: tf.ensure_shape(value, (None, *shape))
                                for name, value, shape in zip(_NAMES.values(), found, shapes, strict=True)}}

        return batches.map(add)


class OnlinePeer:
    """A larger detector on the same anchors, trained on the same pictures in the same step; the student imitates what it says there.

    The peer learns from the annotations alone: knowledge goes one way, as in the teacher branch of ONE (Lan et al. 2018), not both
    as in deep mutual learning (Zhang et al. 2018). Its outputs are those of its own training step, so that it runs once a step.
    """

    def __init__(self, peer: Detector, student: Detector, config: SoftLossConfig, loss: LossConfig) -> None:
        if not np.array_equal(peer.anchors, student.anchors):
            raise ValueError("expected a peer with the student's anchors")
        self.peers: Sequence[Detector] = (peer,)
        self._peer, self._same_pixels = peer, (peer.preset.mean, peer.preset.std) == (student.preset.mean, student.preset.std)
        self._config, self._loss, self._anchors = config, loss, tf.constant(student.anchors)
        self.loss_names = (*soft_loss_names(config), f"{PEER}_loss")

    def describe(self) -> str:
        """One line for the log."""
        return f"online distillation ({self._config.method}): the peer is {self._peer.preset.name} at the student's input size"

    def teach(self, batch: Mapping[str, tf.Tensor], images: tf.Tensor) -> dict[str, tf.Tensor]:
        """See Distiller."""
        preset = self._peer.preset
        seen = images if self._same_pixels else network_input(batch["images"], batch["extent"], preset.mean, preset.std)
        return dict(self._peer(seen, training=True))

    def losses(self, outputs, taught, targets, num_positives):
        """See Distiller."""
        own = detection_losses(taught, targets, self._anchors, self._loss, num_positives)["det_loss"]
        return {**soft_losses(outputs, taught, targets, self._config, num_positives), f"{PEER}_loss": own}


class SoftLossHint:
    """Says once for each soft loss that stays above HIGH for an epoch which weight would bring it below."""

    def __init__(self, config: SoftLossConfig, steps_per_epoch: int) -> None:
        weights = (("soft_cls_loss", config.class_weight), ("soft_box_loss", config.box_weight))
        self._weights = dict(zip(SOFT_LOSSES, weights, strict=True))
        self._steps, self._seen = steps_per_epoch, {name: [] for name in SOFT_LOSSES}

    def __call__(self, step: int, figures: Mapping[str, float]) -> None:
        """Notes the figures of step number `step`, 1-based."""
        for name, values in self._seen.items():
            if name in figures:
                values.append(figures[name])
        if step % self._steps:
            return
        for name, values in list(self._seen.items()):
            if values and (mean := float(np.mean(values))) > HIGH:
                key, weight = self._weights[name]
                _log.warning("%s was %.3g on average in this epoch, which is above %g: set %s=%.2g in hparams (now %g), or 0 to "
                             "leave it out", name, mean, HIGH, key, 0.8 * weight * HIGH / mean, weight)
                del self._seen[name]
            else:
                values.clear()
