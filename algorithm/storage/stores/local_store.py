"""Files of the local disk, by the same verbs as the objects of a store."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from algorithm.storage.atomic_files import beside, discard, write_bytes
from algorithm.storage.file_info import FileInfo, Sent
from algorithm.storage.location import join, local_path
from algorithm.storage.storage_errors import of_file

_CHUNK = 1 << 20


@contextmanager
def _translated(path: Path, verb: str = "read", needed: int | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise of_file(error, str(path), verb, needed) from error


def info(url: str) -> FileInfo | None:
    """Return what is known of a file, or None when there is none."""
    path = local_path(url)
    with _translated(path):
        if not path.is_file():
            return None
        state = path.stat()
        return FileInfo(url, state.st_size, state.st_mtime)


def files(url: str) -> Iterator[FileInfo]:
    """Yield every file in a folder and the folders in it, in no order.

    What is being written (.NAME.part, a file or a folder) is left out.
    """
    for folder, folders, names in os.walk(local_path(url)):
        folders[:] = [name for name in folders if not _is_unfinished(name)]
        for name in names:
            path = Path(folder) / name
            if not _is_unfinished(name) and (found := info(str(path))):
                inside = path.relative_to(local_path(url)).as_posix()
                yield FileInfo(join(url, inside), found.size, found.modified)


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") and name.endswith((".part", ".part.json"))


def children(url: str) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files directly inside a folder, each sorted."""
    path = local_path(url)
    if not path.is_dir():
        return [], []
    with _translated(path), os.scandir(path) as entries:
        kinds = sorted((entry.name, entry.is_dir()) for entry in entries)
    return [name for name, folder in kinds if folder], [
        name for name, folder in kinds if not folder
    ]


def has_inside(url: str) -> bool:
    """Return whether it is a folder."""
    return local_path(url).is_dir()


def read(url: str) -> bytes:
    """Return the content of a file.

    Raises:
        StorageError: It cannot be read.
    """
    with _translated(local_path(url)):
        return local_path(url).read_bytes()


def write(url: str, content: bytes, budget: float | None = None) -> Sent:
    """Write a file whole, durably.

    Args:
        url: The file.
        content: Its bytes.
        budget: Ignored; a local write is not tried again.

    Returns:
        What was written.

    Raises:
        StorageError: It cannot be written.
        ResourceError: The disk is full.
    """
    with _translated(local_path(url), "write", len(content)):
        write_bytes(local_path(url), content, durable=True)
    return Sent(len(content), hashlib.sha256(content).hexdigest())


def download(
    url: str, target: Path, *, sha256: str = "", budget: float | None = None
) -> FileInfo | None:
    """Copy a file of this disk.

    Args:
        url: The file.
        target: The copy.
        sha256: Ignored; nothing is lost on the way.
        budget: Ignored; a local copy is not tried again.

    Returns:
        What is known of the file, or None when there is none.
    """
    _copy(local_path(url), target)
    return info(str(target))


def upload(source: Path, url: str, budget: float | None = None) -> Sent:
    """Copy a file of this disk.

    Args:
        source: The file.
        url: The copy.
        budget: Ignored; a local copy is not tried again.

    Returns:
        What was copied.
    """
    return _copy(source, local_path(url))


def _copy(source: Path, target: Path) -> Sent:
    digest, part = hashlib.sha256(), beside(target)
    with _translated(target, "write", source.stat().st_size if source.is_file() else None):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with source.open("rb") as reader, part.open("wb") as writer:
                while chunk := reader.read(_CHUNK):
                    digest.update(chunk)
                    writer.write(chunk)
                size = writer.tell()
                writer.flush()
                os.fsync(writer.fileno())
            shutil.copystat(source, part)
            part.replace(target)
        finally:
            discard(part)
    return Sent(size, digest.hexdigest())


def remove(url: str, budget: float | None = None) -> None:
    """Remove one file, if there is one.

    Raises:
        StorageError: It cannot be removed.
    """
    with _translated(local_path(url), "remove"):
        local_path(url).unlink(missing_ok=True)


def prune(url: str) -> None:
    """Remove a folder whose files are removed already, and the folders in it."""
    path = local_path(url)
    with _translated(path, "remove"):
        for folder, _, _ in os.walk(path, topdown=False):
            Path(folder).rmdir()
