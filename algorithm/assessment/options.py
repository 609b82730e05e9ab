"""The options of an assessment on a command line, by the platform or by a person."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from algorithm.errors import ArgumentError

_HELP = {
    "model_dir": "model folder that a training job left, local or obs:// or s3://",
    "data_url": "dataset whose EVAL samples are assessed: manifest, folder or another form",
    "output": "folder for the report and the JSON files, local or remote",
    "baseline": "another model folder, or the folder of an earlier assessment, to compare with",
    "apply": "write the best thresholds into the model folder",
    "tune": "run up to N further training jobs, each with one more piece of advice, and keep what "
    "helps on EVAL",
    "tune_epochs": "epochs of each of these jobs (default: as the job that made the model)",
}


@dataclass(frozen=True)
class Options:
    """The options of an assessment. Places are as given, local or remote.

    Attributes:
        model_dir: The model folder.
        data_url: The dataset.
        output: The folder for the results.
        baseline: An earlier assessment or a model folder to compare with, "" for none.
        apply: Whether to write the thresholds into the model folder.
        tune: How many tuning jobs to run, 0 for none.
        tune_epochs: Epochs of a tuning job, 0 for as many as the former job's.
        input_sizes: (height, width) of each model's input in pixels, where the caller knows it.
        ignored: Flags that mean nothing here.
    """

    model_dir: str
    data_url: str
    output: str
    baseline: str = ""
    apply: bool = False
    tune: int = 0
    tune_epochs: int = 0
    input_sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags, under the platform's names too: model_url, deps_save_path, train_url."""
    parser.add_argument("--model_dir", "--model_url", default="", help=_HELP["model_dir"])
    parser.add_argument("--data_url", default="", help=_HELP["data_url"])
    parser.add_argument("--output", "--deps_save_path", default="", help=_HELP["output"])
    parser.add_argument(
        "--train_url", default="", help="stands in for --output where that is not given"
    )
    parser.add_argument("--baseline", default="", help=_HELP["baseline"])
    parser.add_argument("--apply", action="store_true", help=_HELP["apply"])
    parser.add_argument("--tune", type=int, default=0, metavar="N", help=_HELP["tune"])
    parser.add_argument(
        "--tune_epochs", type=int, default=0, metavar="E", help=_HELP["tune_epochs"]
    )


def options_of(arguments: argparse.Namespace, ignored: Sequence[str] = ()) -> Options:
    """Return the typed options.

    Args:
        arguments: What the parser of add_options read.
        ignored: Flags that mean nothing here.

    Returns:
        The options.

    Raises:
        ArgumentError: A place is missing, or a number is not possible.
    """
    output = arguments.output or arguments.train_url
    for name, value in (
        ("model_dir", arguments.model_dir),
        ("data_url", arguments.data_url),
        ("output", output),
    ):
        if not value:
            raise ArgumentError(f"--{name}: expected a place, found none: {_HELP[name]}")
    for name in ("tune", "tune_epochs"):
        if getattr(arguments, name) < 0:
            raise ArgumentError(f"--{name}: expected 0 or more, found {getattr(arguments, name)}")
    return Options(
        arguments.model_dir,
        arguments.data_url,
        output,
        arguments.baseline,
        arguments.apply,
        arguments.tune,
        arguments.tune_epochs,
        ignored=tuple(word for word in ignored if word.startswith("--")),
    )
