"""Downloads over http(s): resumed after a break, verified, and there whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from algorithm.errors import ArgumentError, ResourceError, StorageError
from algorithm.storage.downloads.http_transfer import transfer


def fetch(url: str, directory: str | os.PathLike[str], *, md5: str = "", sha256: str = "") -> Path:
    """Download what is at an http(s) address, unless it is there and intact.

    A download that broke off goes on where it ended, now or in a later call. The size, the given
    digests and the server's own MD5 are checked. NAME.json beside the file records url, size and
    sha256.

    Args:
        url: The address.
        directory: The folder to write into.
        md5: The file's MD5 in hex, "" for unknown.
        sha256: The file's SHA-256 in hex, "" for unknown.

    Returns:
        The local path directory/NAME.

    Raises:
        ArgumentError: It is another kind of address.
        StorageError: The file cannot be had; without a network this is said within seconds.
        ResourceError: The disk is full.
    """
    parts = urlsplit(url)
    name = Path(unquote(parts.path)).name
    if parts.scheme not in ("http", "https") or not name:
        raise ArgumentError(
            f"address {url}: expected http(s)://HOST/.../FILE; give such an address or a local path"
        )
    target = Path(directory) / name
    if _is_intact(target, url, sha256):
        return target
    made = [each for each in (target.parent, *target.parent.parents) if not each.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch_new(url, target, md5, sha256)
    except OSError as error:
        kind = ResourceError if error.errno == errno.ENOSPC else StorageError
        raise kind(
            f"download {target}: expected to write it, found {error.strerror}; "
            "free some space or set another folder"
        ) from error
    finally:
        for folder in made:  # a download that brought nothing leaves no folder either
            with suppress(OSError):
                folder.rmdir()
    return target


def _fetch_new(url: str, target: Path, md5: str, sha256: str) -> None:
    part = target.with_name(f"{target.name}.part")
    state = target.with_name(f"{target.name}.part.json")
    with _locked(part) as file:
        remote = transfer(url, file, state)
        record = {"url": url, "size": file.tell(), "sha256": _digest(part, "sha256")}
        _verify(url, part, {"md5": (md5, remote.md5), "sha256": (sha256,)})
        state.unlink(missing_ok=True)
        part.replace(target)
        _write_json(_sidecar(target), record)


def _sidecar(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _is_intact(target: Path, url: str, sha256: str) -> bool:
    """Return whether the file is as it was noted when it was fetched from this address."""
    try:
        record = json.loads(_sidecar(target).read_text(encoding="utf-8"))
        whole = (record["url"], record["size"]) == (url, target.stat().st_size)
        return (
            whole
            and sha256 in ("", record["sha256"])
            and _digest(target, "sha256") == record["sha256"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    """Open the part file for appending, for one process at a time."""
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"download {part}: expected to be alone, found another process fetching it; "
                "wait for it, then run this again"
            ) from error
        try:
            yield file
        finally:
            if not file.tell():
                part.unlink(missing_ok=True)


def _verify(url: str, part: Path, wanted: dict[str, tuple[str, ...]]) -> None:
    """Compare with every digest that is known, and remove a file that differs."""
    for algorithm, digests in wanted.items():
        for digest in filter(None, digests):
            found = _digest(part, algorithm)
            if found != digest:
                part.unlink()
                raise StorageError(
                    f"download {url}: expected {algorithm} {digest}, found {found}; the file was "
                    "removed, run this again"
                )


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _write_json(path: Path, content: dict[str, object]) -> None:
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    beside.replace(path)
