"""A scratch folder that the next run of the same job finds again.

So what was fetched or made is not lost.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from algorithm.errors import ResourceError
from algorithm.storage.location import is_remote, local_path

FOLDERS = ("inputs", "outputs", "work")


@contextmanager
def job_folder(parent: Path, train_url: str) -> Iterator[Path]:
    """Make a folder for the job that writes to train_url, inside this context.

    It holds inputs/, outputs/ and work/. inputs and outputs are as an earlier run left them when it
    was killed or failed; work is empty. A success removes all of it, a failure only work. While
    another process uses it, a folder for this run alone is given.

    Args:
        parent: The folder to make it in.
        train_url: The job's train_url.

    Yields:
        The folder.

    Raises:
        ResourceError: The folder cannot be made.
    """
    place = train_url if is_remote(train_url) else local_path(train_url).resolve()
    name = hashlib.sha256(f"{os.getuid()} {place}".encode()).hexdigest()[:16]
    try:
        root = _own_folder(parent / f"efficientdet-{name}")
        lock = _lock(root)
        if lock is None:
            root = Path(tempfile.mkdtemp(prefix="efficientdet-", dir=parent))
        shutil.rmtree(root / "work", ignore_errors=True)
        for folder in FOLDERS:
            (root / folder).mkdir(exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"expected a writable folder for temporary files, found {error.strerror} at {parent}. "
            "Free some space there, or set TMPDIR to another folder."
        ) from error
    try:
        yield root
    except BaseException:
        nothing = lock is None or not any(
            any((root / kept).iterdir()) for kept in ("inputs", "outputs")
        )
        shutil.rmtree(root if nothing else root / "work", ignore_errors=True)
        raise
    else:
        shutil.rmtree(root, ignore_errors=True)
    finally:
        if lock is not None:
            os.close(lock)


def _own_folder(root: Path) -> Path:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (
        root.is_symlink() or root.stat().st_uid != os.getuid()
    ):  # in a shared /tmp someone else may have made it
        raise PermissionError(1, f"a folder of another user ({root})")
    return root


def _lock(root: Path) -> int | None:
    lock = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
