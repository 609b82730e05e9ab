"""Which job runs now: the oldest first, so many at a time, each in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time

from algorithm.local_platform.job_runner import LOCK, as_command
from algorithm.local_platform.ledger import Ledger, Record
from algorithm.local_platform.settings import (
    FINAL,
    Settings,
    environment_for,
    kill_leftovers,
    lock,
)

_TICK_SECONDS = 0.2
_BUSY = ("Running", "Terminating")


class Scheduler:
    """Starts the jobs that wait, and sees when the process of one is gone.

    Args:
        settings: The platform's.
        ledger: Where the jobs stand.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings, self._ledger = settings, ledger
        self._starting: dict[str, subprocess.Popen[bytes]] = {}
        self._started: list[subprocess.Popen[bytes]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def start(self) -> None:
        """Begin, with the jobs that an earlier platform left."""
        self._thread.start()

    def stop(self) -> list[Record]:
        """Start no more jobs, and return those that go on."""
        self._end.set()
        self._thread.join()
        return self._ledger.all("job", _BUSY)

    def terminate(self, job: Record) -> Record | None:
        """Ask for a job's end.

        Returns:
            The job, or None where it has ended already.
        """
        return self._ledger.change(
            job.id, "Terminated", only_in=("Pending",), event="Terminated before it ran"
        ) or self._ledger.change(job.id, "Terminating", only_in=_BUSY, event="Terminating")

    def remove(self, job: Record) -> bool:
        """Remove a job that has ended, with its folder; return whether it has ended."""
        if job.phase not in FINAL:
            return False
        shutil.rmtree(self._settings.folder("job", job.id), ignore_errors=True)
        self._ledger.remove(job.id)
        return True

    def tick(self) -> None:
        """Look at every job once."""
        self._started = [each for each in self._started if each.poll() is None]
        busy = self._ledger.all("job", _BUSY)
        for job in busy:
            self._starting.pop(job.id, None)
            self._look_after(job)
        waiting = self._ledger.all("job", ("Pending",))
        for job in waiting:
            self._give_up(job)
        self._starting = {
            name: each for name, each in self._starting.items() if each.poll() is None
        }
        free = self._settings.slots - len(busy) - len(self._starting)
        for job in [each for each in waiting if each.id not in self._starting][: max(0, free)]:
            self._launch(job)

    def _loop(self) -> None:
        while not self._end.wait(_TICK_SECONDS):
            self.tick()

    def _launch(self, job: Record) -> None:
        folder = self._settings.folder("job", job.id)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "runner.log").open("ab") as log:
            process = subprocess.Popen(
                as_command(self._settings, job.id),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment_for(job.id),
                start_new_session=True,
            )
        self._starting[job.id] = process
        self._started.append(process)

    def _look_after(self, job: Record) -> None:
        """Mark a job whose process is gone."""
        held = lock(self._settings.folder("job", job.id) / LOCK)
        if held is None:
            return
        with held:
            reason = "the process that ran the job is gone: it was killed, or the machine restarted"
            if self._mark(job, reason, _BUSY):
                kill_leftovers(job.id)

    def _give_up(self, job: Record) -> None:
        """Mark a job whose process ended before it began."""
        process = self._starting.get(job.id)
        if process is None or not process.poll():
            return
        reason = f"the job could not begin: exit code {process.returncode}, see runner.log"
        self._mark(job, reason, ("Pending",))

    def _mark(self, job: Record, reason: str, only_in: tuple[str, ...]) -> Record | None:
        facts = {"reason": reason, "ended": time.time()}
        return self._ledger.change(
            job.id, "Abnormal", only_in=only_in, event=reason, level="ERROR", **facts
        )
