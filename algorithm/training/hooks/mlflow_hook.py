"""A run of MLflow: hyperparameters, figures and pictures."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from algorithm.errors import PlatformError, first_line
from algorithm.training.hooks.tracked_run_hook import TrackedRunHook

LOGGER = logging.getLogger("algorithm.training")
EXPERIMENT = "efficientdet"  # unless MLFLOW_EXPERIMENT_NAME says another
MOST_AT_ONCE = 100  # parameters in a request, MLflow's own limit


class MlflowHook(TrackedRunHook):
    """Writes to the server that MLFLOW_TRACKING_URI names, else to mlflow.db in the folder.

    A server that fails while the training is under way does not end it: a warning says what is
    missing there.

    Its arguments, and when it fails, are those of TrackedRunHook.
    """

    name = "mlflow"

    def begin(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Begin the run; see TrackedRunHook."""
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of each table it makes
        self._failure = MlflowException
        own = f"sqlite:///{(folder / 'mlflow.db').resolve()}"
        place = os.environ.get("MLFLOW_TRACKING_URI") or own
        artifacts = (folder / "mlflow_artifacts").resolve().as_uri() if place == own else None
        try:
            self._client = MlflowClient(tracking_uri=place)
            self._run = self._started(folder, artifacts)
            self._write_settings(settings)
        except MlflowException as error:
            raise PlatformError(
                f"log_to=mlflow: expected a tracking server at {place}, found "
                f"{first_line(error)}; check MLFLOW_TRACKING_URI, or leave mlflow out"
            ) from error
        LOGGER.info("MLflow: run %s at %s", self._run, place)

    def _started(self, folder: Path, artifacts: str | None) -> str:
        """Return the id of the earlier run where it is still there, else of a new one."""
        earlier = self.earlier_run()
        if earlier:
            try:
                self._client.update_run(earlier, status="RUNNING")
                return earlier
            except self._failure as error:
                LOGGER.warning(
                    "MLflow: a new run, as the earlier one cannot be used: %s", first_line(error)
                )
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        known = self._client.get_experiment_by_name(name)
        experiment = (
            known.experiment_id if known else self._client.create_experiment(name, artifacts)
        )
        run = self._client.create_run(experiment, run_name=folder.resolve().name).info.run_id
        self.note_run(run)
        return run

    def _write_settings(self, settings: Mapping[str, str]) -> None:
        """Write hyperparameters as parameters; what changed in a resumed run, as a tag."""
        from mlflow.entities import Param, RunTag

        known = self._client.get_run(self._run).data.params
        new = [Param(name, value) for name, value in settings.items() if name not in known]
        for start in range(0, len(new), MOST_AT_ONCE):
            self._client.log_batch(self._run, params=new[start : start + MOST_AT_ONCE])
        changed = [
            RunTag(f"resumed.{name}", value)
            for name, value in settings.items()
            if known.get(name, value) != value
        ]
        self._client.log_batch(self._run, tags=changed)

    def write_scalars(self, group: str, figures: Mapping[str, float], step: int) -> None:
        """Write figures as `group`/name; see LoggerHook."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [
            Metric(f"{group}/{name}", float(value), now, step) for name, value in figures.items()
        ]
        self._attempt(lambda: self._client.log_batch(self._run, metrics=metrics), group, step)

    def write_pictures(self, group: str, step: int, pictures: Sequence[np.ndarray]) -> None:
        """Write pictures as `group`/picture_0 and so on; see LoggerHook."""
        for index, picture in enumerate(pictures):
            key = f"{group}/picture_{index}"
            self._attempt(
                lambda key=key, picture=picture: self._client.log_image(  # type: ignore[misc]
                    self._run, picture, key=key, step=step
                ),
                key,
                step,
            )

    def close(self, done: bool) -> None:
        """End the run."""
        status = "FINISHED" if done else "KILLED"
        self._attempt(lambda: self._client.set_terminated(self._run, status), "its end", 0)

    def _attempt(self, write: Callable[[], object], what: str, step: int) -> None:
        try:
            write()
        except (self._failure, OSError) as error:
            LOGGER.warning("MLflow lacks %s of step %d: %s", what, step, first_line(error))
