"""One writer for one folder of a store: a small object that its holder renews and others see.

No clock is compared with another. A lease counts as left behind when it was not renewed while it
was watched for longer than its holder would have let pass, or when its holder was a process of this
machine that is gone.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
import uuid
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from algorithm.errors import StorageError
from algorithm.storage.file_info import FileInfo
from algorithm.storage.location import OBJECT_SCHEMES, join, scheme_of
from algorithm.storage.storage_errors import MissingError
from algorithm.storage.store_of import info, read_bytes, remove, write_bytes
from algorithm.storage.stores.objects import object_store

NAME = "lease.json"
EXPIRES_S = 90.0  # a holder renews it three times as often
_WATCH_EVERY_S, _SETTLE_S = 2.0, 1.0
_REFUSED = ("PreconditionFailed", "412", "ConditionalRequestConflict", "NoSuchKey")
_WITHOUT_CONDITIONS = ("NotImplemented", "InvalidArgument", "InvalidRequest")
_log = logging.getLogger(__name__)


class LeaseLostError(StorageError):
    """Another job writes to the same place."""


class Lease:
    """The right to write to a folder of a store.

    Call take() before the first write, check() before each further one, renew() now and then, and
    release() at the end.

    Args:
        folder: The folder's URL.
    """

    def __init__(self, folder: str) -> None:
        self.url, self._folder = join(folder, NAME), folder
        self._content = {
            "owner": uuid.uuid4().hex,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
        }
        self._renewals = 0

    def take(self) -> None:
        """Take the lease, after waiting until it is known that no other job holds it and is alive.

        Raises:
            LeaseLostError: Another job holds the place and is alive.
        """
        while not self._try():
            pass
        if not _conditional(self._folder):
            time.sleep(_SETTLE_S)
        self.check()

    def _try(self) -> bool:
        found = self._read()
        if found is not None and not _is_gone(found[0]):
            self._watch(found)
        if not _conditional(self._folder):
            self._write()
            return True
        for conditions in _conditions(found):
            try:
                self._write(**conditions)
                return True
            except StorageError as error:
                code = (
                    error.__cause__.response["Error"]["Code"]
                    if isinstance(error.__cause__, ClientError)
                    else ""
                )
                if code in _WITHOUT_CONDITIONS:
                    break
                if code not in _REFUSED:
                    raise
        else:
            if found is None or self._read() != found:
                return False  # someone was faster, so look again
        self._write()  # the store has no conditions, or gets them wrong, so check() decides
        time.sleep(_SETTLE_S)
        return True

    def _watch(self, found: tuple[dict[str, object], FileInfo]) -> None:
        """Return when the lease found was not renewed for too long; raise when it was."""
        _log.warning(
            "%s is held by process %s on %s; waiting up to %.0f s to see whether it is alive",
            self._folder,
            found[0].get("pid"),
            found[0].get("host"),
            EXPIRES_S,
        )
        end = time.monotonic() + EXPIRES_S
        while time.monotonic() < end:
            time.sleep(min(_WATCH_EVERY_S, EXPIRES_S / 10))
            now = self._read()
            if now is None:
                return
            if now[0] != found[0]:
                raise self._taken(now[0])

    def check(self) -> None:
        """Check that this process is the holder. A lease that is gone is written again.

        Raises:
            LeaseLostError: Another job holds the place.
        """
        found = self._read()
        if found is None:
            self._write()
        elif found[0].get("owner") != self._content["owner"]:
            raise self._taken(found[0])

    def renew(self) -> None:
        """Show that the holder is alive.

        Raises:
            LeaseLostError: Another job holds the place.
        """
        self.check()
        self._renewals += 1
        self._write()

    def release(self) -> None:
        """Give up the place, if it is ours."""
        found = self._read()
        if found and found[0].get("owner") == self._content["owner"]:
            remove(self.url)

    def _write(self, **conditions: str) -> None:
        content = json.dumps({**self._content, "renewals": self._renewals}).encode()
        if conditions:
            object_store.write(self.url, content, None, **conditions)
        else:
            write_bytes(self.url, content)

    def _read(self) -> tuple[dict[str, object], FileInfo] | None:
        try:
            found = info(self.url)
            content = json.loads(read_bytes(self.url)) if found else None
        except MissingError:
            return None
        except ValueError:  # something else, or half of a lease, belongs to nobody
            content = {}
        return None if found is None or content is None else (content, found)

    def _taken(self, holder: dict[str, object]) -> LeaseLostError:
        return LeaseLostError(
            f"train_url {self._folder}: expected to be the only job that writes there, found "
            f"process {holder.get('pid')} on {holder.get('host')} doing so; give another "
            "train_url, or stop that job"
        )


def _conditional(folder: str) -> bool:
    return scheme_of(folder) in OBJECT_SCHEMES


def _conditions(found: tuple[dict[str, object], FileInfo] | None) -> list[dict[str, str]]:
    """Return the conditions to write the lease under.

    It goes in place of the one found, or only where there is none.
    """
    if found is None:
        return [{"IfNoneMatch": "*"}]
    return [
        {"IfMatch": f'"{found[1].tag}"'},
        {"IfMatch": found[1].tag},
    ]  # Ceph compares with the quotes, as if they belonged to the tag


def _is_gone(holder: dict[str, Any]) -> bool:
    """Return whether the holder was a process of this machine that no longer runs.

    It is also gone when the lease cannot be read at all.
    """
    if holder.get("host") != socket.gethostname() or not isinstance(holder.get("pid"), int):
        return not holder
    return _started(holder["pid"]) != holder.get("started")


def _started(pid: int) -> str:
    """Return when a process of this machine was started: ticks since the boot, and the boot's id.

    It is "" when there is no such process.
    """
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {ticks}"
    except (OSError, IndexError):
        return ""
