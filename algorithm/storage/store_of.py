"""The one vocabulary for files, wherever they live: on the local disk, in obs://, s3://, gs://.

A place is a URL or a local path, as text. Three stores stand behind it, each a module with the same
functions, imported when a place needs it: a job on local folders waits neither for boto3 nor for
TensorFlow. Every verb raises StorageError where the store or the disk does not do what is asked.
"""

from __future__ import annotations

import fnmatch
import importlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

from algorithm.storage.file_info import FileInfo, Sent
from algorithm.storage.location import is_remote, join, local_path, name_inside, store_name


class Store(Protocol):
    """What the three modules have in common.

    `budget` is in seconds to keep trying, None for the default.
    """

    def info(self, url: str) -> FileInfo | None: ...  # noqa: D102
    def files(self, url: str) -> Iterator[FileInfo]: ...  # noqa: D102
    def children(self, url: str) -> tuple[list[str], list[str]]: ...  # noqa: D102
    def has_inside(self, url: str) -> bool: ...  # noqa: D102
    def read(self, url: str) -> bytes: ...  # noqa: D102
    def write(self, url: str, content: bytes, budget: float | None = None) -> Sent: ...  # noqa: D102
    def download(  # noqa: D102
        self, url: str, target: Path, *, sha256: str = "", budget: float | None = None
    ) -> object: ...
    def upload(self, source: Path, url: str, budget: float | None = None) -> Sent: ...  # noqa: D102
    def remove(self, url: str, budget: float | None = None) -> None: ...  # noqa: D102
    def prune(self, url: str) -> None: ...  # noqa: D102


def store_of(url: str) -> Store:
    """Return the store that a place is in."""
    return cast(Store, importlib.import_module(f"algorithm.storage.{store_name(url)}"))


def info(url: str) -> FileInfo | None:
    """Return what is known of a file, or None when there is no such file.

    Raises:
        StorageError: The store does not tell, as with every verb here.
    """
    return store_of(url).info(url)


def size_of(url: str) -> int | None:
    """Return the size of a file in bytes, None when there is no such file."""
    found = info(url)
    return found.size if found else None


def is_folder(url: str) -> bool:
    """Return whether it is a folder; in a store of objects, whether there is anything inside."""
    return store_of(url).has_inside(url)


def exists(url: str) -> bool:
    """Return whether there is a file or a folder."""
    return (not url.endswith("/") and info(url) is not None) or is_folder(url)


def list_files(url: str) -> Iterator[FileInfo]:
    """Return every file in a folder and the folders in it, as they are found.

    No list of all is held in memory.
    """
    return store_of(url).files(url)


def children(url: str) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files directly inside a folder, each sorted."""
    return store_of(url).children(url)


def walk(url: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the folders from the top down, as os.walk does.

    Args:
        url: The folder to begin at.

    Yields:
        (folder, names of folders in it, names of files in it).
    """
    folders, names = children(url)
    yield url, folders, names
    for name in folders:
        yield from walk(join(url, name))


def glob(pattern: str) -> list[str]:
    """Return the files that a pattern with *, ? and [..] names, sorted.

    A * also stands for a part with slashes in it.
    """
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
    if fixed == pattern.rpartition("/")[0] and not re.search(r"[*?\[]", pattern):
        return [pattern] if info(pattern) else []
    matches = re.compile(fnmatch.translate(name_inside(pattern, fixed) if fixed else pattern)).match
    return sorted(
        each.url if fixed else name_inside(each.url, ".")
        for each in list_files(fixed or ".")
        if matches(name_inside(each.url, fixed or "."))
    )


def read_bytes(url: str) -> bytes:
    """Return the content of a file, verified."""
    return store_of(url).read(url)


def write_bytes(url: str, content: bytes) -> None:
    """Write a file: a reader sees the old or the new content, never a part."""
    store_of(url).write(url, content)


def download_file(url: str, target: Path) -> None:
    """Copy a file to the local disk: whole and verified, or not at all.

    Raises:
        ResourceError: The disk is full.
    """
    store_of(url).download(url, target)


def upload_file(source: Path, url: str) -> Sent:
    """Copy a local file to a place, and return what was sent."""
    return store_of(url).upload(source, url)


def copy(source: str, target: str) -> None:
    """Copy one file from anywhere to anywhere; between two stores by way of a temporary file."""
    if not is_remote(source):
        upload_file(local_path(source), target)
    elif not is_remote(target):
        download_file(source, local_path(target))
    else:
        with tempfile.TemporaryDirectory() as folder:
            download_file(source, Path(folder) / "file")
            upload_file(Path(folder) / "file", target)


def remove(url: str) -> None:
    """Remove one file; nothing happens when there is none."""
    store_of(url).remove(url)
