"""TensorBoard events: scalars of steps and evaluations, pictures, and the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.training.hooks.logger_hook import LoggerHook


class TensorBoardHook(LoggerHook):
    """Writes events.

    Args:
        folder: The folder of the event file.
        every: Steps between two points of a training curve.
        data_pictures: uint8 [H, W, 3] each, training pictures with their boxes, shown at step 0.
    """

    def __init__(
        self,
        folder: Path,
        every: int,
        data_pictures: Sequence[np.ndarray] = (),
    ) -> None:
        super().__init__(every, data_pictures)
        self._writer = tf.summary.create_file_writer(str(folder))

    def write_scalars(self, group: str, figures: Mapping[str, float], step: int) -> None:
        """Write figures as `group`/name; see LoggerHook."""
        with self._writer.as_default(step):
            for name, value in figures.items():
                tf.summary.scalar(f"{group}/{name}", value)
        self._writer.flush()

    def write_pictures(self, group: str, step: int, pictures: Sequence[np.ndarray]) -> None:
        """Write pictures as `group`/picture_0 and so on; see LoggerHook."""
        with self._writer.as_default(step):
            for index, picture in enumerate(pictures):
                tf.summary.image(f"{group}/picture_{index}", picture[None])

    def write_graph(self, graph: tf.Graph) -> None:
        """Write the graph for the tab Graphs."""
        with self._writer.as_default(0):
            tf.summary.graph(graph)

    def close(self, done: bool) -> None:
        """Close the event file."""
        self._writer.close()
