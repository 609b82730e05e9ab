"""The end of a process with the one that started it, whatever that one died of."""

from __future__ import annotations

import os
import signal
import threading

_STDIN = 0


def end_with_stdin() -> None:
    """Send this process SIGTERM when its standard input closes.

    Whoever starts it holds the other end of a pipe: the kernel closes that at any death, kill -9
    included, on every system.
    """
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    while os.read(_STDIN, 1 << 12):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
