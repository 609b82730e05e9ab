"""What a dataset reads as, in short: for tests of readers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from algorithm.data.readers.recognition import read_listing

from ..conftest import write_picture

Box = tuple[str, list[float]]  # class, [ymin, xmin, ymax, xmax] rounded to hundredths


@dataclass(frozen=True)
class Reading:
    """objects, usages, ignored: of each picture by its name. complaints, warnings: all, as text."""

    objects: dict[str, list[Box]]
    usages: dict[str, str | None]
    complaints: list[str]
    warnings: str
    ignored: dict[str, list[bool]]


def read(path: Path) -> Reading:
    """Reads a dataset as a job does."""
    listing = read_listing(path)
    entries = list(listing.entries)
    usable = [entry for entry in entries if entry.annotation is not None]
    complaints = [
        str(one)
        for owner in (listing, *entries, *(entry.annotation for entry in usable))
        for one in owner.complaints
    ]
    return Reading(
        {
            entry.source: [
                (name, [round(float(side), 2) for side in box])
                for name, box in zip(entry.annotation.names, entry.annotation.boxes, strict=True)
            ]
            for entry in usable
        },
        {entry.source: entry.usage for entry in entries},
        complaints,
        "\n".join(listing.warnings),
        {entry.source: entry.annotation.ignored.tolist() for entry in usable},
    )


def pictures(folder: Path, *names: str, width: int = 40, height: int = 30) -> None:
    """Pictures of 40 x 30 pixels, no two alike."""
    for number, name in enumerate(names):
        write_picture(folder / name, width, height, seed=number)


def write(path: Path, content: object, encoding: str = "utf-8") -> Path:
    """Text, or anything JSON can say, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_text(text, encoding=encoding)
    return path


def exports(shared_dir: Path, name: str) -> Path:
    """A real export of another tool; skips where there is none."""
    path = shared_dir / "data" / "exports" / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return path
