"""Copies between where the data live and the local disk.

The store client is imported where it is used: a job on local folders does not wait for it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from algorithm.errors import StorageError
from algorithm.storage.location import inside, is_remote, local_path, object_location

_THREADS = 8


def stage_in(url: str, scratch: Path) -> Path:
    """Return a local path of what is at url: the path itself when it is local, else a copy scratch/BUCKET/KEY.

    An object is copied as a file, a folder with all it holds. Raises StorageError when nothing is there.
    """
    if not is_remote(url):
        return local_path(url)
    place = object_location(url)
    target = inside(scratch / place.bucket, place.key)
    from algorithm.storage import object_store

    if not place.key.endswith("/") and object_store.size_of(place) is not None:
        object_store.download(place, target)
        return target
    places = object_store.places_inside(place)
    if not places:
        raise StorageError(f"expected an object or a folder at {place}, found nothing. Check the bucket and the key.")
    stage_files([str(each) for each in places], scratch)
    return target


def stage_files(urls: Iterable[str], scratch: Path) -> dict[str, Path]:
    """Return the local path of each file url, copied to scratch/BUCKET/KEY when remote (a few at a time).

    Raises StorageError for the first that cannot be had.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        urls = list(dict.fromkeys(urls))
        return dict(zip(urls, pool.map(lambda url: _stage_file(url, scratch), urls), strict=True))


def stage_out(local_dir: Path, url: str) -> None:
    """Copy every file under local_dir to the place url, local or remote, under the same relative names.

    Nothing happens when url is local_dir itself. Raises StorageError when a file cannot be written.
    """
    names = sorted(str(path.relative_to(local_dir)) for path in local_dir.rglob("*") if path.is_file())
    if is_remote(url):
        place = object_location(url)
        from algorithm.storage import object_store

        for name in names:
            object_store.upload(local_dir / name, replace(place, key=place.prefix + name))
    elif local_path(url).resolve() != local_dir.resolve():
        for name in names:
            _copy(local_dir / name, local_path(url) / name)


def remove(url: str) -> None:
    """Remove one file or object; nothing happens when there is none. Raises StorageError when it cannot be removed."""
    if is_remote(url):
        place = object_location(url)
        from algorithm.storage import object_store

        object_store.remove(place)
        return
    try:
        local_path(url).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"expected to remove {url}, found {error.strerror}") from error


def _stage_file(url: str, scratch: Path) -> Path:
    if not is_remote(url):
        return local_path(url)
    place = object_location(url)
    target = inside(scratch / place.bucket, place.key)
    from algorithm.storage import object_store

    object_store.download(place, target)
    return target


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
        os.replace(part, target)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise StorageError(
            f"expected to write {target}, found {error.strerror}. Check that the folder is writable and not full."
        ) from error
