"""train(...) of a Python program: keyword arguments -> the same training job -> its figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from algorithm import storage
from algorithm.cli.console_log import start_logging
from algorithm.cli.verbs import training_job
from algorithm.errors import ArgumentError
from algorithm.storage.location import join

if TYPE_CHECKING:
    from algorithm.prediction.model import Model


@dataclass(frozen=True)
class TrainedJob:
    """A job that is done.

    Attributes:
        train_url: The folder it left.
        metrics: The content of metrics.json: COCO's 12 figures of the best checkpoint, None where
            there is nothing to measure, and more. Empty where the job wrote none.
    """

    train_url: str
    metrics: dict[str, Any]

    @property
    def model_dir(self) -> str:
        """The model folder."""
        return join(self.train_url, "model")

    def load(self) -> Model:
        """Open the model; see algorithm.load."""
        from algorithm.prediction.model import load

        return load(self.model_dir)


def train(**hyperparameters: Any) -> TrainedJob:
    """Run a training job in this process.

    Args:
        hyperparameters: Flags and hparams keys by name, each as text, as on the command line, or
            typed: numbers, True and False, (height, width) for sizes; None for the default.
            `data_url` and `train_url` are required.

    Returns:
        The finished job. A job that is called again goes on from its last checkpoint.

    Raises:
        ArgumentError: A name is unknown, or a value is not allowed.
        JobError: What else stops a job; algorithm.errors has the kinds.
    """
    start_logging()
    argv = as_flags(hyperparameters)
    training_job.run_or_raise(argv)
    train_url = str(hyperparameters["train_url"])
    metrics = join(train_url, "metrics.json")
    found = json.loads(storage.read_bytes(metrics)) if storage.exists(metrics) else {}
    return TrainedJob(train_url, found)


def as_flags(hyperparameters: dict[str, Any]) -> list[str]:
    """Return keyword arguments as the flags of the command line.

    Raises:
        ArgumentError: A name is unknown, or `data_url` or `train_url` is missing.
    """
    from algorithm.hyperparameters.hyperparameter_table import ROWS
    from algorithm.hyperparameters.names.nearest_name import did_you_mean
    from algorithm.hyperparameters.values import write_value

    for name in hyperparameters:
        if name not in ROWS:
            raise ArgumentError(
                f"train({name}=...): no such hyperparameter.{did_you_mean(name, tuple(ROWS))} All: "
                "python -m algorithm train --help"
            )
    for name in ("data_url", "train_url"):
        if not hyperparameters.get(name):
            raise ArgumentError(f"train(): expected {name}, found none; give {name}='...'")
    return [
        f"--{name}={write_value(value)}"
        for name, value in hyperparameters.items()
        if value is not None
    ]
