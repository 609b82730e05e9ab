"""The split that a file's name tells."""

from __future__ import annotations

import re
from pathlib import Path

WORDS = {
    "train": "train",
    "training": "train",
    "val": "eval",
    "valid": "eval",
    "validation": "eval",
    "eval": "eval",
    "test": "eval",
}


def word_of(name: str) -> str | None:
    """The first word in a name that names a split (train-00000-of-00010, pet_val.record, test_labels.csv)."""
    return next((word for word in re.split(r"[^a-z]+", name.lower()) if word in WORDS), None)


def usage_of(name: str) -> str | None:
    """ "train" or "eval" where a name says so, else None."""
    return WORDS.get(word_of(name) or "")


def without_test(files: list[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """(files, lines to log): those called test are left out where others are for evaluation."""
    words = {file: word_of(file.name) for file in files}
    if "test" not in words.values() or not any(
        WORDS.get(word or "") == "eval" and word != "test" for word in words.values()
    ):
        return files, ()
    left_out = [file.name for file in files if words[file] == "test"]
    shown = ", ".join(left_out[:3]) + " and more" * (len(left_out) > 3)
    return [file for file in files if words[file] != "test"], (
        f"{shown}: left out, another file is for evaluation",
    )
