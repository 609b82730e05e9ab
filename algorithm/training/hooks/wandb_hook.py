"""A run of Weights & Biases: hyperparameters, figures and pictures."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from algorithm.errors import PlatformError, first_line
from algorithm.training.hooks.logger_hook import LoggerHook, earlier_run, note_run

LOGGER = logging.getLogger("algorithm.training")
NAME = "wandb"
PROJECT = "efficientdet"  # unless WANDB_PROJECT says another


class WandbHook(LoggerHook):
    """Writes a run. Without an API key, and without WANDB_MODE, it is written offline.

    Args:
        folder: The job's train_url on the local disk; the run's files are in wandb/ there.
        every: Steps between two points of a training curve.
        data_pictures: uint8 [H, W, 3] each, training pictures with their boxes, shown at step 0.
        settings: The hyperparameters as text.

    Raises:
        PlatformError: The run cannot be begun.
    """

    def __init__(
        self,
        folder: Path,
        every: int,
        data_pictures: Sequence[np.ndarray] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(every, data_pictures)
        import wandb

        self._picture = wandb.Image
        run_id = earlier_run(folder, NAME) or uuid.uuid4().hex[:12]
        given = os.environ.get("WANDB_MODE")
        offline = not given and not wandb.login(prompt=False)
        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT") or PROJECT,
                name=folder.resolve().name,
                dir=str(folder.resolve()),
                id=run_id,
                resume="allow",
                mode="offline" if offline else None,
                config=dict(settings or {}),
                allow_val_change=True,
                settings=wandb.Settings(silent=True, console="off"),
            )
        except wandb.Error as error:
            raise PlatformError(
                f"log_to=wandb: expected a run that can be begun, found {first_line(error)}; "
                "check WANDB_API_KEY and the network, set WANDB_MODE=offline, or leave wandb out"
            ) from error
        note_run(folder, NAME, run_id)
        # An axis of their own: a resumed job writes some steps again, which the usual one drops.
        self._run.define_metric("*", step_metric="step")
        if offline or given == "offline":
            LOGGER.info(
                "W&B: no API key, so the run is written offline; later: wandb sync %s"
                if offline
                else "W&B: the run is written offline; later: wandb sync %s",
                Path(self._run.dir).parent,
            )
        else:
            LOGGER.info("W&B: run %s", self._run.url)

    def write_scalars(self, group: str, figures: Mapping[str, float], step: int) -> None:
        """Write figures as `group`/name; see LoggerHook."""
        named = {f"{group}/{name}": float(value) for name, value in figures.items()}
        self._run.log({**named, "step": step})

    def write_pictures(self, group: str, step: int, pictures: Sequence[np.ndarray]) -> None:
        """Write pictures as `group`/picture_0 and so on; see LoggerHook."""
        named = {
            f"{group}/picture_{index}": self._picture(picture)
            for index, picture in enumerate(pictures)
        }
        if named:
            self._run.log({**named, "step": step})

    def close(self, done: bool) -> None:
        """End the run."""
        self._run.finish(exit_code=0 if done else 1)
