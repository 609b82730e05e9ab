"""Requests to stop (SIGTERM), answered where no training is lost.

That is at once where nothing would be lost, else at the next safe place.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from algorithm.errors import Stopped

_ADVICE = "run the same command again to go on"


@dataclass
class _Request:
    """The state of a request to stop.

    Attributes:
        asked: Whether a signal came.
        raised: Whether its handler raised Stopped.
        deferrals: How many deferred() are open.
        answer: The last message.
    """

    asked: bool = False
    raised: bool = False
    deferrals: int = 0
    answer: str = ""


# A signal belongs to the whole process, and so does this state.
_request = _Request()


@contextmanager
def listening() -> Iterator[None]:
    """Raise Stopped where SIGTERM comes inside this context.

    It is raised at once, or by check() when the signal came inside deferred(). The handler raises
    once: a second SIGTERM does not disturb what the first one set off. Outside of the main thread,
    where Python hears no signals, nothing happens.

    Raises:
        Stopped: SIGTERM came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _heard)
    _request.asked = _request.raised = False
    try:
        yield
    except Stopped as stopped:
        stopped.args = (
            _request.answer,
        )  # AutoGraph replaces the message of what is raised while it traces
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        _request.asked = _request.raised = False


def listen_on() -> None:
    """Take SIGTERM back, inside listening().

    TensorFlow's runtime for several machines hears the signal itself once it has started.
    """
    if (
        signal.getsignal(signal.SIGTERM) is _heard
    ):  # this is what Python knows; the system's own table may say otherwise
        signal.signal(signal.SIGTERM, _heard)


@contextmanager
def deferred() -> Iterator[None]:
    """Let a request wait for the next check(), for what must not be cut in two."""
    with _deferrals(_request.deferrals + 1):
        yield


@contextmanager
def at_once() -> Iterator[None]:
    """Answer requests at once in a part of deferred(), and first one that waits."""
    check()
    with _deferrals(0):
        yield


@contextmanager
def _deferrals(count: int) -> Iterator[None]:
    before, _request.deferrals = _request.deferrals, count
    try:
        yield
    finally:
        _request.deferrals = before


def asked() -> bool:
    """Return whether a request came."""
    return _request.asked


def check(where: str = "") -> None:
    """Raise Stopped when a request came, also one whose Stopped something swallowed.

    Logging swallows exceptions.

    Args:
        where: A phrase for the message, like " at step 3".

    Raises:
        Stopped: A request came.
    """
    if _request.asked:
        stop(where)


def stop(where: str) -> NoReturn:
    """Raise Stopped as check does, also for a request that came to another machine of the job.

    Args:
        where: A phrase for the message, like " at step 3".

    Raises:
        Stopped: Always.
    """
    _request.asked = _request.raised = True
    _request.answer = f"stopped on request{where}; {_ADVICE}"
    raise Stopped(_request.answer)


def _heard(*_: object) -> None:
    _request.asked = True
    if not _request.deferrals and not _request.raised:
        check()
