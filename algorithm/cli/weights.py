"""`python -m algorithm weights list|inspect|import|fetch`: the four verbs as functions that print."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from algorithm.models.detector import build_detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.catalogue import (
    PUBLISHED,
)
from algorithm.models.weights.checkpoint_writer import write_checkpoint
from algorithm.models.weights.loading import load_weights
from algorithm.models.weights.lookup import local_copy
from algorithm.models.weights.opening import open_weights

_SMALLEST_SIZE = 64  # weights do not depend on it, building time does


def list_weights(search_dirs: Sequence[Path] | None = None, console: Console | None = None) -> None:
    """Prints every published file: what it holds, the scope it serves, its address, and where it is present."""
    lines = []
    for each in PUBLISHED:
        present = local_copy(each, search_dirs)
        lines.append(f"{each.name:<20}{each.family:<17}{each.scope:<15}{each.url}  ({each.note})")
        lines.append(f"{'':<20}{f'present: {present}' if present else 'not on this machine'}")
    _print(console, lines)


def inspect(path: str | os.PathLike[str], console: Console | None = None) -> None:
    """Prints what a file of weights is, which models it fits, and its tensors by scope. DataError when it is none."""
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
    """Rewrites a file of weights as a checkpoint folder with the published names, checked against the model.

    A detector is taken whole, with the number of classes it has; from a backbone's file the backbone is taken. Returns
    the folder. DataError: the file does not give the whole model. ArgumentError: unknown model, or output exists.
    """
    with open_weights(path) as source:
        num_classes, label_names = source.num_classes, source.label_names
    detector = build_detector(model_name, num_classes or 1, _SMALLEST_SIZE)
    report = load_weights(detector, path, "full" if num_classes else "classification")
    variables = published_variables(detector)
    return write_checkpoint(
        {name: variables[name].numpy() for name in report.matched}, output, label_names
    )


def _print(console: Console | None, lines: Sequence[str]) -> None:
    """As they are: an address must not be cut, nor a name in brackets taken for a style."""
    (console or Console()).print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
