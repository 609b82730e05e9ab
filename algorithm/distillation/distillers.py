"""Learning from a second network: a frozen teacher (offline) or a peer (online)."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from algorithm.distillation.soft_losses import (
    AnchorGeometry,
    SoftLossConfig,
    align,
    moved,
    soft_losses,
)
from algorithm.distillation.teacher_file import FrozenTeacher
from algorithm.errors import ArgumentError
from algorithm.models.detector import Detector, heads_of
from algorithm.models.zoo import Preset
from algorithm.ops.anchor_matching import match_anchors
from algorithm.ops.image import network_input, pad_bottom_right
from algorithm.ops.losses import LossConfig, detection_losses

_log = logging.getLogger("algorithm.training")
SOFT_LOSSES = ("loss_soft_cls", "loss_soft_box")
PEER = "peer"
_CROSS = "cross"
POSITIVES = "num_positives"
_NAMES = {"class_logits": "teacher_class_logits", "box_deltas": "teacher_box_deltas"}
REMEMBERED = tuple(_NAMES.values())  # names in a batch
_MOST_MEMORY = 2**31  # bytes of remembered outputs


class Distiller(Protocol):
    """What the trainer adds to a step.

    Attributes:
        peers: Detectors that are trained along.
        shares_kernels: Whether the peers have the student's kernels, which are then trained on the
            sum of the gradients.
        wants_features: Whether `teach` needs the student's features.
        loss_names: The keys of what `losses` returns.
    """

    peers: Sequence[Detector]
    shares_kernels: bool
    wants_features: bool
    loss_names: tuple[str, ...]

    def describe(self) -> str:
        """Say in one line for the log who teaches."""

    def targets(self, boxes: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return what `losses` needs beside the student's own targets.

        Args:
            boxes: As in `match_anchors`.
            labels: As in `match_anchors`.

        Returns:
            Tensors by name, with one row for each picture.
        """

    def teach(
        self, batch: Mapping[str, tf.Tensor], images: tf.Tensor, features: Sequence[tf.Tensor] = ()
    ) -> dict[str, tf.Tensor]:
        """Return the teacher's outputs for a batch, to be handed to `losses`.

        Args:
            batch: The batch as the input pipeline gives it.
            images: float32 [B, H, W, 3], its pictures, normalised for the student.
            features: float32 [B, h, w, C] for each level, what the student's heads take.
        """

    def losses(
        self,
        outputs: dict[str, tf.Tensor],
        taught: dict[str, tf.Tensor],
        targets: dict[str, tf.Tensor],
        positives: Mapping[str, tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        """Return what is added to the student's detection loss: weighted float32 scalars by name.

        Args:
            outputs: The student's outputs.
            taught: What `teach` returned.
            targets: The student's targets and those of `targets`.
            positives: The targets whose names end in POSITIVES, summed over all pictures of the
                step.
        """


def soft_loss_names(config: SoftLossConfig) -> tuple[str, ...]:
    """Return those of SOFT_LOSSES that have a weight."""
    return tuple(
        name
        for name, weight in zip(SOFT_LOSSES, (config.class_weight, config.box_weight), strict=True)
        if weight
    )


def geometry_of(detector: Detector) -> AnchorGeometry:
    """Return what the detector's anchors follow from."""
    preset = detector.preset
    return AnchorGeometry(
        detector.image_size, preset.min_level, preset.max_level, preset.anchor_scale
    )


def _normalised(
    batch: Mapping[str, tf.Tensor],
    images: tf.Tensor,
    student: Preset,
    mean: Sequence[float],
    std: Sequence[float],
) -> tf.Tensor:
    """Return the pictures of a batch, normalised with this mean and std.

    `images` are normalised for the student, and are taken where that is the same.
    """
    if (tuple(student.mean), tuple(student.std)) == (tuple(mean), tuple(std)):
        return images
    return network_input(batch["images"], batch["extent"], mean, std)


class OfflineTeacher:
    """A frozen teacher.

    It sees the student's own pictures, resized in the graph where its input has another size.

    Args:
        teacher: The frozen graph.
        student: The detector that learns.
        config: What the student imitates, and how strongly.
    """

    peers: Sequence[Detector] = ()
    shares_kernels = wants_features = False

    def __init__(self, teacher: FrozenTeacher, student: Detector, config: SoftLossConfig) -> None:
        self._teacher, self._student, self._config = teacher, student, config
        self.loss_names = soft_loss_names(config)
        self.alignment = align(geometry_of(student), teacher.geometry)
        self._anchors = tf.constant(student.anchors), tf.constant(teacher.geometry.anchors())

    def describe(self) -> str:
        """Say in one line for the log who teaches."""
        (height, width), share = (
            self._teacher.geometry.image_size,
            float(self.alignment.aligned.mean()),
        )
        return (
            f"offline distillation ({self._config.method}): teacher {self._teacher.name} at "
            f"{height}x{width}; it speaks for {100 * share:.1f} % of the student's anchors"
        )

    def targets(self, boxes, labels):
        """See Distiller."""
        return {}

    def teach(
        self, batch: Mapping[str, tf.Tensor], images: tf.Tensor, features: Sequence[tf.Tensor] = ()
    ) -> dict[str, tf.Tensor]:
        """See Distiller."""
        if _NAMES["class_logits"] in batch:
            outputs = {name: batch[remembered] for name, remembered in _NAMES.items()}
        else:
            outputs = self._teacher.run(self._pictures(batch, images))
        return moved(outputs, self.alignment, *self._anchors)

    def losses(self, outputs, taught, targets, positives):
        """See Distiller."""
        return soft_losses(outputs, taught, targets, self._config, positives[POSITIVES])

    @property
    def as_detector(self) -> TeacherAsDetector:
        """The teacher on the student's anchors, to be evaluated as the student is."""
        student, teacher = self._student, self._teacher
        preset = dataclasses.replace(student.preset, mean=teacher.mean, std=teacher.std)
        return TeacherAsDetector(preset, student.image_size, student.anchors, self._answers)

    def _answers(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answer pictures of the student's size that are normalised for the teacher."""
        return moved(self._teacher.run(self._fitted(images)), self.alignment, *self._anchors)

    def _pictures(self, batch, images):
        """Return the student's pictures as the teacher was trained to see them."""
        return self._fitted(
            _normalised(batch, images, self._student.preset, self._teacher.mean, self._teacher.std)
        )

    def _fitted(self, images):
        size = self._teacher.geometry.image_size
        if size == self._student.image_size:
            return images
        fitted = [
            min(round(side * self.alignment.scale), limit)
            for side, limit in zip(self._student.image_size, size, strict=True)
        ]
        return pad_bottom_right(tf.image.resize(images, fitted), size)

    def remembered(self, unchanging: tf.data.Dataset, count: int) -> Remembered | None:
        """Ask the teacher once about all training pictures.

        Args:
            unchanging: Batches of one picture that are the same in every epoch.
            count: How many pictures there are.

        Returns:
            The answers; None, with the reason in the log, where they would not fit into memory.
        """
        per_picture = (
            sum(
                np.prod(shape)
                for shape in ((len(self._anchors[1]), len(self._teacher.label_names) + 4),)
            )
            * 2
        )
        if per_picture * count > _MOST_MEMORY:
            _log.info(
                "the teacher answers anew in every step: %d pictures of %.1f MB each are too much "
                "to remember",
                count,
                per_picture / 1e6,
            )
            return None
        found = Remembered()
        preset = self._student.preset
        for batch in unchanging.take(count):
            images = network_input(batch["images"], batch["extent"], preset.mean, preset.std)
            found.add(batch["sample_index"], self._teacher.run(self._pictures(batch, images)))
        _log.info(
            "the pictures are the same in every epoch: the teacher's answers are remembered, %.0f "
            "MB",
            per_picture * count / 1e6,
        )
        return found


@dataclasses.dataclass(frozen=True)
class TeacherAsDetector:
    """A teacher that takes the student's pictures and speaks of the student's anchors.

    It has the fields of a Detector that an evaluation needs, and is called like one.

    Attributes:
        preset: The student's preset with the teacher's normalisation.
        image_size: (height, width) of the student's input, in pixels.
        anchors: float32 [A, 4], [ymin, xmin, ymax, xmax] in pixels, the student's.
        answers: Returns the teacher's outputs for normalised pictures float32 [B, H, W, 3].
    """

    preset: Preset
    image_size: tuple[int, int]
    anchors: np.ndarray
    answers: Callable[[tf.Tensor], dict[str, tf.Tensor]]

    def __call__(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Answer pictures; a teacher is frozen, so never in training mode.

        Args:
            images: float32 [B, H, W, 3], normalised for the teacher.
            training: Ignored.

        Returns:
            {"class_logits": [B, A, K], "box_deltas": [B, A, 4]}, both float32.
        """
        return self.answers(images)


class Remembered:
    """A teacher's outputs by sample, kept as float16."""

    def __init__(self) -> None:
        self._outputs: dict[int, tuple[np.ndarray, ...]] = {}

    def add(self, indices: tf.Tensor, outputs: Mapping[str, tf.Tensor]) -> None:
        """Keep the outputs of a batch of samples.

        Args:
            indices: int32 [B], the samples' numbers.
            outputs: {"class_logits": [B, A, K], "box_deltas": [B, A, 4]}.
        """
        values = [outputs[name].numpy().astype(np.float16) for name in _NAMES]
        for row, index in enumerate(indices.numpy().tolist()):
            self._outputs[index] = tuple(value[row] for value in values)

    def beside(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Return the batches with the outputs of their samples in them."""
        shapes = [value.shape for value in next(iter(self._outputs.values()))]

        def look_up(indices: np.ndarray) -> list[np.ndarray]:
            return [
                np.stack([self._outputs[index][which] for index in indices.tolist()])
                for which in range(len(_NAMES))
            ]

        def add(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            found = tf.numpy_function(
                look_up, [batch["sample_index"]], [tf.float16] * len(_NAMES), stateful=False
            )
            return {
                **batch,
                **{
                    name: tf.ensure_shape(value, (None, *shape))
                    for name, value, shape in zip(_NAMES.values(), found, shapes, strict=True)
                },
            }

        return batches.map(add)


class OnlinePeer:
    """A network that is trained beside the student, on the same pictures in the same step.

    The student also imitates what the peer says in that step; knowledge goes one way. The peer is
    one of two:

    The student enlarged sees the pictures at a multiple of their size. Kernels are shared and batch
    norms are not, so a step learns from both sizes (Wang et al. 2020, resolution switchable
    networks). A pyramid level of the student has the stride of the level above it in a picture
    twice as large, so the anchors of the two meet (Qi et al. 2021, multi-scale aligned
    distillation, shift the levels in the same way).

    Another model sees the pictures at the student's size and shares nothing. It teaches what its
    starting weights know (the teacher of ONE, Lan et al. 2018, is trained along in the same way,
    but begins as its students do).

    With `crosshead` the student's features also pass through the heads of such a peer, and what
    these say is held against the annotations. So backbone and neck learn from heads that know their
    task while the student's own begin at nothing. The heads get no gradient of it. (CrossKD, Wang
    et al. 2024, sends features of the student's head through the rest of the teacher's and imitates
    the teacher with them; SRRL, Yang et al. 2021, passes a classifier's features through the
    teacher's.)
    """

    def __init__(
        self, peer: Detector, student: Detector, config: SoftLossConfig, loss: LossConfig
    ) -> None:
        self.peers: Sequence[Detector] = (peer,)
        self._peer = peer
        self.alignment = align(geometry_of(student), geometry_of(peer))
        self._config, self._loss, self._anchors = config, loss, tf.constant(student.anchors)
        self._own_anchors = tf.constant(peer.anchors)
        self.loss_names = (*soft_loss_names(config), f"{PEER}_loss")
        kernels = {id(variable) for variable in student.trainable_variables}
        self.shares_kernels = any(id(variable) in kernels for variable in peer.trainable_variables)
        self._presets = student.preset, peer.preset
        self.wants_features = config.method == "crosshead"
        if self.wants_features:
            self._heads = _heads_for(student, peer)
            self.loss_names += (f"{_CROSS}_loss",)

    def describe(self) -> str:
        """Say in one line for the log who teaches."""
        height, width = self._peer.image_size
        who, cost = f"{self._peer.preset.name} at {height}x{width}, with weights of its own", ""
        if self.shares_kernels:
            who = f"the student at {height}x{width}, with batch norms of its own"
            cost = (
                f"; a step has {1 + self.alignment.scale**2:g} times the operations of one "
                "without it: compare with as much more time for the student alone "
                "(docs/research/2026-11-29-distillation-gains.md)"
            )
        return (
            f"online distillation ({self._config.method}): the peer is {who}; it speaks for "
            f"{100 * self.alignment.aligned.mean():.1f} % of the student's anchors; weights of "
            f"the soft losses: classes {self._config.class_weight:g}, boxes "
            f"{self._config.box_weight:g}{cost}"
        )

    @tf.function(jit_compile=True)
    def targets(self, boxes, labels):
        """See Distiller."""
        found = match_anchors(self._own_anchors, boxes * self.alignment.scale, labels)
        return {f"{PEER}_{name}": value for name, value in found.items()}

    def teach(
        self, batch: Mapping[str, tf.Tensor], images: tf.Tensor, features: Sequence[tf.Tensor] = ()
    ) -> dict[str, tf.Tensor]:
        """See Distiller."""
        student, own = self._presets
        images = _normalised(batch, images, student, own.mean, own.std)
        taught = dict(self._peer(tf.image.resize(images, self._peer.image_size), training=True))
        return taught | (self._crossed(features) if self.wants_features else {})

    def _crossed(self, features: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return what the peer's heads say of the student's features, in inference mode."""
        weights = [
            tf.stop_gradient(tf.convert_to_tensor(variable.value))
            for variable in self._heads.trainable_variables
        ]
        others = [
            tf.convert_to_tensor(variable.value) for variable in self._heads.non_trainable_variables
        ]
        outputs, _ = self._heads.stateless_call(weights, others, list(features), training=False)
        return {f"{_CROSS}_{name}": value for name, value in outputs.items()}

    def losses(self, outputs, taught, targets, positives):
        """See Distiller."""
        own = {name: targets[f"{PEER}_{name}"] for name in ("class_targets", "box_targets")}

        def learned(prefix: str) -> tf.Tensor:
            said = {name: taught[f"{prefix}{name}"] for name in _NAMES}
            return detection_losses(
                said, own, self._own_anchors, self._loss, positives[f"{PEER}_{POSITIVES}"]
            )["det_loss"]

        said = moved(
            {name: tf.stop_gradient(taught[name]) for name in _NAMES},
            self.alignment,
            self._anchors,
            self._own_anchors,
        )
        found = {
            **soft_losses(outputs, said, targets, self._config, positives[POSITIVES]),
            f"{PEER}_loss": learned(""),
        }
        return found | ({f"{_CROSS}_loss": learned(f"{_CROSS}_")} if self.wants_features else {})


def _heads_for(student: Detector, peer: Detector) -> keras.Model:
    """Return the peer's heads.

    Raises:
        ArgumentError: They do not take the student's features.
    """
    wanted, found = (
        (preset.min_level, preset.max_level, preset.fpn_channels)
        for preset in (peer.preset, student.preset)
    )
    if wanted != found:
        raise ArgumentError(
            "--hparams=peer_model: kd_method=crosshead passes the student's features through the "
            f"peer's heads; {peer.preset.name} takes levels {wanted[0]} to {wanted[1]} of "
            f"{wanted[2]} channels, {student.preset.name} has {found[0]} to {found[1]} of "
            f"{found[2]}. Use a peer as wide as the student (efficientdet-lite0 for D0, T0, T1 "
            "and T2), or kd_method=foreground."
        )
    return heads_of(peer)
