"""weights list, inspect, fetch, import: pretrained weights and the files they stand in."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from algorithm.cli.early_checks import check_new_folder, check_weights_file
from algorithm.cli.verb import Verb, VerbGroup
from algorithm.hyperparameters import ROWS, read_value

if TYPE_CHECKING:
    from rich.console import Console

_MEGABYTE = 1e6
_SMALLEST_SIZE = 64  # weights do not depend on it, building time does


def list_weights(search_dirs: Sequence[Path] | None = None, console: Console | None = None) -> None:
    """Print every published file: its AP and size, what it starts, and where it is."""
    from algorithm.models.weights.catalogue import PUBLISHED
    from algorithm.models.weights.lookup import local_copy
    from algorithm.models.weights.published_figures import figures_of

    row = "{:<21}{:<22}{:<16}{:>6}{:>7}  {}"
    lines = [row.format("NAME", "FAMILY", "STARTS", "AP", "MB", "HERE")]
    for each in PUBLISHED:
        present, known = local_copy(each, search_dirs), figures_of(each.name, each.family)
        ap = f"{known.ap:.1f}" if known else "-"
        size = f"~{known.megabytes:.0f}" if known else "-"
        if present:
            size = f"{present.stat().st_size / _MEGABYTE:.1f}"
        here = "yes" if present else "no"
        lines.append(row.format(each.name, each.family, each.scope, ap, size, here))
        lines.append(f"  {each.url}  ({each.note})")
        if present:
            lines.append(f"  here: {present}")
    lines.append(
        "AP: of COCO val2017 in percent, as published. MB: of the file where it is here, else of "
        "its parameters"
    )
    _print(console, lines)


def inspect(path: str | os.PathLike[str], console: Console | None = None) -> None:
    """Print what a file of weights is, which models it fits, and its tensors by scope.

    Raises:
        DataError: it is no file of weights.
    """
    from algorithm.models.weights.opening import open_weights

    with open_weights(path) as source:
        lines = [
            f"{source.path}: {source.kind}",
            f"backbone: {source.backbone}",
            f"fits: {', '.join(source.fitting_models) or 'no known model'}"
            + (
                ""
                if source.has_detector
                else " (backbone only: fine_tune_checkpoint_type=classification)"
            ),
            f"classes: {source.num_classes or 'none'}"
            + (f" ({', '.join(source.label_names)})" if source.label_names else ""),
            f"tensors: {len(source.tensors)}, {source.averaged} of them moving averages",
        ]
        scopes = Counter(name.split("/")[0] for name in source.tensors)
        lines += [f"  {scope}: {count}" for scope, count in sorted(scopes.items())]
    _print(console, lines)


def import_weights(
    path: str | os.PathLike[str], model_name: str, output: str | os.PathLike[str]
) -> Path:
    """Rewrite a file of weights as a checkpoint folder with the published names.

    A detector is taken whole, with the number of classes it has; of another file the backbone.

    Args:
        path: checkpoint folder or prefix, archive, .h5 or .pth.
        model_name: the model that the weights are checked against.
        output: folder to write.

    Returns:
        The folder.

    Raises:
        DataError: the file does not give the whole model.
        ArgumentError: the model is unknown, or output exists.
    """
    from algorithm.models.detector import build_detector
    from algorithm.models.variable_names import published_variables
    from algorithm.models.weights.checkpoint_writer import write_checkpoint
    from algorithm.models.weights.loading import load_weights
    from algorithm.models.weights.opening import open_weights

    with open_weights(path) as source:
        num_classes, label_names = source.num_classes, source.label_names
    detector = build_detector(model_name, num_classes or 1, _SMALLEST_SIZE)
    report = load_weights(detector, path, "full" if num_classes else "classification")
    variables = published_variables(detector)
    return write_checkpoint(
        {name: variables[name].numpy() for name in report.matched}, output, label_names
    )


def _print(console: Console | None, lines: Sequence[str]) -> None:
    """Print lines as they are: an address is not cut, a name in brackets is no style."""
    from rich.console import Console

    (console or Console()).print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _fetch(arguments: argparse.Namespace) -> None:
    from algorithm.models.weights.fetching import fetch_weights

    read_value(ROWS["model_name"], arguments.model_name)
    print(fetch_weights(arguments.model_name, arguments.output or None))


def _inspect(arguments: argparse.Namespace) -> None:
    check_weights_file(arguments.path, "path")
    inspect(arguments.path)


def _import(arguments: argparse.Namespace) -> None:
    check_weights_file(arguments.path, "path")
    read_value(ROWS["model_name"], arguments.model_name)
    check_new_folder(arguments.output)
    print(import_weights(arguments.path, arguments.model_name, arguments.output))


def _add_no_flags(parser: argparse.ArgumentParser) -> None:
    pass


def _add_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="checkpoint folder or prefix, archive, .h5 or .pth")


def _add_fetch_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model_name", required=True, help="model that they start")
    parser.add_argument("--output", default="", help="folder instead of the cache")


def _add_import_flags(parser: argparse.ArgumentParser) -> None:
    _add_path(parser)
    parser.add_argument("--model_name", required=True, help="model that they start")
    parser.add_argument("--output", required=True, help="folder to write")


GROUP = VerbGroup(
    "weights",
    "list, fetch, inspect or convert pretrained weights",
    (
        Verb(
            "list",
            "every published file: AP on COCO, size, and whether it is on this machine",
            _add_no_flags,
            lambda arguments: list_weights(),
        ),
        Verb(
            "inspect",
            "say what a file of weights holds and which models it fits",
            _add_path,
            _inspect,
        ),
        Verb(
            "fetch",
            "download the published weights of a model into the cache",
            _add_fetch_flags,
            _fetch,
        ),
        Verb(
            "import",
            "rewrite any readable weights as a checkpoint with the published names",
            _add_import_flags,
            _import,
        ),
    ),
)
