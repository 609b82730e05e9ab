"""Copies between where the data live and the local disk.

What is there already, byte for byte, is not copied again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from algorithm.errors import StorageError
from algorithm.storage.file_info import FileInfo
from algorithm.storage.folders import bring_file, require_some, sync
from algorithm.storage.location import (
    OBJECT_SCHEMES,
    inside,
    is_remote,
    local_path,
    object_location,
    scheme_of,
)
from algorithm.storage.parallel import Advance, for_each
from algorithm.storage.store_of import info, list_files

_WORTH_LISTING = 20
_LISTED_AT_MOST = 10  # at most this many times the files that are looked for


def stage_in(url: str, scratch: Path) -> Path:
    """Return a local path of what is at a URL.

    Args:
        url: A local path, which is returned as it is, or a URL. An object is copied as a file, a
            folder with all it holds.
        scratch: The folder for copies.

    Returns:
        The local path, or that of the copy scratch/BUCKET/KEY.

    Raises:
        StorageError: Nothing is there.
    """
    if not is_remote(url):
        return local_path(url)
    target = _copy_of(url, scratch)
    if not url.endswith("/") and info(url) is not None:
        bring_file(url, target)
    else:
        require_some(sync(url, str(target)), url)
    return target


def stage_files(urls: Iterable[str], scratch: Path) -> dict[str, Path]:
    """Return the local path of each file, copied when it is remote, many at a time.

    Args:
        urls: The files.
        scratch: The folder for copies scratch/BUCKET/KEY.

    Returns:
        The local paths by URL.

    Raises:
        StorageError: A file cannot be had; the message names the first.
    """
    places = {url: _copy_of(url, scratch) if is_remote(url) else local_path(url) for url in urls}
    remote = [url for url in places if is_remote(url)]
    told = _listed([url for url in remote if places[url].is_file()])

    def bring(url: str) -> int:
        bring_file(url, places[url], told.get(url))
        return places[url].stat().st_size

    with Advance("files of the dataset", len(remote)) as advance:
        for size in for_each(bring, remote):
            advance.add(size)
    return places


def _listed(urls: Iterable[str]) -> dict[str, FileInfo]:
    """Return what lists tell of these files, by URL.

    That takes a request for a thousand instead of one for each. Only folders where many of them lie
    are listed, and no further than a few times as many files as are looked for: the folder of a few
    may hold millions. What is missing here has to be asked for.
    """
    folders: dict[str, set[str]] = {}
    for url in urls:
        folders.setdefault(url.rpartition("/")[0], set()).add(url)
    return {
        found.url: found
        for folder, wanted in folders.items()
        if len(wanted) >= _WORTH_LISTING
        for found in islice(list_files(folder), _LISTED_AT_MOST * len(wanted))
        if found.url in wanted
    }


def stager(url: str, scratch: Path) -> Callable[[Sequence[str]], dict[str, Path]]:
    """Return what brings the files that a list names.

    Where the list itself is a remote file, addresses that count from its folder are remote, too,
    and come to lie beside its copy.

    Args:
        url: The list, or the folder it lies in.
        scratch: The folder for copies.

    Returns:
        A function of addresses that copies the remote ones, many at a time, and returns their local
        paths by address.
    """
    folder = url.rpartition("/")[0] if is_remote(url) and _copy_of(url, scratch).is_file() else ""

    def place(address: str) -> str:
        name = posixpath.normpath(address.replace("\\", "/"))
        leads_out = name.startswith("/") or name.split("/")[0] == ".."
        return address if is_remote(address) or not folder or leads_out else f"{folder}/{name}"

    def bring(addresses: Sequence[str]) -> dict[str, Path]:
        places = {address: place(address) for address in addresses}
        staged = stage_files([each for each in places.values() if is_remote(each)], scratch)
        return {address: staged[each] for address, each in places.items() if each in staged}

    return bring


def stage_out(local_dir: Path, url: str) -> None:
    """Copy every file under local_dir to a place, under the same relative names.

    Nothing happens when the place is local_dir itself.

    Args:
        local_dir: The folder to copy.
        url: The place, local or remote.

    Raises:
        StorageError: A file cannot be written.
    """
    if is_remote(url) or local_path(url).resolve() != local_dir.resolve():
        sync(str(local_dir), url)


def _copy_of(url: str, scratch: Path) -> Path:
    if scheme_of(url) in OBJECT_SCHEMES:
        place = object_location(url)
        return inside(scratch / place.bucket, place.key)
    bucket, _, key = url.partition("://")[2].partition("/")
    if not bucket:
        raise StorageError(
            f"expected {scheme_of(url)}://BUCKET/KEY, found '{url}' without a bucket"
        )
    return inside(scratch / bucket, key)
