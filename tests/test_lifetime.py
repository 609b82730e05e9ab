"""What tests start ends with them, however they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from lifetime import bound

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 30

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")


def runs(process: int) -> bool:
    """Whether there is such a process, and not only its exit code that nobody asked for."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition, what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sign", "workers"),
    [
        (signal.SIGINT, ["--numprocesses=1"]),
        (signal.SIGKILL, ["--numprocesses=1"]),
        (signal.SIGKILL, []),
    ],
    ids=["Ctrl-C", "kill -9", "kill -9 without workers"],
)
def test_no_server_and_no_job_outlives_its_tests(tmp_path, sign, workers) -> None:
    told, started = tmp_path / "processes.json", {}
    command = [sys.executable, "-m", "pytest", "-q", f"--basetemp={tmp_path / 'tests'}", *workers]
    with (tmp_path / "log").open("wb") as log:
        tests = subprocess.Popen(
            bound(*command, "-p", "no:cacheprovider", "tests/storage/unfinished_tests.py"),
            cwd=ROOT,
            env={**os.environ, "PROCESSES": str(told)},
            stdout=log,
            stderr=log,
            start_new_session=True,
            # A shell in the background ignores Ctrl-C, and so would all that it starts.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
    try:
        wait_until(
            lambda: told.exists() or tests.poll() is not None, "the tests did not start in time"
        )
        assert tests.poll() is None, (tmp_path / "log").read_text()[-3000:]
        started = json.loads(told.read_text())
        assert all(runs(process) for process in started.values()), started
        if sign == signal.SIGINT:
            os.killpg(tests.pid, sign)  # as Ctrl-C on a terminal
        else:
            tests.send_signal(sign)
        tests.wait(PATIENCE_S)
        wait_until(
            lambda: not any(map(runs, started.values())),
            f"still there: {[name for name, process in started.items() if runs(process)]}",
        )
    finally:
        tests.kill()
        tests.wait()
        for process in filter(runs, started.values()):
            os.kill(process, signal.SIGKILL)


def test_a_bound_process_that_comes_too_late_ends_at_once() -> None:
    command = bound("sleep", 600)
    command[3] = "1"  # a process that is not its parent
    assert subprocess.run(command, timeout=PATIENCE_S, check=False).returncode == -signal.SIGKILL
