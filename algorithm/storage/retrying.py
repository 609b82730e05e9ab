"""Tries with growing, uneven pauses, for as long as a time budget allows."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from algorithm.errors import StorageError, first_line
from algorithm.storage.storage_errors import is_damage, is_passing

T = TypeVar("T")
BUDGET_S = 300.0  # seconds of failures without any progress
BUDGET_IN_OUTAGE_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.4, 20.0
TRIES_OF_DAMAGE = 4
_log = logging.getLogger(__name__)
# Set once a whole budget was spent in vain, until something succeeds, so that the files that follow
# do not wait as long again.
_outage = threading.Event()


def patiently(
    action: Callable[[], T],
    what: str,
    *,
    budget: float | None = None,
    progress: Callable[[], int] = lambda: 0,
) -> T:
    """Try an action again while its failures may pass and the budget lasts.

    Args:
        action: What to try.
        what: Its name, for the log.
        budget: Seconds without progress, by default S3_RETRY_SECONDS or 300.
        progress: Returns a number that grows while bytes come.

    Returns:
        What the action returned.

    Raises:
        Exception: The action's last error.
    """
    allowed = min(
        budget_seconds() if budget is None else budget,
        BUDGET_IN_OUTAGE_S if _outage.is_set() else float("inf"),
    )
    started, tries, damages, seen = time.monotonic(), 0, 0, progress()
    while True:
        try:
            result = action()
        except Exception as error:
            if not is_passing(error):
                raise
            if progress() > seen:
                started, tries, seen = time.monotonic(), 0, progress()
            tries, damages = tries + 1, damages + is_damage(error)
            pause = random.uniform(0.5, 1.0) * min(
                LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(tries, 16)
            )
            if damages >= TRIES_OF_DAMAGE:
                raise
            if time.monotonic() - started + pause > allowed:
                _outage.set()
                raise
            _log.warning("%s: %s; trying again in %.1f s", what, _reason(error), pause)
            time.sleep(pause)
        else:
            _outage.clear()
            return result


def budget_seconds() -> float:
    """Return S3_RETRY_SECONDS, by default 300.

    Raises:
        StorageError: It is no number.
    """
    text = os.environ.get("S3_RETRY_SECONDS", "")
    try:
        return float(text) if text else BUDGET_S
    except ValueError as error:
        raise StorageError(
            f"S3_RETRY_SECONDS: expected a number of seconds, found '{text}'"
        ) from error


def _reason(error: Exception) -> str:
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name} {line}"
