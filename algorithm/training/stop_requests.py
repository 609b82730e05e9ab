"""Requests to stop (SIGTERM): answered at once where nothing would be lost, else at the next safe
place.
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
    """asked: a signal came. raised: its handler raised Stopped. deferrals: how many deferred() are
    open. answer: the last message.
    """

    asked: bool = False
    raised: bool = False
    deferrals: int = 0
    answer: str = ""


# A signal belongs to the whole process, and so does this.
_request = _Request()


@contextmanager
def listening() -> Iterator[None]:
    """Inside, SIGTERM raises Stopped: at once, or where check() is called when it came inside
    deferred().

    The handler raises once: a second SIGTERM does not disturb what the first one set off. Outside
    of the main thread, where Python hears no signals, nothing happens.
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
        )  # AutoGraph gives what is raised while it traces a message of its own
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        _request.asked = _request.raised = False


def listen_on() -> None:
    """Inside listening(), takes SIGTERM back: TensorFlow's runtime for several machines hears it
    itself once it has started.
    """
    if (
        signal.getsignal(signal.SIGTERM) is _heard
    ):  # as Python knows it; the system's own table may say otherwise
        signal.signal(signal.SIGTERM, _heard)


@contextmanager
def deferred() -> Iterator[None]:
    """Inside, a request waits for the next check(): for what must not be cut in two."""
    with _deferrals(_request.deferrals + 1):
        yield


@contextmanager
def at_once() -> Iterator[None]:
    """Inside deferred(), a part where a request is answered at once, one that waits too."""
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
    """Whether a request came."""
    return _request.asked


def check(where: str = "") -> None:
    """Raises Stopped when a request came, also one whose Stopped something swallowed (logging
    does). where: " at step 3", for the message."""
    if _request.asked:
        stop(where)


def stop(where: str) -> NoReturn:
    """Raises Stopped, as check does for a request; for one that came to another machine of the job,
    too.
    """
    _request.asked = _request.raised = True
    _request.answer = f"stopped on request{where}; {_ADVICE}"
    raise Stopped(_request.answer)


def _heard(*_: object) -> None:
    _request.asked = True
    if not _request.deferrals and not _request.raised:
        check()
