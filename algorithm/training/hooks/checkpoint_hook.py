"""When a checkpoint is written: at the end of each epoch, every few minutes, before a stop.

How many minutes: `checkpoint_minutes` in hyperparameters/rows/checkpoint_rows.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from algorithm.training import checkpoints
from algorithm.training.hooks.hook import Hook, TrainingRun


class CheckpointHook(Hook):
    """Writes checkpoints into a folder.

    Args:
        folder: The folder.
        identity: What a checkpoint says of the job, beside the progress of the run.
        keep: How many of the newest stay.
        minutes: Minutes between two checkpoints within an epoch; 0 for none there.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], keep: int, minutes: float = 0
    ) -> None:
        self._folder, self._identity, self._keep = folder, identity, keep
        self._seconds = 60 * minutes
        self._saved = time.monotonic()

    def before_training(self, run: TrainingRun) -> None:
        """Start the clock."""
        self._saved = time.monotonic()

    def wants_checkpoint(self, run: TrainingRun) -> bool:
        """Return whether `minutes` have passed since the latest one."""
        return 0 < self._seconds <= time.monotonic() - self._saved

    def save_checkpoint(self, run: TrainingRun) -> None:
        """Write the tensors of the trainer, whole or not at all."""
        state = {**self._identity, **run.progress.as_state()}
        checkpoints.save(self._folder, run.step, run.trainer.tensors(), state, self._keep)
        self._saved = time.monotonic()
