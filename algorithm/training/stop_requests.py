"""Requests to stop (SIGTERM, Ctrl-C), answered where no training is lost.

That is at once where nothing would be lost, else at the next safe place.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from algorithm.errors import Stopped

_NOTICE = b"\nstopping after this step, with a checkpoint; Ctrl-C again ends at once\n"
_ADVICE = "run the same command again to go on"


@dataclass
class _Request:
    """The state of a request to stop.

    Attributes:
        asked: Whether a signal came.
        raised: Whether its handler raised Stopped.
        deferrals: How many deferred() are open.
        answer: The last message.
        signal: What came first.
    """

    asked: bool = False
    raised: bool = False
    deferrals: int = 0
    answer: str = ""
    signal: int = signal.SIGTERM


# A signal belongs to the whole process, and so does this state.
_request = _Request()


@contextmanager
def listening() -> Iterator[None]:
    """Raise Stopped where SIGTERM or Ctrl-C (SIGINT) comes inside this context.

    It is raised at once, or by check() when the signal came inside deferred(). The handler raises
    once: a second SIGTERM does not disturb what the first one set off. A second Ctrl-C ends at
    once, as it does without this context. Outside of the main thread, where Python hears no
    signals, nothing happens; a SIGINT that is ignored, as under nohup, stays so.

    Raises:
        Stopped: A signal came. Its exit code is 128 + the signal.
        KeyboardInterrupt: A second Ctrl-C came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, _heard)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, _heard)
    _request.asked = _request.raised = False
    try:
        yield
    except Stopped as stopped:
        stopped.args = (
            _request.answer,
        )  # AutoGraph replaces the message of what is raised while it traces
        stopped.exit_code = 128 + _request.signal
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
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


def _heard(number: int, _: object) -> None:
    if number == signal.SIGINT:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if _request.deferrals:
            with suppress(OSError):  # past Python's buffers, which may be in use at this moment
                os.write(sys.stderr.fileno(), _NOTICE)
    if not _request.asked:
        _request.signal = number
    _request.asked = True
    if not _request.deferrals and not _request.raised:
        check()
