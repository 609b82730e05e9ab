"""A checkpoint of a job that was read, and which job may go on from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.errors import ArgumentError


@dataclass(frozen=True)
class JobCheckpoint:
    """A checkpoint that was read.

    Attributes:
        folder: Where it lies.
        tensors: Arrays by name.
        state: What was saved beside the tensors.
    """

    folder: Path
    tensors: dict[str, np.ndarray]
    state: dict[str, Any]

    @property
    def label_names(self) -> list[str]:
        """The classes it was trained for, in order."""
        return self.state["label_names"]

    def check_dataset(self, fingerprint: str) -> None:
        """Check that the checkpoint was trained on this dataset.

        Args:
            fingerprint: The dataset's fingerprint.

        Raises:
            ArgumentError: It was trained on another one.
        """
        if self.state["dataset"] != fingerprint:
            raise ArgumentError(
                f"train_url: {self.folder} holds a run on another dataset, or on this one before "
                "it was changed; give a new train_url, or the same data to go on"
            )

    def check_batch_size(self, batch_size: int) -> None:
        """Check that a step learned from as many pictures before.

        With another number the place in the data would be another.

        Args:
            batch_size: Pictures of a step on all devices.

        Raises:
            ArgumentError: The number was another.
        """
        before = self.state.get("batch_size", batch_size)
        if before != batch_size:
            raise ArgumentError(
                f"train_url: {self.folder} holds a run whose steps learned from {before} "
                f"pictures, with the devices of this job they would from {batch_size}; use as "
                "many devices as before, or give a new train_url"
            )
