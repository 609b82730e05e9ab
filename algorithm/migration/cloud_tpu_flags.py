"""The flags of a training job from those of the Cloud TPU RetinaNet tutorial's program."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from algorithm.errors import ArgumentError, DataError
from algorithm.hyperparameters import ROWS
from algorithm.hyperparameters.names.nearest_name import did_you_mean
from algorithm.migration.cloud_tpu import translate
from algorithm.migration.cloud_tpu_parameters import read_parameters

_log = logging.getLogger("algorithm")
# The flags of the tutorial's program. Those with a reason have no effect here.
_FLAGS = (
    "strategy_type",
    "tpu",
    "model_dir",
    "mode",
    "model",
    "checkpoint_path",
    "config_file",
    "params_override",
    "num_gpus",
    "worker_hosts",
    "task_index",
    "precision",
    "training_file_pattern",
    "eval_file_pattern",
    "train_batch_size",
    "eval_batch_size",
)
_WITHOUT_EFFECT = {
    "enable_xla": "the losses are compiled in any case",
    "log_steps": "train.iterations_per_loop says it",
    "save_checkpoint_freq": "train.iterations_per_loop says it",
    "all_reduce_alg": "the strategy chooses",
    "num_packs": "the strategy chooses",
    "data_dir": "the file patterns say it",
}
ALL_FLAGS = (*_FLAGS, *_WITHOUT_EFFECT)
_SHORT = {
    "training_file_pattern": "train.train_file_pattern",
    "eval_file_pattern": "eval.eval_file_pattern",
    "train_batch_size": "train.batch_size",
    "eval_batch_size": "eval.batch_size",
}


def job_arguments(argv: Sequence[str]) -> list[str]:
    """Return the flags of the training job that argv describes; log a line for each setting.

    Args:
        argv: The tutorial's flags and hyperparameters of our own.

    Raises:
        ArgumentError: An unknown flag, another model, or a setting that cannot be translated.
        DataError: --mode=eval of a folder without checkpoints.
    """
    flags, own = _split(argv)
    if flags.get("model", "retinanet") != "retinanet":
        raise ArgumentError(
            f"--model: expected retinanet, found {flags['model']!r}; masks are not predicted here"
        )
    given = {
        **read_parameters(flags.get("config_file", ""), "config_file"),
        **read_parameters(flags.get("params_override", ""), "params_override"),
    }
    for flag, key in _SHORT.items():
        if flags.get(flag):
            given |= read_parameters(f"{{ {key.replace('.', ': { ')}: {flags[flag]} }} }}", flag)
    result = translate(given, flags)
    for name, why in _WITHOUT_EFFECT.items():
        if name in flags:
            result.leave(f"--{name}", flags[name], why)
    for line in result.lines:
        _log.info("%s", line)
    if flags.get("mode") == "eval":
        _check_there_is_something_to_evaluate(result.values["train_url"])
    return [*result.arguments(), *own]


def _split(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the tutorial's flags, and those of our own job, which come last and so win."""
    flags: dict[str, str] = {}
    own: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        name, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            raise ArgumentError(
                f"expected --name=value, found '{word}'; put the braces of params_override into "
                "quotes"
            )
        if not equals and words and not words[0].startswith("--"):
            text = words.pop(0)
        if name in ALL_FLAGS:
            flags[name] = text
        elif name in ROWS:
            own.append(f"--{name}={text}")
        else:
            raise ArgumentError(
                f"--{name}: no such flag (value '{text}')."
                + did_you_mean(name, (*ALL_FLAGS, *ROWS))
            )
    return flags, own


def _check_there_is_something_to_evaluate(folder: str) -> None:
    if "://" not in folder and not (Path(folder) / "archive").is_dir():
        raise DataError(
            f"--mode=eval: expected the checkpoints of a training in {folder}, found none; train "
            "first, or evaluate another file with --mode=eval_once --checkpoint_path"
        )
