"""The curves of a training run, read back from its TensorBoard events."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util

Curve = dict[int, float]


def read_curves(folder: Path) -> dict[str, Curve]:
    """Read every scalar of a run, over all its interruptions.

    Args:
        folder: Holds the event files. Where two have a point for one step, the later one stands.

    Returns:
        For each tag, as `train/loss` or `eval/AP`, the value at each step, steps rising.
    """
    curves: dict[str, Curve] = defaultdict(dict)
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = np.asarray(tensor_util.make_ndarray(value.tensor))
                    curves[value.tag][event.step] = float(number)
    return {tag: dict(sorted(points.items())) for tag, points in curves.items()}
