"""The inference graph of a job, made once training is under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.hooks.logger_hook import LoggerHook


class GraphHook(Hook):
    """Writes the graph after the first update, which therefore need not wait for it.

    Put it before the hooks that measure speed, so that the graph counts with the first step.

    Args:
        write: Makes the graph and writes it for people.
        loggers: Are told of it.
    """

    def __init__(self, write: Callable[[], tf.Graph], loggers: Sequence[LoggerHook]) -> None:
        self._write: Callable[[], tf.Graph] | None = write
        self._loggers = loggers

    def after_steps(self, run: TrainingRun) -> None:
        """Write the graph once."""
        if self._write:
            graph = self._write()
            for logger in self._loggers:
                logger.write_graph(graph)
            self._write = None
