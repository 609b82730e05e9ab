"""The folder a job leaves: its content, its owner, and what may replace what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from algorithm.data import Dataset
from algorithm.data.recorded_usages import trained_before
from algorithm.data.split_record import FILE as SPLIT
from algorithm.data.split_record import GIVEN, SplitRecord, read_record
from algorithm.errors import ArgumentError, Stopped
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.job_urls import check_writable
from algorithm.jobs.outputs.best_checkpoint import BestCheckpoint
from algorithm.jobs.outputs.resumable_checkpoint import JobCheckpoint
from algorithm.models.detector import Detector
from algorithm.storage.atomic_files import write_json, write_text
from algorithm.training import checkpoints

JOB_FILE = "job.json"
METRICS, EVALUATION = "metrics.json", "evaluation.json"
TRAINED_ON = "may_have_been_trained_on"  # a key of both
TRAINING_MODES = ("train", "train_and_eval")


class RunFolder:
    """train_url on the local disk.

    It holds checkpoints, archive/ with the best one, model/, metrics.json, split.json and job.json.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def best(self) -> BestCheckpoint:
        """archive/: the best checkpoint by AP, with best_eval.txt."""
        return BestCheckpoint(self.folder / "archive")

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
        path = self.folder / JOB_FILE
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def is_finished(self, hp: Hyperparameters) -> bool:
        """Return whether this job was done here: up to its length, or to an early stop.

        A job that stopped early goes on where it may be longer, or has more patience, than before.
        """
        job = self._job()
        name, key = _length_of(hp)
        length = job.get(key, 0) >= getattr(hp, name)
        enough = length and not (job.get("stopped_early") and self._more_patience(hp))
        return hp.mode in TRAINING_MODES and job.get("status") == "finished" and enough

    def _more_patience(self, hp: Hyperparameters) -> bool:
        before = int(self._job().get("hyperparameters", {}).get("early_stop_patience", 0))
        return before > 0 and (hp.early_stop_patience == 0 or hp.early_stop_patience > before)

    def waits_anew(self, hp: Hyperparameters, step: int) -> bool:
        """Return whether a finished job that goes on may count its patience anew.

        It may where it was only made longer: else one whose patience had come to its end would stop
        at once. With more patience the evaluations without a better AP go on to count.

        Args:
            hp: The job's hyperparameters.
            step: Of the checkpoint that it goes on from.
        """
        job = self._job()
        if job.get("status") != "finished":
            return job.get("waits_anew_at") == step
        return not self.is_finished(hp) and not self._more_patience(hp)

    def on_from_here(self, hp: Hyperparameters) -> str:
        """Return how the finished job can go on, in words."""
        job, (length, _) = self._job(), _length_of(hp)
        if job.get("stopped_early"):
            patience = job["hyperparameters"]["early_stop_patience"]
            return (
                f"it stopped early, {patience} evaluation(s) without a better AP: to train on, "
                f"raise early_stop_patience or {length} and keep train_url"
            )
        return f"to train on, raise {length} and keep train_url"

    def started(self, hp: Hyperparameters, waits_anew_at: int | None = None) -> None:
        """Note that this job is running.

        Args:
            hp: The job's hyperparameters.
            waits_anew_at: The step from which it counts its patience anew, see waits_anew.
        """
        more = {} if waits_anew_at is None else {"waits_anew_at": waits_anew_at}
        self._note("running", hp, **more)

    def finished(self, hp: Hyperparameters, metrics: dict[str, Any], stopped_early: bool) -> None:
        """Write metrics.json and, last of all, that the job is finished.

        Args:
            hp: The job's hyperparameters.
            metrics: The figures of the best checkpoint.
            stopped_early: Whether training ended before its plan did.
        """
        self.write_metrics(metrics)
        name, key = _length_of(hp)
        lengths = {"epochs": 0, "steps": 0, key: getattr(hp, name)}
        self._note("finished", hp, **lengths, stopped_early=stopped_early)

    @contextmanager
    def ending_noted(self) -> Iterator[None]:
        """Note how a job that was running ended, where it did not come to its end in here."""
        try:
            yield
        except BaseException as error:
            job = self._job()
            stopped = isinstance(error, Stopped | KeyboardInterrupt)
            if job.get("status") == "running":
                with suppress(OSError):  # a full disk must not hide what went wrong
                    write_json(
                        self.folder / JOB_FILE,
                        {**job, "status": "stopped" if stopped else "failed"},
                    )
            raise

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write metrics.json."""
        write_json(self.folder / METRICS, metrics)

    def write_evaluation(self, metrics: dict[str, Any], dataset: Dataset) -> str:
        """Write the figures of a job that only evaluates.

        A training job's metrics.json stays as it is where other pictures were evaluated: then the
        figures go into evaluation.json.

        Args:
            metrics: The figures.
            dataset: What was evaluated.

        Returns:
            The name of the file.
        """
        kept = not dataset.same_eval and (self.folder / METRICS).is_file() and bool(self._job())
        name = EVALUATION if kept else METRICS
        write_json(self.folder / name, metrics)
        return name

    def split(self, place: str) -> SplitRecord | None:
        """Return the split that a job recorded here, or None.

        Args:
            place: What the folder is called in messages: train_url.

        Raises:
            DataError: The record cannot be read.
        """
        for name in (SPLIT, f"{self.model.name}/{SPLIT}"):
            if (self.folder / name).is_file():
                return replace(read_record(self.folder / name), place=f"{place.rstrip('/')}/{name}")
        return None

    def known_before(self) -> int | None:
        """Return how many EVAL pictures of split.json an earlier job may have trained on.

        None where no earlier job recorded what it trained on.
        """
        record = read_record(self.folder / SPLIT)
        found = trained_before(record.before, list(record.eval), list(record.eval.values()))
        return len(found) if record.before else None

    def record_split(self, dataset: Dataset) -> None:
        """Write split.json: which pictures train and which evaluate, by name and content.

        What a job recorded before stays, unless an earlier version wrote it.
        """
        file = self.folder / SPLIT
        before = read_record(file) if file.is_file() else None
        if before and checkpoints.steps_in(self.folder) and not before.names_only:
            return
        rule = before.rule if before and before.rule == GIVEN else dataset.split_rule
        record = SplitRecord.of(dataset.train, dataset.eval, rule, dataset.before)
        write_json(file, record.as_dict())

    def _note(self, status: str, hp: Hyperparameters, **more: Any) -> None:
        write_json(
            self.folder / JOB_FILE, {"status": status, **more, "hyperparameters": hp.as_dict()}
        )

    def write_graph(self, detector: Detector) -> tf.Graph:
        """Write graph.pbtxt, the inference graph for people, and return the graph."""
        call = tf.function(lambda images: detector(images, training=False))
        graph = call.get_concrete_function(
            tf.TensorSpec((None, *detector.image_size, 3), tf.float32)
        ).graph
        write_text(self.folder / "graph.pbtxt", str(graph.as_graph_def()))
        return graph

    def newest_saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Return tensors and state of the newest readable checkpoint of the job, or None."""
        return checkpoints.load_newest(self.folder)

    def newest(self) -> JobCheckpoint | None:
        """Return the newest readable checkpoint of the job, or None."""
        found = self.newest_saved()
        return JobCheckpoint(self.folder, *found) if found else None

    def resumable(self, mode: str) -> JobCheckpoint | None:
        """Return what a job goes on from, or None.

        Args:
            mode: The job's mode.

        Returns:
            The best checkpoint for "eval", nothing for "overfit_check", else the newest checkpoint.
        """
        source = {"eval": self.best.read, "overfit_check": lambda: None}.get(mode, self.newest)
        return source()


def _length_of(hp: Hyperparameters) -> tuple[str, str]:
    """Return the hyperparameter that says how long the job trains, and its key in job.json."""
    if hp.train_minutes:
        return "train_minutes", "minutes"
    return ("num_steps", "steps") if hp.num_steps else ("num_epochs", "epochs")
