"""Early stopping."""

from __future__ import annotations

from algorithm.training.hooks.hook import Hook, TrainingRun


class EarlyStopHook(Hook):
    """Ends the training after `patience` evaluations without a better AP; 0 never does."""

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def after_epoch(self, run: TrainingRun) -> None:
        """Look at the evaluations so far."""
        run.ending = run.ending or 0 < self._patience <= run.progress.idle
