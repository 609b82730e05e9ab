"""A copy of a dataset with a new split: a ModelArts manifest for TRAIN and EVAL, and a test
part of its own.
"""

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
    """path: manifest of TRAIN and EVAL. test: manifest of the test part, None without one.
    pictures: in all.
    """

    path: Path
    test: Path | None
    pictures: int
    warnings: tuple[str, ...]


def parse_fractions(text: str) -> tuple[float, ...]:
    """Two or three positive numbers that sum to 1, as "0.8,0.1,0.1". Raises ArgumentError."""
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
    """Write the dataset at `data_url` into the folder `output`, split anew whatever split it has.

    Classes are spread evenly; pictures that are the same file or look the same stay in one part.
    fractions: as of parse_fractions. clean, workers: as of convert. The same data, fractions and
    seed give the same split. Raises DataError, ArgumentError and ResourceError as convert does,
    DataError also for fewer pictures than parts.
    """
    done = convert(
        data_url, output, "manifest", seed=seed, clean=clean, workers=workers, fractions=fractions
    )
    test = Path(output) / TEST / MANIFEST if len(fractions) == 3 else None
    return SplitCopy(done.path, test, done.pictures, done.warnings)
