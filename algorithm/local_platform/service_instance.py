"""One instance of a service: the serving twin in a process that is watched and restarted."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from algorithm import storage
from algorithm.errors import JobError, first_line
from algorithm.local_platform.settings import environment_for
from algorithm.local_platform.worker import NOTE, tail

MOST_RESTARTS = 3  # in a row, without having been healthy between
_POLL_SECONDS, _STOP_SECONDS = 0.1, 40.0
_DELAY, _PERIOD, _FAILURES_AT_START = 10.0, 10.0, 30  # seconds, where a request says nothing
_ADDRESS = re.compile(r"^serving .* on http://127\.0\.0\.1:(\d+)/$", re.MULTILINE)


@dataclass(frozen=True)
class Probe:
    """How the health of an instance is asked for; numbers are seconds, but `failures`."""

    path: str = "/health"
    start_seconds: float = _DELAY + _FAILURES_AT_START * _PERIOD
    period: float = _PERIOD
    timeout: float = 3.0
    failures: int = 3


def probe_of(unit: Mapping) -> Probe:
    """Return the probe that a unit of a service's request asks for."""
    start, ready = unit.get("startup_health") or {}, unit.get("readiness_health") or {}
    most = (start.get("failure_threshold") or _FAILURES_AT_START) * (
        start.get("period_seconds") or _PERIOD
    )
    return Probe(
        ready.get("url") or Probe.path,
        (start.get("initial_delay_seconds") or _DELAY) + most,
        ready.get("period_seconds") or Probe.period,
        ready.get("timeout_seconds") or Probe.timeout,
        ready.get("failure_threshold") or Probe.failures,
    )


class Instance:
    """An instance, which begins at once in a thread of its own.

    Args:
        owner: The service's id.
        source: The model folder in the store.
        folder: The folder for its copy and its log.
        probe: How its health is asked for.
    """

    def __init__(self, owner: str, source: str, folder: Path, probe: Probe) -> None:
        self._owner, self._source, self._folder, self._probe = owner, source, folder, probe
        self.log = folder / "service.log"
        self.port, self.restarts, self.failure = 0, 0, ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """End the process, after what it answers now."""
        self._end.set()
        self._thread.join()

    def _keep(self) -> None:
        """Copy the model, then start the server again and again until it is to end."""
        in_a_row = 0
        try:
            storage.sync(self._source, str(self._folder / "model"), delete=True)
        except JobError as error:
            self.failure = first_line(error)
            return
        while not self._end.is_set():
            why, was_healthy = self._serve()
            self.port = 0
            in_a_row = 0 if was_healthy else in_a_row + 1
            if not self._end.is_set():
                self.restarts += 1
                self._note(f"{why}; start {self.restarts + 1}")
                if in_a_row > MOST_RESTARTS:
                    self.failure = f"{why}, {in_a_row} times in a row; see the log"
                    return
                self._end.wait(min(5.0, 0.5 * in_a_row))

    def _serve(self) -> tuple[str, bool]:
        """Run the server once; return why it ended, and whether it was ever healthy."""
        begun, begins, failed, healthy = time.monotonic(), self._size(), 0, False
        command = [sys.executable, "-m", "algorithm", "serve", "--port=0", "--lame_duck=0"]
        command.append("--until_stdin_closes")  # it does when this process dies
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, f"--model_dir={self._folder / 'model'}"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**environment_for(self._owner), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        asked = 0.0
        try:
            while process.poll() is None and not self._end.wait(_POLL_SECONDS):
                now = time.monotonic()
                if not healthy and now > begun + self._probe.start_seconds:
                    return f"it was not healthy within {self._probe.start_seconds:g} s", healthy
                port = self.port or self._address(begins)
                if not port or (healthy and now < asked + self._probe.period):
                    continue
                asked = now
                if self._answers(port):
                    self.port, healthy, failed = port, True, 0
                else:
                    failed += healthy
                    if failed >= self._probe.failures:
                        process.kill()  # what does not answer is not asked to end
                        return f"{self._probe.path} failed {failed} times", healthy
            return f"the server ended with exit code {process.poll()}", healthy
        finally:
            self._finish(process)

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _answers(self, port: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self._probe.timeout)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", self._probe.path)
            return connection.getresponse().status == 200
        return False

    def _address(self, begins: int) -> int:
        found = _ADDRESS.findall(tail(self.log, self._size() - begins))
        return int(found[-1]) if found else 0

    def _size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _note(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{NOTE} {text}\n")
