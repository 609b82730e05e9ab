"""TensorBoard events: scalars of steps and evaluations, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.log_lines import Evaluated


class TensorBoardHook(Hook):
    """Writes events.

    Args:
        folder: The folder of the event file.
        every: Steps between two points of a training curve.
        data_pictures: uint8 [H, W, 3] each, training pictures with their boxes, shown at step 0.
    """

    def __init__(self, folder: Path, every: int, data_pictures: Sequence[np.ndarray] = ()) -> None:
        self._writer = tf.summary.create_file_writer(str(folder))
        self._every, self._data_pictures = every, data_pictures

    def before_training(self, run: TrainingRun) -> None:
        """Write the training pictures."""
        self.write_pictures("data", 0, self._data_pictures)

    def after_step(self, run: TrainingRun, step: int, figures: dict[str, float]) -> None:
        """Write the figures of the step where a point is due."""
        if step % self._every == 0 or step == run.plan.steps:
            self._write_scalars("train", figures, step)

    def after_evaluation(
        self, run: TrainingRun, evaluated: Evaluated, pictures: list[np.ndarray]
    ) -> None:
        """Write the defined figures, and pictures with truth and detections."""
        figures = {
            **evaluated.metrics,
            **{f"segm_{name}": value for name, value in evaluated.mask_metrics.items()},
        }
        known = {name: value for name, value in figures.items() if value is not None}
        group = f"eval_{evaluated.network}" if evaluated.network else "eval"
        self._write_scalars(group, known, evaluated.step)
        self.write_pictures(group, evaluated.step, pictures)

    def after_training(self, run: TrainingRun) -> None:
        """Close the event file."""
        self._writer.close()

    def write_pictures(self, group: str, step: int, pictures: Sequence[np.ndarray]) -> None:
        """Write pictures as `group`/picture_0 and so on.

        Args:
            group: The name of the group.
            step: The step they belong to.
            pictures: uint8 [H, W, 3] each.
        """
        with self._writer.as_default(step):
            for index, picture in enumerate(pictures):
                tf.summary.image(f"{group}/picture_{index}", picture[None])

    def _write_scalars(self, group: str, figures: Mapping[str, float], step: int) -> None:
        with self._writer.as_default(step):
            for name, value in figures.items():
                tf.summary.scalar(f"{group}/{name}", value)
        self._writer.flush()
