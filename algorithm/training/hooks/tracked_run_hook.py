"""A logger that writes to one run of a tracking service, and goes on in it when the job does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from algorithm.storage.atomic_files import write_json
from algorithm.training.hooks.logger_hook import LoggerHook

RUN_IDS = "log_to.json"  # in train_url: the run of each logger


class TrackedRunHook(LoggerHook):
    """Begins a run, or goes on in the run of an earlier start of the job.

    Args:
        folder: The job's train_url on the local disk.
        every: Steps between two points of a training curve.
        data_pictures: uint8 [H, W, 3] each, training pictures with their boxes, shown at step 0.
        settings: The hyperparameters as text.

    Raises:
        PlatformError: The run cannot be begun.
    """

    name: str  # as `log_to` has it

    def __init__(
        self,
        folder: Path,
        every: int,
        data_pictures: Sequence[np.ndarray] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(every, data_pictures)
        self._ids = folder / RUN_IDS
        self.begin(folder, settings or {})

    def begin(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Begin the run; see the class."""
        raise NotImplementedError

    def earlier_run(self) -> str | None:
        """Return the id of the run that an earlier start of the job wrote to, or None."""
        return self._known_runs().get(self.name)

    def note_run(self, run_id: str) -> None:
        """Remember the run for a later start of the job."""
        write_json(self._ids, {**self._known_runs(), self.name: run_id})

    def _known_runs(self) -> dict[str, str]:
        return json.loads(self._ids.read_text(encoding="utf-8")) if self._ids.is_file() else {}
