"""The same action on many files at once, and how far it is."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

THREADS = 16
LINE_EVERY_S = 15.0
T = TypeVar("T")
R = TypeVar("R")
_log = logging.getLogger(__name__)


def for_each(action: Callable[[T], R], items: Iterable[T], threads: int = THREADS) -> Iterator[R]:
    """Yield the results of action(item), in the order they are done.

    The items are taken as they are needed: of a hundred thousand only a few wait at a time. The
    first error stops the rest and is raised.

    Args:
        action: Called with each item, on several threads.
        items: The items.
        threads: Items at a time.

    Yields:
        The results.
    """
    source = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        running: set[Future[R]] = set()
        try:
            while True:
                running |= {
                    pool.submit(action, item) for item in islice(source, threads * 4 - len(running))
                }
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for each in done:
                    yield each.result()
        finally:
            for each in running:
                each.cancel()


class Advance:
    """Counts files and bytes, safely between threads.

    It shows a bar where a person watches, else a line in the log now and then.

    Args:
        title: What is done, for the bar and the lines.
        files: Files in all, where it is known.
        size: Bytes in all, where it is known.
    """

    def __init__(self, title: str, files: int | None = None, size: int | None = None) -> None:
        self._title, self._all, self.files, self.bytes = title, files, 0, 0
        self._lock, self._started = threading.Lock(), time.monotonic()
        self._said = self._started
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
        )
        self._bar = Progress(*columns, disable=not sys.stderr.isatty())
        self._task = self._bar.add_task(title, total=size)

    def __enter__(self) -> Advance:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._said > self._started:
            self._say()

    def add(self, size: int) -> None:
        """Note that one more file of this many bytes is done."""
        with self._lock:
            self.files, self.bytes = self.files + 1, self.bytes + size
            self._bar.advance(self._task, size)
            if time.monotonic() - self._said > LINE_EVERY_S:
                self._said = time.monotonic()
                self._say()

    def _say(self) -> None:
        seconds = max(time.monotonic() - self._started, 1e-3)
        of_all = f" of {self._all}" if self._all else ""
        _log.info(
            "%s: %d%s files, %.0f MB, %.1f MB/s",
            self._title,
            self.files,
            of_all,
            self.bytes / 1e6,
            self.bytes / 1e6 / seconds,
        )
