"""A dataset with a new split: a manifest of TRAIN and EVAL, and a test part of its own."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from algorithm.data.conversion.conversion import convert
from algorithm.data.conversion.voc_writer import MANIFEST, TEST
from algorithm.errors import ArgumentError


@dataclass(frozen=True)
class SplitCopy:
    """A dataset that was split anew.

    Attributes:
        path: Manifest of TRAIN and EVAL.
        test: Manifest of the test part; None without one.
        pictures: In all parts.
        warnings: Lines to log.
    """

    path: Path
    test: Path | None
    pictures: int
    warnings: tuple[str, ...]


def parse_fractions(text: str) -> tuple[float, ...]:
    """Return the fractions that a text such as "0.8,0.1,0.1" names.

    Raises:
        ArgumentError: They are not two or three positive numbers that sum to 1.
    """
    try:
        fractions = tuple(float(part) for part in text.split(","))
    except ValueError:
        fractions = ()
    whole = len(fractions) in (2, 3) and math.isclose(sum(fractions), 1, abs_tol=1e-3)
    if not whole or min(fractions) <= 0:
        raise ArgumentError(
            "expected --fractions of two or three positive numbers that sum to 1, for TRAIN, "
            f"EVAL and a test part, as in 0.8,0.1,0.1, found {text!r}"
        )
    return fractions


def split_copy(
    data_url: str | os.PathLike[str],
    output: str | os.PathLike[str],
    fractions: tuple[float, ...],
    *,
    seed: int = 0,
    clean: bool = False,
    workers: int | None = None,
) -> SplitCopy:
    """Write a dataset into the folder `output`, split anew whatever split it has.

    Classes are spread evenly; pictures that are the same file or look the same stay in one part.
    The same data, fractions and seed give the same split.

    Args:
        data_url: File, folder or pattern of a dataset.
        output: A new folder, or one that the same command began.
        fractions: Of the pictures for TRAIN, EVAL and, if there are three, a test part.
        seed: Another one gives another split.
        clean: Leave out what cannot be used instead of complaining.
        workers: Processes (default: all cores).

    Returns:
        What was written.

    Raises:
        DataError: As of convert; also for fewer pictures than parts.
        ArgumentError: As of convert.
        ResourceError: As of convert.
    """
    done = convert(
        data_url, output, "manifest", seed=seed, clean=clean, workers=workers, fractions=fractions
    )
    test = Path(output) / TEST / MANIFEST if len(fractions) == 3 else None
    return SplitCopy(done.path, test, done.pictures, done.warnings)
