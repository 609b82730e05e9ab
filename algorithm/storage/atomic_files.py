"""Writing local files so that a reader sees the old or the new content, never a part."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

FULL = (errno.ENOSPC, errno.EDQUOT)  # of an OSError: there is no room
_LONGEST_NAME = 255  # bytes, of the usual file systems


def failing_disk(path: object, error: OSError) -> str:
    """The words for a disk that cannot do what it is for (EIO)."""
    return (
        f"expected a disk that works, found that {path} failed: {error.strerror}. Look at the "
        "disk or use another folder, and run it again: what was saved before is whole."
    )


def beside(path: Path) -> Path:
    """The hidden name beside a file under which it is written before it gets its own."""
    name = f".{path.name}.part"
    if len(os.fsencode(name)) > _LONGEST_NAME - len(".json"):
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.part"
    return path.with_name(name)


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Writes beside, then renames; the folder is made where it is missing. OSError as from any
    write, with `path` as its filename.

    durable: the bytes are on the disk before the name is, so that they outlive a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = beside(path)
    try:
        with part.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        error.filename = str(
            path
        )  # a failing write or fsync names no file, a failing rename the hidden one
        raise
    finally:
        discard(part)


def discard(path: Path) -> None:
    """Removes a file that is of no use any more.

    Where that fails, as on a read-only disk, why it is of no use counts more.
    """
    with suppress(OSError):
        path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Puts a file that was written before on the disk, so that it outlives a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text whole, and durably."""
    write_bytes(path, text.encode("utf-8"), durable=True)


def write_json(path: Path, content: Any) -> None:
    """Writes readable JSON, other than ASCII letters as they are, with a newline at the end."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
