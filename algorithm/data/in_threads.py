"""The same action on many items in threads, results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AHEAD = 8  # items of each thread that are taken before their turn
T = TypeVar("T")
R = TypeVar("R")


def in_threads(action: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """Yield action(item) of each item, in order.

    Items are taken as they are needed, a few for each thread. An executor's own `map` takes them
    all at once: with a million pictures that alone is gigabytes.

    Args:
        action: Called with each item, on several threads.
        items: The items.
        threads: Items at a time.

    Yields:
        The results.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(action, item))
                if len(waiting) >= AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
