"""A folder that is mirrored while a job writes to it.

It is restored before, copied now and then, and copied once more at the end.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from algorithm.errors import PlatformError, StorageError
from algorithm.storage.mirroring.lease import Lease, LeaseLostError
from algorithm.storage.mirroring.mirror import Mirror
from algorithm.storage.mirroring.restoring import restore

EVERY_S = 30.0
BUDGET_OF_A_ROUND_S = 60.0
_LAST_ROUNDS = 3
_log = logging.getLogger(__name__)


@contextmanager
def mirrored(folder: Path, url: str) -> Iterator[tuple[str, ...]]:
    """Keep a copy of a folder in a store inside this context.

    What an earlier run left there is brought back first. Then a copy is made every 30 s; a store
    that is down is warned of, and tried again. At the end, also after an error, a last copy is
    made.

    Args:
        folder: The local folder.
        url: Where its copy is.

    Yields:
        The names of files found damaged in the copy.

    Raises:
        StorageError: Another job writes there, or the last copy could not be made. Then the files
            stay in `folder`, which the message names.
    """
    mirror, lease = Mirror(folder, url, folder.parent / "mirror-state.json"), Lease(url.rstrip("/"))
    lease.take()
    try:
        damaged = restore(mirror)
        with suppress(StorageError):  # this only tidies up; what is left costs nothing but space
            mirror.clear_leftovers()
        copier = _Copier(mirror, lease)
    except BaseException:
        with suppress(StorageError):
            lease.release()
        raise
    try:
        yield damaged
    except BaseException:
        _finish_after_an_error(copier)
        raise
    try:
        copier.finish()
    except StorageError:
        raise
    except BaseException:  # a request to stop came meanwhile, and the copy is completed first
        _finish_after_an_error(copier)
        raise


def _finish_after_an_error(copier: _Copier) -> None:
    """Make the last copy. Its own failure must not hide why the job ended."""
    try:
        copier.finish()
    except PlatformError as error:
        _log.warning("%s", error)


class _Copier:
    """The threads of the rounds and of the lease.

    A lost lease ends both: what another job writes is not touched.
    """

    def __init__(self, mirror: Mirror, lease: Lease) -> None:
        self._mirror, self._lease = mirror, lease
        self._over = threading.Event()
        self._lost: LeaseLostError | None = None
        self._threads = [
            threading.Thread(target=self._every_so_often, args=(action,), name=name, daemon=True)
            for name, action in (
                ("mirror", lambda: mirror.round(BUDGET_OF_A_ROUND_S)),
                ("lease", lease.renew),
            )
        ]
        for each in self._threads:
            each.start()

    def _every_so_often(self, action: Callable[[], object]) -> None:
        while not self._over.wait(EVERY_S) and self._lost is None:
            try:
                action()
            except LeaseLostError as error:
                self._lost = error
                _log.error("%s; nothing more is copied there", error)
            except Exception as error:  # the job goes on, and the last copy decides
                _log.warning(
                    "copy to %s: %s; the job goes on, the next try is in %.0f s",
                    self._mirror.url,
                    error,
                    EVERY_S,
                )

    def finish(self) -> None:
        """Make the last copy; then the place is free for others."""
        self._over.set()
        for each in self._threads:
            each.join()
        try:
            if self._lost is not None:
                raise self._lost
            self._lease.check()
            for _ in range(_LAST_ROUNDS):  # once more if something was written meanwhile
                if not self._mirror.round():
                    break
        except StorageError as error:
            raise StorageError(
                f"{error} What this job made is kept in {self._mirror.folder}: copy it from "
                "there, or run the same command on this machine again."
            ) from error
        with suppress(StorageError):
            self._lease.release()
