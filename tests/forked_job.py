"""Small jobs as processes of their own that begin with TensorFlow loaded, which is a fifth of the time of one."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from unittest import mock

import small_job

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.loaded_job"])


class SmallJob:
    """What tests use of subprocess.Popen([python, tests/small_job.py, strikes, *flags]), its two streams in one, as text."""

    def __init__(self, strikes: str, flags: Sequence[str], environment: Mapping[str, str]) -> None:
        with mock.patch.dict(
            os.environ, TF_CPP_MIN_LOG_LEVEL="3"
        ):  # TensorFlow is loaded without a word
            forkserver.ensure_running()
        reading, writing = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(
            target=_run, args=(writing, strikes, list(flags), dict(environment))
        )
        self._process.start()
        writing.close()
        self.stdout = os.fdopen(os.dup(reading.fileno()), encoding="utf-8")
        reading.close()

    def __enter__(self) -> SmallJob:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error:
            self.kill()
        self.stdout.close()
        self._process.join()

    @property
    def returncode(self) -> int | None:
        """As of a subprocess: negative after a signal, None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """To the process, if it is still there."""
        if self._process.exitcode is None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """At once."""
        self._process.kill()

    def wait(self, timeout: float) -> int:
        """The exit code; subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("small_job.py", timeout)
        return self.returncode

    def read(self, seconds: float) -> tuple[str, bool]:
        """What it wrote until it ended, and whether it did so within these seconds; else it is killed."""
        killer = threading.Timer(seconds, self.kill)
        killer.start()
        with self.stdout:
            written = self.stdout.read()
        in_time = killer.is_alive()
        killer.cancel()
        self._process.join()
        return written, in_time


def _end_with_the_tests() -> None:
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGKILL)


def _run(output: Connection, strikes: str, flags: list[str], environment: dict[str, str]) -> None:
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    for number in (1, 2):
        os.dup2(output.fileno(), number)
    sys.stdout.reconfigure(line_buffering=True)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # found anew, from TMPDIR
    try:
        sys.exit(small_job.main(strikes, flags))
    finally:
        atexit._run_exitfuncs()  # which a fork would leave out
