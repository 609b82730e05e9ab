"""Learning from a frozen teacher that was trained before."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from algorithm.distillation.distiller import (
    OUTPUT_NAMES,
    POSITIVES,
    geometry_of,
    normalised,
    soft_loss_names,
)
from algorithm.distillation.soft_losses import SoftLossConfig, align, moved, soft_losses
from algorithm.distillation.teacher_file import FrozenTeacher
from algorithm.models.detector import Detector
from algorithm.models.zoo import Preset
from algorithm.ops.image import network_input, pad_bottom_right

_log = logging.getLogger("algorithm.training")
_MOST_MEMORY = 2**31  # bytes of remembered outputs


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
        if OUTPUT_NAMES["class_logits"] in batch:
            outputs = {name: batch[remembered] for name, remembered in OUTPUT_NAMES.items()}
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
            normalised(batch, images, self._student.preset, self._teacher.mean, self._teacher.std)
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
        values = [outputs[name].numpy().astype(np.float16) for name in OUTPUT_NAMES]
        for row, index in enumerate(indices.numpy().tolist()):
            self._outputs[index] = tuple(value[row] for value in values)

    def beside(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Return the batches with the outputs of their samples in them."""
        shapes = [value.shape for value in next(iter(self._outputs.values()))]

        def look_up(indices: np.ndarray) -> list[np.ndarray]:
            return [
                np.stack([self._outputs[index][which] for index in indices.tolist()])
                for which in range(len(OUTPUT_NAMES))
            ]

        def add(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            found = tf.numpy_function(
                look_up,
                [batch["sample_index"]],
                [tf.float16] * len(OUTPUT_NAMES),
                stateful=False,
            )
            return {
                **batch,
                **{
                    name: tf.ensure_shape(value, (None, *shape))
                    for name, value, shape in zip(OUTPUT_NAMES.values(), found, shapes, strict=True)
                },
            }

        return batches.map(add)
