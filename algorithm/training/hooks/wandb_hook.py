"""A run of Weights & Biases: hyperparameters, figures and pictures."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from algorithm.errors import PlatformError, first_line
from algorithm.training.hooks.tracked_run_hook import TrackedRunHook

LOGGER = logging.getLogger("algorithm.training")
PROJECT = "efficientdet"  # unless WANDB_PROJECT says another


class WandbHook(TrackedRunHook):
    """Writes a run. Without an API key, and without WANDB_MODE, it is written offline.

    The run's files are in wandb/ in the folder. Its arguments, and when it fails, are those of
    TrackedRunHook.
    """

    name = "wandb"

    def begin(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Begin the run; see TrackedRunHook."""
        import wandb

        self._picture = wandb.Image
        run_id = self.earlier_run() or uuid.uuid4().hex[:12]
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
                config=dict(settings),
                allow_val_change=True,
                settings=wandb.Settings(silent=True, console="off"),
            )
        except wandb.Error as error:
            raise PlatformError(
                f"log_to=wandb: expected a run that can be begun, found {first_line(error)}; "
                "check WANDB_API_KEY and the network, set WANDB_MODE=offline, or leave wandb out"
            ) from error
        self.note_run(run_id)
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
