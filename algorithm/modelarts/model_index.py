"""The file `index` of a model folder: the class names, in the order of the model's outputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from algorithm.errors import DataError, first_line

INDEX = "index"
NAMES = "labels_list"
THRESHOLDS = "thresholds"  # written by an assessment, read by the handler


def index_content(label_names: Sequence[str]) -> dict[str, Any]:
    """Return what `index` holds for a detector of these classes."""
    return {NAMES: list(label_names), "is_multilabel": False}


def read_class_names(folder: Path) -> tuple[str, ...]:
    """Read the class names of a model folder.

    Args:
        folder: A model folder, or another one with a file `index`.

    Returns:
        The names, label 0 first.

    Raises:
        DataError: The file is missing, or holds no names.
    """
    path = folder / INDEX
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"expected a JSON object in {path}, found "
            f"{getattr(error, 'strerror', None) or first_line(error)}: give the folder `model` "
            "that a finished training job wrote"
        ) from error
    names = content.get(NAMES) if isinstance(content, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(
            f'expected {{"{NAMES}": [class names]}} in {path}, found something else: give the '
            "folder `model` that a finished training job wrote"
        )
    return tuple(names)
