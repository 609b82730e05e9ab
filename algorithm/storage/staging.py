"""Copies between where the data live and the local disk.

What is there already, byte for byte, is not copied again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Stager:
    """Brings the files that a list names: addresses -> local paths of the remote ones.

    Attributes:
        from_store: Whether the list itself lies in a store. What lies beside its copy is then an
            older copy, which is compared with the store again.
        folder: The list's own folder in the store, which relative addresses count from; "" where
            it is local.
        scratch: The folder for copies.
    """

    from_store: bool
    folder: str
    scratch: Path

    def __call__(self, addresses: Sequence[str]) -> dict[str, Path]:
        """Copy the remote addresses, many at a time.

        Args:
            addresses: As the list writes them.

        Returns:
            The local path of each remote one.
        """
        places = {address: self._place(address) for address in addresses}
        staged = stage_files([each for each in places.values() if is_remote(each)], self.scratch)
        return {address: staged[each] for address, each in places.items() if each in staged}

    def _place(self, address: str) -> str:
        name = posixpath.normpath(address.replace("\\", "/"))
        leads_out = name.startswith("/") or name.split("/")[0] == ".."
        is_whole = is_remote(address) or not self.folder or leads_out
        return address if is_whole else f"{self.folder}/{name}"


def stager(url: str, scratch: Path) -> Stager:
    """Return what brings the files that a list names.

    Where the list itself is a remote file, addresses that count from its folder are remote, too,
    and come to lie beside its copy.

    Args:
        url: The list, or the folder it lies in.
        scratch: The folder for copies.
    """
    remote = is_remote(url)
    folder = url.rpartition("/")[0] if remote and _copy_of(url, scratch).is_file() else ""
    return Stager(remote, folder, scratch)


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
