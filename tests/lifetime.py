"""Processes that end with the test process that started them, however that one ends.

    python tests/lifetime.py PARENT COMMAND...    becomes COMMAND, bound to the process PARENT

A fixture ends its processes when its tests are done. After a kill, or a second Ctrl-C, no fixture
runs any more: then the kernel does it (Linux; elsewhere only the fixtures do).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Has this process killed when its parent ends, or at once where that has happened already."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def bound(*command: object) -> list[str]:
    """The command that runs `command` as a process which ends with this one.

    To the kernel the parent is a thread: what another than the main thread starts ends with that.
    """
    assert threading.current_thread() is threading.main_thread(), "started from another thread"
    return [sys.executable, "-IS", __file__, str(os.getpid()), *map(str, command)]


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
