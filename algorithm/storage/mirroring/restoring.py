"""The return of what an earlier run of a job left in a store: verified, without what is damaged."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Container
from pathlib import Path

from algorithm.errors import StorageError
from algorithm.storage.atomic_files import flush, write_bytes
from algorithm.storage.location import inside, join
from algorithm.storage.mirroring.lease import NAME as LEASE
from algorithm.storage.mirroring.mirror import Mirror
from algorithm.storage.mirroring.mirror_manifest import Item, Manifest, is_log, scan
from algorithm.storage.parallel import Advance, for_each
from algorithm.storage.storage_errors import DamagedError, MissingError
from algorithm.storage.store_of import list_files, store_of

_log = logging.getLogger(__name__)


def restore(mirror: Mirror) -> tuple[str, ...]:
    """Make the local folder what the manifest in the store says.

    A local folder that descends from that state, left by a killed run on this machine, is kept: it
    is the same or later. Without a manifest nothing is taken from the store.

    Args:
        mirror: The folder and its copy.

    Returns:
        The names of files that were damaged there, which are left out.

    Raises:
        StorageError: The store does not give them.
    """
    manifest = mirror.read_manifest()
    origins = mirror.origins()
    if manifest is None:
        if origins and "" not in origins:  # there was one, so someone removed it to begin anew
            _forget(mirror, keep=())
        mirror.note("")
        _warn_of_strangers(mirror)
        return ()
    if manifest.id in origins:
        _log.info("going on with what is in %s, which is as new as %s", mirror.folder, mirror.url)
        mirror.settle(manifest)
        return ()
    mirror.note("an unfinished copy")
    _forget(mirror, keep=manifest.files)
    damaged = _bring(mirror, manifest)
    mirror.settle(manifest)
    return damaged


def _warn_of_strangers(mirror: Mirror) -> None:
    known = (LEASE, "failure.json")
    strangers = (
        each.url for each in list_files(mirror.url) if each.url.rpartition("/")[2] not in known
    )
    if some := [url for url, _ in zip(strangers, range(3), strict=False)]:
        _log.warning(
            "train_url %s holds files but no mirror.json, such as %s: they are not what a job "
            "could go on from, and stay unless this job writes the same names",
            mirror.url,
            ", ".join(some),
        )


def _forget(mirror: Mirror, keep: Container[str]) -> None:
    for name in scan(mirror.folder) if mirror.folder.is_dir() else ():
        if name not in keep:
            (mirror.folder / name).unlink()
    for hidden in mirror.folder.glob("**/.*"):
        shutil.rmtree(hidden, ignore_errors=True) if hidden.is_dir() else hidden.unlink(
            missing_ok=True
        )


def _bring(mirror: Mirror, manifest: Manifest) -> tuple[str, ...]:
    """Bring large files first, then small ones, which name them, when those are all there."""
    large = [name for name, item in manifest.files.items() if item.data() is None]

    def bring(name: str) -> str:
        item, target = manifest.files[name], inside(mirror.folder, name)
        try:
            if not _is(target, item):
                store_of(mirror.url).download(
                    join(mirror.url, item.key), target, sha256="" if is_log(name) else item.sha256
                )
                flush(target)  # what is settled after this is not looked at again
        except (DamagedError, MissingError) as error:
            _log.warning("%s: %s; it is left out", name, error)
            target.unlink(missing_ok=True)
            return name
        return ""

    with Advance(
        f"{mirror.url} -> {mirror.folder}",
        len(large),
        sum(manifest.files[name].size for name in large),
    ) as advance:
        damaged = []
        for name in for_each(bring, large):
            damaged += [name] if name else []
            advance.add(0)
    for name, item in manifest.files.items():
        if (data := item.data()) is not None:
            if hashlib.sha256(data).hexdigest() != item.sha256:
                raise StorageError(
                    f"{mirror.url}: expected its mirror.json to be whole, found '{name}' damaged "
                    "in it; remove it to begin anew, or give another train_url"
                )
            write_bytes(inside(mirror.folder, name), data, durable=True)
    return tuple(sorted(damaged))


def _is(path: Path, item: Item) -> bool:
    if not path.is_file() or path.stat().st_size != item.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == item.sha256
