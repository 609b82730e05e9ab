"""How far a long look at many pictures has come, for whoever waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

_log = logging.getLogger("algorithm.data")
_EVERY_SECONDS = 5.0
_Item = TypeVar("_Item")


def counted(items: Iterable[_Item], words: str) -> Iterator[_Item]:
    """Yield the same items, and log every few seconds how many there were.

    Args:
        items: The items.
        words: What has been done with them, such as "pictures read".

    Yields:
        The items.
    """
    told = time.monotonic()
    for count, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - told >= _EVERY_SECONDS:
            told = now
            _log.info("%d %s ...", count, words)
