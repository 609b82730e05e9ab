"""Files of a conversion that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from algorithm.data.conversion.picture_row import PictureRow

PART = ".part"


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Yield a binary stream that becomes the file at `path` if the block ends without an error."""
    with beside(path) as part, part.open("wb") as stream:
        yield stream


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` when the block ends without an error.

    It is this process's own: a worker that outlived a killed run may still be writing the same
    file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(
        f".{os.getpid()}-{hashlib.sha256(path.name.encode()).hexdigest()[:16]}{PART}"
    )
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write the file at `path` with this content, whole."""
    with replaced(path) as stream:
        stream.write(content)


def remove_parts(output: Path) -> None:
    """Take away what runs that were killed left half-written."""
    for part in output.rglob(f".*{PART}"):
        part.unlink(missing_ok=True)


def copy_picture(row: PictureRow, target: Path) -> None:
    """Copy the source picture, byte for byte; one that is there in full is left alone."""
    if target.exists() and target.stat().st_size == row.stamp[0]:
        return
    with Path(row.path).open("rb") as source, replaced(target) as stream:
        shutil.copyfileobj(source, stream, 1 << 20)
