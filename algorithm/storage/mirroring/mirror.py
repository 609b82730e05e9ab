"""A local folder and its copy in a store, kept the same while a job runs.

A reader of the copy never sees half of a set. The order of a round: files that are new; then the
manifest; then what changed in place, and last what is gone. Small files are in the manifest itself;
large ones that change in place wait in a folder of their own until the manifest names them.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from algorithm.storage.atomic_files import write_text
from algorithm.storage.file_info import Sent
from algorithm.storage.location import OBJECT_SCHEMES, join, scheme_of
from algorithm.storage.mirroring.mirror_manifest import (
    NAME,
    STAGED,
    Item,
    Manifest,
    Seen,
    is_log,
    item_of,
    scan,
)
from algorithm.storage.parallel import for_each
from algorithm.storage.storage_errors import InterruptedTransferError, MissingError
from algorithm.storage.store_of import list_files, read_bytes, store_of

_THREADS = 4
_LOOKS, _LOOK_AGAIN_S = 10, 0.3
_log = logging.getLogger(__name__)
_Done = TypeVar("_Done")


class Mirror:
    """The copy of a local folder in a store.

    Args:
        folder: The local folder.
        url: Where its copy is.
        state: A local file that remembers which manifest the folder descends from.
    """

    def __init__(self, folder: Path, url: str, state: Path) -> None:
        self.folder, self.url = folder, url.rstrip("/")
        self._state, self._manifest_url = state, join(url.rstrip("/"), NAME)
        self._store = store_of(url)
        self._seen: dict[str, Seen] = {}
        self._unpublished: set[str] = (
            set()
        )  # files that do not lie under their names yet, as the manifest knows them
        self._obsolete: set[str] = set()  # keys that no manifest in force names any more
        self.manifest = Manifest(id="")

    def read_manifest(self) -> Manifest | None:
        """Return the manifest in force in the store; None when there is none yet."""
        try:
            return Manifest.decode(read_bytes(self._manifest_url), self._manifest_url)
        except MissingError:
            return None

    def origins(self) -> list[str]:
        """Return the ids of the manifests that the local folder is the state of, or a later one.

        There are two where a run was killed while it wrote one, and none where nothing is known of
        the folder. The id "" stands for no manifest yet.
        """
        try:
            return list(json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return []

    def settle(self, manifest: Manifest) -> None:
        """Take a manifest found in the store as the state in force.

        Args:
            manifest: The manifest. The local folder is in the same or a later state.
        """
        self.manifest, self._obsolete = manifest, set(manifest.obsolete)
        # Whoever wrote it may have been killed before the files lay under their names.
        self._unpublished = {
            name for name, item in manifest.files.items() if item.content or item.key != name
        }
        self.note(manifest.id)

    def note(self, *origins: str) -> None:
        """Write down what the local folder is the state of."""
        write_text(self._state, json.dumps(origins))

    def round(self, budget: float | None = None) -> bool:
        """Bring the copy up to date.

        Args:
            budget: Seconds to keep trying, None for the default.

        Returns:
            Whether anything had changed.

        Raises:
            StorageError: The copy failed; the set before is still in force.
        """
        seen, files = self._snapshot()
        before = self.manifest.files
        changed = [
            name
            for name, item in files.items()
            if name not in before or before[name].sha256 != item.sha256
        ]
        if (
            not changed
            and before.keys() == files.keys()
            and not self._unpublished
            and not self._obsolete
        ):
            self._seen = seen
            return False
        sent = self._for_each(lambda name: self._send_first(name, files[name], budget), changed)
        self._replace({**files, **sent}, changed, budget)
        self._for_each(
            lambda name: self._send(name, files[name], name, budget), sorted(self._unpublished)
        )
        self._unpublished.clear()
        self._replace(
            {name: replace(item, key=name) for name, item in self.manifest.files.items()},
            [],
            budget,
        )
        self._for_each(
            lambda key: self._store.remove(join(self.url, key), budget), sorted(self._obsolete)
        )
        self._obsolete.clear()
        self._seen = seen
        return True

    @staticmethod
    def _for_each(act: Callable[[str], _Done], names: Iterable[str]) -> dict[str, _Done]:
        """Return what `act` gives for each name, several names at a time."""
        return dict(for_each(lambda name: (name, act(name)), names, _THREADS))

    def _replace(self, files: dict[str, Item], changed: list[str], budget: float | None) -> None:
        """Put a manifest of these files in force, unless it is in force already."""
        before = self.manifest.files
        if files == before:
            return
        self._unpublished |= {
            name
            for name in changed
            if files[name].content or files[name].key != name or not files[name].size
        }
        self._unpublished &= files.keys()
        keys = {item.key for item in files.values()}
        self._obsolete = (
            (self._obsolete | {item.key for item in before.values()}) - keys - files.keys()
        )
        manifest = Manifest(files, tuple(sorted(self._obsolete)))
        self.note(self.manifest.id, manifest.id)
        self._store.write(self._manifest_url, manifest.encode(), budget)
        self.manifest = manifest
        self.note(manifest.id)

    def _snapshot(self) -> tuple[dict[str, Seen], dict[str, Item]]:
        """Return the folder at one moment.

        It is looked at before and after it is read, and must be the same both times, logs aside.
        """
        for _ in range(_LOOKS):
            try:
                before = scan(self.folder)
                files = {
                    name: self.manifest.files[name]
                    if self._seen.get(name) == seen and name in self.manifest.files
                    else item_of(self.folder, name)
                    for name, seen in before.items()
                }
                if _without_logs(before) == _without_logs(scan(self.folder)):
                    return before, files
            except FileNotFoundError:
                pass
            time.sleep(_LOOK_AGAIN_S)
        raise InterruptedTransferError(
            f"{self.folder} changed each time it was looked at; it is copied in the next round"
        )

    def _send_first(self, name: str, item: Item, budget: float | None) -> Item:
        """Send what can go before the manifest, and return where the manifest is to find it."""
        if is_log(name):
            sent = self._store.upload(self.folder / name, join(self.url, name), budget)
            return Item(sent.size, sent.sha256, name)
        if item.data() is not None:
            return item  # the manifest carries the content
        key = f"{STAGED}/{item.sha256}" if name in self.manifest.files else name
        self._send(name, item, key, budget)
        return replace(item, key=key)

    def _send(self, name: str, item: Item, key: str, budget: float | None) -> None:
        data, target = item.data(), join(self.url, key)
        try:
            sent = (
                self._store.write(target, data, budget)
                if data is not None
                else self._store.upload(self.folder / name, target, budget)
            )
        except MissingError as error:
            if (self.folder / name).exists():
                raise
            raise InterruptedTransferError(
                f"{name} was removed while it was copied; the next round copies the rest"
            ) from error
        if sent != Sent(item.size, item.sha256):
            raise InterruptedTransferError(
                f"{name} changed while it was copied; the next round copies it again"
            )

    def clear_leftovers(self) -> None:
        """Remove what a killed run left half done in the store.

        Call it only as the holder of the place.
        """
        if scheme_of(self.url) in OBJECT_SCHEMES:
            from algorithm.storage.stores.objects.object_upload import abort_stale_uploads

            abort_stale_uploads(self.url)
        wanted = {item.key for item in self.manifest.files.values()}
        for each in list(list_files(join(self.url, STAGED))):
            if f"{STAGED}/{each.url.rpartition('/')[2]}" not in wanted:
                self._store.remove(each.url)


def _without_logs(seen: dict[str, Seen]) -> dict[str, Seen]:
    return {name: state for name, state in seen.items() if not is_log(name)}
