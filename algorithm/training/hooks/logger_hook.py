"""What every logger is told: the figures of steps and evaluations, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.log_forms.log_form import Evaluated


class LoggerHook(Hook):
    """Writes figures and pictures somewhere. A new logger says how, in three methods.

    Args:
        every: Steps between two points of a training curve.
        data_pictures: uint8 [H, W, 3] each, training pictures with their boxes, shown at step 0.
    """

    def __init__(self, every: int, data_pictures: Sequence[np.ndarray] = ()) -> None:
        self._every, self._data_pictures = every, data_pictures
        self._shown = False

    def write_scalars(self, group: str, figures: Mapping[str, float], step: int) -> None:
        """Write figures as `group`/name.

        Args:
            group: The name of the group.
            figures: The figures by name.
            step: The step they belong to.
        """
        raise NotImplementedError

    def write_pictures(self, group: str, step: int, pictures: Sequence[np.ndarray]) -> None:
        """Write pictures as `group`/picture_0 and so on.

        Args:
            group: The name of the group.
            step: The step they belong to.
            pictures: uint8 [H, W, 3] each.
        """
        raise NotImplementedError

    def write_graph(self, graph: tf.Graph) -> None:
        """Write the inference graph, where there is a place for it."""

    def close(self, done: bool) -> None:
        """Write what waits; `done` says whether the training came to its end."""
        raise NotImplementedError

    def after_steps(self, run: TrainingRun) -> None:
        """Write the training pictures once, after the first update, which need not wait for it."""
        if not self._shown:
            self.write_pictures("data", 0, self._data_pictures)
            self._shown = True

    def after_step(self, run: TrainingRun, step: int, figures: dict[str, float]) -> None:
        """Write the figures of the step where a point is due."""
        if step % self._every == 0 or step == run.plan.steps:
            self.write_scalars("train", figures, step)

    def after_evaluation(
        self, run: TrainingRun, evaluated: Evaluated, pictures: list[np.ndarray]
    ) -> None:
        """Write the defined figures, and pictures with truth and detections."""
        masks = {f"segm_{name}": value for name, value in evaluated.mask_metrics.items()}
        figures = {**evaluated.metrics, **masks}
        known = {name: value for name, value in figures.items() if value is not None}
        group = f"eval_{evaluated.network}" if evaluated.network else "eval"
        self.write_scalars(group, known, evaluated.step)
        self.write_pictures(group, evaluated.step, pictures)

    def after_training(self, run: TrainingRun) -> None:
        """Close it."""
        self.close(run.ending or run.step >= run.plan.steps)
