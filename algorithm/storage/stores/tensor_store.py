"""Files of the stores that TensorFlow knows (gs://, hdfs://, ram://), by the same verbs.

Google's client retries and verifies its transfers itself; here the sizes are compared once more.
"""

from __future__ import annotations

import hashlib
import importlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from algorithm.errors import StorageError, first_line
from algorithm.storage.atomic_files import beside, discard
from algorithm.storage.file_info import FileInfo, Sent
from algorithm.storage.location import join
from algorithm.storage.storage_errors import DamagedError, MissingError, RefusedError, of_file

_CHUNK = 1 << 20


def _tensorflow() -> Any:
    """Return TensorFlow, imported only where a URL needs it.

    The rest of this room must start without it, and fast.
    """
    return importlib.import_module("tensorflow")


@contextmanager
def _translated(verb: str, url: str) -> Iterator[Any]:
    tensorflow = _tensorflow()
    errors = tensorflow.errors
    try:
        yield tensorflow.io.gfile
    except errors.UnimplementedError as error:
        raise StorageError(
            f"could not {verb} {url}: this TensorFlow knows no such store; copy the files to a "
            "local folder, obs:// or s3:// and name that place"
        ) from error
    except errors.OpError as error:
        kind = {
            errors.NotFoundError: MissingError,
            errors.PermissionDeniedError: RefusedError,
            errors.UnauthenticatedError: RefusedError,
        }.get(type(error), StorageError)
        reason = first_line(error)
        raise kind(
            f"could not {verb} {url}: {reason}; check the place and the credentials"
        ) from error


def info(url: str) -> FileInfo | None:
    """Return what is known of a file, or None when there is none."""
    try:
        with _translated("look at", url) as gfile:
            state = None if gfile.isdir(url) else gfile.stat(url)
    except MissingError:
        return None
    return None if state is None else FileInfo(url, state.length, state.mtime_nsec / 1e9)


def files(url: str) -> Iterator[FileInfo]:
    """Return every file in a folder and the folders in it."""
    with _translated("list", url) as gfile:
        for folder, _, names in gfile.walk(url):
            for name in names:
                if found := info(join(folder, name)):
                    yield found


def children(url: str) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files directly inside a folder, each sorted."""
    with _translated("list", url) as gfile:
        names = sorted(name.rstrip("/") for name in gfile.listdir(url)) if gfile.isdir(url) else []
        folders = [name for name in names if gfile.isdir(join(url, name))]
    return folders, [name for name in names if name not in folders]


def has_inside(url: str) -> bool:
    """Return whether it is a folder."""
    with _translated("look at", url) as gfile:
        return gfile.isdir(url)


def read(url: str) -> bytes:
    """Return the content of a file.

    Raises:
        StorageError: It cannot be read.
    """
    with _translated("read", url) as gfile, gfile.GFile(url, "rb") as file:
        return file.read()


def write(url: str, content: bytes, budget: float | None = None) -> Sent:
    """Write a file, and compare the size it then has.

    Args:
        url: The file.
        content: Its bytes.
        budget: Ignored; Google's client retries by itself.

    Returns:
        What was written.

    Raises:
        StorageError: It was not written.
    """
    with _translated("write", url) as gfile:
        gfile.makedirs(url.rpartition("/")[0])
        with gfile.GFile(url, "wb") as file:
            file.write(content)
    return _checked(url, Sent(len(content), hashlib.sha256(content).hexdigest()))


def download(
    url: str, target: Path, *, sha256: str = "", budget: float | None = None
) -> FileInfo | None:
    """Copy a file to the local disk: whole, with the size it should have, or not at all.

    Args:
        url: The file.
        target: The local file.
        sha256: The file's SHA-256 in hex, "" for unknown.
        budget: Ignored; Google's client retries by itself.

    Returns:
        What the store told of the file, or None where it told nothing.

    Raises:
        StorageError: It cannot be had, or arrived damaged.
        ResourceError: The disk is full.
    """
    found, part, digest = info(url), beside(target), hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            _translated("read", url) as gfile,
            gfile.GFile(url, "rb") as source,
            part.open("wb") as file,
        ):
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if found and part.stat().st_size != found.size or sha256 not in ("", digest.hexdigest()):
            raise DamagedError(f"{url} did not arrive as it is there; run this again")
        part.replace(target)
    except OSError as error:
        if error.errno is None:
            raise
        raise of_file(error, str(target), "write", found.size if found else None) from error
    finally:
        discard(part)
    return found


def upload(source: Path, url: str, budget: float | None = None) -> Sent:
    """Copy a local file, and compare the size it then has there.

    Args:
        source: The local file.
        url: The file to write.
        budget: Ignored; Google's client retries by itself.

    Returns:
        What was sent.
    """
    with _translated("write", url) as gfile, source.open("rb") as file:
        gfile.makedirs(url.rpartition("/")[0])
        with gfile.GFile(url, "wb") as target:
            shutil.copyfileobj(file, target, _CHUNK)
        file.seek(0)
        return _checked(
            url, Sent(source.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
        )


def _checked(url: str, sent: Sent) -> Sent:
    found = info(url)
    if found is None or found.size != sent.size:
        raise DamagedError(
            f"expected {sent.size} bytes at {url} after the copy, found {found and found.size}; "
            "run this again"
        )
    return sent


def remove(url: str, budget: float | None = None) -> None:
    """Remove one file, if there is one.

    Raises:
        StorageError: It cannot be removed.
    """
    try:
        with _translated("remove", url) as gfile:
            gfile.remove(url)
    except MissingError:
        pass


def prune(url: str) -> None:
    """Remove a folder whose files are removed already."""
    try:
        with _translated("remove", url) as gfile:
            if gfile.isdir(url):
                gfile.rmtree(url)
    except MissingError:
        pass
