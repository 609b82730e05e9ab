"""The confusion matrix of each evaluation, as a picture for the loggers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.hooks.logger_hook import LoggerHook
from algorithm.training.log_forms.log_form import Evaluated


class ConfusionMatrixHook(Hook):
    """Shows which classes are taken for which.

    Args:
        draw: Returns the matrix of the latest evaluation as uint8 [H, W, 3].
        loggers: Write the picture.
    """

    def __init__(self, draw: Callable[[], np.ndarray], loggers: Sequence[LoggerHook]) -> None:
        self._draw, self._loggers = draw, loggers

    def after_evaluation(
        self, run: TrainingRun, evaluated: Evaluated, pictures: list[np.ndarray]
    ) -> None:
        """Draw the student's matrix."""
        if not evaluated.network:
            picture = self._draw()
            for logger in self._loggers:
                logger.write_pictures("eval/confusion_matrix", evaluated.step, [picture])
