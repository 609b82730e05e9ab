"""The confusion matrix of each evaluation, as a picture in TensorBoard."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.hooks.tensorboard_hook import TensorBoardHook
from algorithm.training.log_lines import Evaluated


class ConfusionMatrixHook(Hook):
    """Shows which classes are taken for which.

    Args:
        draw: Returns the matrix of the latest evaluation as uint8 [H, W, 3].
        tensorboard: Writes the picture.
    """

    def __init__(self, draw: Callable[[], np.ndarray], tensorboard: TensorBoardHook) -> None:
        self._draw, self._tensorboard = draw, tensorboard

    def after_evaluation(
        self, run: TrainingRun, evaluated: Evaluated, pictures: list[np.ndarray]
    ) -> None:
        """Draw the student's matrix."""
        if not evaluated.network:
            self._tensorboard.write_pictures(
                "eval/confusion_matrix", evaluated.step, [self._draw()]
            )
