"""The folder a job leaves: its content, its owner, and what may replace what."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from algorithm.errors import ArgumentError, DataError
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.job_urls import check_writable
from algorithm.models.detector import Detector
from algorithm.models.variable_names import published_variables
from algorithm.storage.atomic_files import write_json, write_text
from algorithm.training import checkpoints

_log = logging.getLogger(__name__)
_JOB = "job.json"
_BEST = "best_eval.txt"
TRAINING_MODES = ("train", "train_and_eval")


@dataclass(frozen=True)
class Checkpoint:
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


class RunFolder:
    """train_url on the local disk.

    It holds checkpoints, archive/ with the best one, model/, metrics.json and job.json.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def archive(self) -> Path:
        """The best checkpoint by AP, with best_eval.txt."""
        return self.folder / "archive"

    @property
    def model(self) -> Path:
        """The model folder that serves."""
        return self.folder / "model"

    @classmethod
    def claim(cls, folder: Path, hp: Hyperparameters) -> RunFolder:
        """Make the folder, check that it can be written, and take it for this job.

        Args:
            folder: The folder.
            hp: The job's hyperparameters.

        Returns:
            The folder as a RunFolder.

        Raises:
            StorageError: It cannot be written.
            ArgumentError: It holds a run made with other hyperparameters.
        """
        check_writable(folder)
        run = cls(folder)
        changes = (
            hp.changes_since(run._job().get("hyperparameters", {}))
            if hp.mode in TRAINING_MODES
            else ()
        )
        if changes and checkpoints.steps_in(folder):
            raise ArgumentError(
                f"train_url: {folder} holds a run made with other hyperparameters "
                f"({'; '.join(changes)}); give a new train_url, or the same hyperparameters to go "
                "on"
            )
        return run

    def _job(self) -> dict[str, Any]:
        path = self.folder / _JOB
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def is_finished(self, hp: Hyperparameters) -> bool:
        """Return whether this job was done here, up to its num_epochs or an early stop."""
        job = self._job()
        length = (
            job.get("steps", 0) >= hp.num_steps
            if hp.num_steps
            else job.get("epochs", 0) >= hp.num_epochs
        )
        enough = length or job.get("stopped_early", False)
        return hp.mode in TRAINING_MODES and job.get("status") == "finished" and enough

    def started(self, hp: Hyperparameters) -> None:
        """Note that this job is running."""
        self._note("running", hp)

    def finished(self, hp: Hyperparameters, metrics: dict[str, Any], stopped_early: bool) -> None:
        """Write metrics.json and, last of all, that the job is finished.

        Args:
            hp: The job's hyperparameters.
            metrics: The figures of the best checkpoint.
            stopped_early: Whether training ended before its plan did.
        """
        self.write_metrics(metrics)
        self._note(
            "finished",
            hp,
            epochs=0 if hp.num_steps else hp.num_epochs,
            steps=hp.num_steps,
            stopped_early=stopped_early,
        )

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write metrics.json."""
        write_json(self.folder / "metrics.json", metrics)

    def _note(self, status: str, hp: Hyperparameters, **more: Any) -> None:
        write_json(self.folder / _JOB, {"status": status, **more, "hyperparameters": hp.as_dict()})

    def write_graph(self, detector: Detector) -> None:
        """Write graph.pbtxt: the inference graph, for TensorBoard and for people."""
        call = tf.function(lambda images: detector(images, training=False))
        graph = call.get_concrete_function(
            tf.TensorSpec((None, *detector.image_size, 3), tf.float32)
        ).graph
        write_text(self.folder / "graph.pbtxt", str(graph.as_graph_def()))

    def newest_saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Return tensors and state of the newest readable checkpoint of the job, or None."""
        return checkpoints.load_newest(self.folder)

    def newest(self) -> Checkpoint | None:
        """Return the newest readable checkpoint of the job, or None."""
        found = self.newest_saved()
        return Checkpoint(self.folder, *found) if found else None

    def resumable(self, mode: str) -> Checkpoint | None:
        """Return what a job goes on from, or None.

        Args:
            mode: The job's mode.

        Returns:
            The best checkpoint for "eval", nothing for "overfit_check", else the newest checkpoint.
        """
        source = {"eval": self.archived, "overfit_check": lambda: None}.get(mode, self.newest)
        return source()

    def archived(self) -> Checkpoint | None:
        """Return the best checkpoint, or None."""
        found = checkpoints.load_newest(self.archive)
        return Checkpoint(self.archive, *found) if found else None

    def archive_if_better(
        self, detector: Detector, step: int, figures: dict[str, Any], state: dict[str, Any]
    ) -> bool:
        """Archive the detector's present weights if their AP beats the archived one.

        Weights that are not finite are never archived.

        Args:
            detector: Holds the weights.
            step: Updates made so far.
            figures: What the evaluation found, with "AP" (None counts as 0).
            state: What is saved beside the weights.

        Returns:
            Whether the archive now holds these weights.

        Raises:
            ResourceError: See training.checkpoints.save.
        """
        archived = self.archived_figures()
        score = figures["AP"] or 0.0
        if archived and score <= archived["AP"]:
            return (
                archived["global_step"] == step and archived["AP"] == score
            )  # the same evaluation was made again
        tensors = {
            name: variable.numpy() for name, variable in published_variables(detector).items()
        }
        if not all(np.isfinite(value).all() for value in tensors.values()):
            _log.warning("the weights at step %d are not all finite: not archived", step)
            return False
        checkpoints.save(
            self.archive,
            step,
            {**tensors, "global_step": np.int64(step)},
            {**state, "metrics": figures},
            keep=1,
        )
        lines = [
            f"{name} = {value}"
            for name, value in figures.items()
            if isinstance(value, (int, float))
        ]
        write_text(
            self.archive / _BEST,
            "\n".join(
                [
                    f"global_step = {step}",
                    f"AP = {score}",
                    *(line for line in lines if not line.startswith("AP =")),
                ]
            )
            + "\n",
        )
        return True

    def archived_figures(self) -> dict[str, float]:
        """Return the numbers that evaluation found for the archived checkpoint.

        They stand in the checkpoint itself; best_eval.txt, for people, is written after it.

        Returns:
            The numbers by name, with global_step; empty when there is no checkpoint that can be
            read.
        """
        found = checkpoints.load_newest(self.archive)
        if found is None:
            return {}
        tensors, state = found
        numbers = {
            name: float(value)
            for name, value in state["metrics"].items()
            if isinstance(value, (int, float))
        }
        return {
            **numbers,
            "AP": state["metrics"]["AP"] or 0.0,
            "global_step": float(tensors["global_step"]),
        }

    def load_archive(self, detector: Detector) -> dict[str, Any]:
        """Give the detector the archived weights.

        Args:
            detector: Gets the weights.

        Returns:
            The state saved with them.

        Raises:
            DataError: There is no archived checkpoint that can be read.
        """
        best = self.archived()
        if best is None:
            raise DataError(
                f"{self.archive}: expected the best checkpoint of a training job, found none that "
                "can be read; train first"
            )
        for name, variable in published_variables(detector).items():
            variable.assign(best.tensors[name])
        return best.state
