"""The inference graph of a job, written once training is under way."""

from __future__ import annotations

from collections.abc import Callable

from algorithm.training.hooks.hook import Hook, TrainingRun


class GraphHook(Hook):
    """Writes the graph after the first update, which therefore need not wait for it.

    Args:
        write: Writes it.
    """

    def __init__(self, write: Callable[[], None]) -> None:
        self._write, self._written = write, False

    def after_step(self, run: TrainingRun, step: int, figures: dict[str, float]) -> None:
        """Write the graph once."""
        if not self._written:
            self._write()
            self._written = True
