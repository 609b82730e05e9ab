"""The loggers of a job, as `log_to` names them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from algorithm.hyperparameters import Hyperparameters
from algorithm.hyperparameters.loggers import loggers_of
from algorithm.training.hooks.logger_hook import LoggerHook
from algorithm.training.hooks.mlflow_hook import MlflowHook
from algorithm.training.hooks.tensorboard_hook import TensorBoardHook
from algorithm.training.hooks.wandb_hook import WandbHook


def training_loggers(
    hp: Hyperparameters,
    folder: Path,
    pictures: Sequence[np.ndarray],
    *,
    chief: bool,
) -> list[LoggerHook]:
    """Make the loggers.

    Args:
        hp: The job's hyperparameters.
        folder: train_url on the local disk.
        pictures: uint8 [H, W, 3] each, training pictures with their boxes.
        chief: Whether this machine writes results. Others keep events alone, in a folder of theirs.

    Returns:
        One for each name in `log_to` that this machine writes to.
    """
    every, settings = hp.log_every_steps, hp.as_dict()
    makers = {
        "tensorboard": lambda: TensorBoardHook(folder, every, pictures),
        "mlflow": lambda: MlflowHook(folder, every, pictures, settings),
        "wandb": lambda: WandbHook(folder, every, pictures, settings),
    }
    return [makers[name]() for name in loggers_of(hp.log_to) if chief or name == "tensorboard"]
