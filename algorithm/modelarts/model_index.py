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
BIT_DEPTH, FULL_DEPTH = "bit_depth", 16


def index_content(label_names: Sequence[str], bit_depth: int = FULL_DEPTH) -> dict[str, Any]:
    """Return what `index` holds for a detector.

    Args:
        label_names: Names of its classes, class 1 first.
        bit_depth: The bits that 16-bit pictures use; all of them are not mentioned.

    Returns:
        The content of the file.
    """
    depth = {} if bit_depth == FULL_DEPTH else {BIT_DEPTH: bit_depth}
    return {NAMES: list(label_names), "is_multilabel": False, **depth}


def read_class_names(folder: Path) -> tuple[str, ...]:
    """Read the class names of a model folder.

    Args:
        folder: A model folder, or another one with a file `index`.

    Returns:
        The names, label 0 first.

    Raises:
        DataError: The file is missing, or holds no names.
    """
    path, content = folder / INDEX, _content(folder / INDEX)
    names = content.get(NAMES) if isinstance(content, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(
            f'expected {{"{NAMES}": [class names]}} in {path}, found something else: give the '
            "folder `model` that a finished training job wrote"
        )
    return tuple(names)


def read_bit_depth(folder: Path) -> int:
    """Read how many bits 16-bit pictures use for the model of a folder.

    Args:
        folder: A model folder, or another one with a file `index`.

    Returns:
        8..16.

    Raises:
        DataError: The file is missing or damaged.
    """
    content = _content(folder / INDEX)
    depth = content.get(BIT_DEPTH, FULL_DEPTH) if isinstance(content, dict) else FULL_DEPTH
    if not isinstance(depth, int) or not 8 <= depth <= FULL_DEPTH:
        raise DataError(
            f"expected {BIT_DEPTH} of 8..{FULL_DEPTH} in {folder / INDEX}, found {depth!r}: give "
            "the folder `model` that a finished training job wrote"
        )
    return depth


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"expected a JSON object in {path}, found "
            f"{getattr(error, 'strerror', None) or first_line(error)}: give the folder `model` "
            "that a finished training job wrote"
        ) from error
