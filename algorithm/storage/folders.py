"""Whole folders from anywhere to anywhere, many files at a time, only what is not there yet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from algorithm.errors import StorageError
from algorithm.storage.file_info import FileInfo
from algorithm.storage.location import inside, is_remote, join, local_path, name_inside
from algorithm.storage.parallel import THREADS, Advance, for_each
from algorithm.storage.store_of import copy, info, list_files, remove, store_of
from algorithm.storage.stores.objects import etag

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Synced:
    """What a sync did.

    Attributes:
        copied: Files copied.
        bytes: Bytes of these.
        same: Files that were the same already.
        removed: Files removed.
    """

    copied: int
    bytes: int
    same: int
    removed: int


def sync(source: str, target: str, *, delete: bool = False, threads: int = THREADS) -> Synced:
    """Make the folder `target` hold every file of the folder `source`.

    A file that is the same already is not moved. Two files are the same when they have as many
    bytes, and the same checksum where one of them is in a store that tells checksums, else the same
    time of change.

    Args:
        source: The folder to copy, local or remote.
        target: The folder to write, local or remote.
        delete: Whether to remove what `source` does not have.
        threads: Files at a time.

    Returns:
        What was done.

    Raises:
        StorageError: A file cannot be had or written; the message names the first.
        ResourceError: The disk is full.
    """
    there = {name_inside(each.url, target): each for each in list_files(target)}
    names: set[str] = set()

    def items() -> Iterator[tuple[str, FileInfo]]:
        for each in list_files(source):
            name = name_inside(each.url, source)
            names.add(name)
            yield name, each

    def bring(item: tuple[str, FileInfo]) -> tuple[bool, int]:
        name, found = item
        if name in there and _same(found, there[name]):
            return False, found.size
        copy(found.url, _place_of(target, name))
        return True, found.size

    copied = same = moved = 0
    with Advance(f"{source} -> {target}") as advance:
        for fresh, size in for_each(bring, items(), threads):
            copied, same, moved = copied + fresh, same + (not fresh), moved + size * fresh
            advance.add(size)
    surplus = [there[name].url for name in there.keys() - names] if delete else []
    for _ in for_each(remove, surplus, threads):
        pass
    return Synced(copied, moved, same, len(surplus))


def remove_folder(url: str, threads: int = THREADS) -> int:
    """Remove a folder with every file in it.

    Args:
        url: The folder.
        threads: Files at a time.

    Returns:
        How many files there were.
    """
    count = sum(1 for _ in for_each(lambda each: remove(each.url), list_files(url), threads))
    store_of(url).prune(url)
    return count


def _place_of(folder: str, name: str) -> str:
    return join(folder, name) if is_remote(folder) else str(inside(local_path(folder), name))


def _same(one: FileInfo, other: FileInfo) -> bool:
    if one.size != other.size:
        return False
    if is_remote(one.url) and is_remote(other.url):
        return bool(one.tag) and one.tag == other.tag
    if not is_remote(one.url) and not is_remote(other.url):
        return abs(one.modified - other.modified) < 1e-3
    here, far = (other, one) if is_remote(one.url) else (one, other)
    return has_content_of(local_path(here.url), far)


def has_content_of(path: Path, far: FileInfo) -> bool:
    """Return whether a local file has the size and the checksum of one in a store.

    Args:
        path: The local file.
        far: What the store told of its file.

    Returns:
        False also where that cannot be known.
    """
    try:
        if path.stat().st_size != far.size:
            return False
        same = etag.matches(path, far.tag, far.part)
    except OSError:
        return False
    if same is None:
        _log.debug("%s: its ETag '%s' cannot be checked against %s", far.url, far.tag, path)
    return bool(same)


def bring_file(url: str, target: Path, told: FileInfo | None = None) -> bool:
    """Copy a file of a store to the local disk unless its bytes are there already.

    Args:
        url: The file in the store.
        target: The local file.
        told: What a list of the store told of it, which saves asking. What a list does not tell of
            large objects is asked.

    Returns:
        Whether it was copied.
    """
    if target.is_file():
        far = told if told and etag.says_md5(told.tag) else info(url)
        if far and has_content_of(target, far):
            return False
    copy(url, str(target))
    return True


def require_some(done: Synced, url: str) -> None:
    """Check that a sync found something.

    Args:
        done: What the sync did.
        url: The place, for the message.

    Raises:
        StorageError: There was nothing at all.
    """
    if not done.copied and not done.same:
        raise StorageError(
            f"expected an object or a folder at {url}, found nothing. Check the bucket and the key."
        )
