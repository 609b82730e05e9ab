"""Writing local files so that a reader sees the old or the new content, never a part."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

FULL = (errno.ENOSPC, errno.EDQUOT)  # errno of an OSError that says there is no room
_LONGEST_NAME = 255  # bytes, on the usual file systems


def failing_disk(path: object, error: OSError) -> str:
    """Return the words for a disk that cannot do what it is for (EIO)."""
    return (
        f"expected a disk that works, found that {path} failed: {error.strerror}. Look at the "
        "disk or use another folder, and run it again: what was saved before is whole."
    )


def beside(path: Path) -> Path:
    """Return the hidden name beside a file under which it is written before it gets its own."""
    name = f".{path.name}.part"
    if len(os.fsencode(name)) > _LONGEST_NAME - len(".json"):
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.part"
    return path.with_name(name)


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file beside its place, then rename it. The folder is made where it is missing.

    Args:
        path: The file.
        content: Its bytes.
        durable: Whether the bytes are on the disk before the name is, so that they outlive a power
            cut.

    Raises:
        OSError: The write failed; its filename is `path`.
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
        )  # a failing write or fsync names no file, and a failing rename names the hidden one
        raise
    finally:
        discard(part)


def discard(path: Path) -> None:
    """Remove a file that is of no use any more.

    An error is passed over, as on a read-only disk: the reason why the file is of no use counts
    more.
    """
    with suppress(OSError):
        path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Put a file that was written before on the disk, so that it outlives a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole, and durably."""
    write_bytes(path, text.encode("utf-8"), durable=True)


def write_json(path: Path, content: Any) -> None:
    """Write readable JSON with a newline at its end. Letters beyond ASCII stay as they are."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
