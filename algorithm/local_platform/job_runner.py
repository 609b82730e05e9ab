"""The process that runs one job from its inputs to its last output.

    python -m algorithm.local_platform.job_runner SETTINGS ID

It is a session of its own, so that a job goes on when the platform is killed. What becomes of the
job stands in the ledger; that the platform wants it stopped is read there, too. While it runs it
holds a lock, by which the platform sees that it is alive.
"""

from __future__ import annotations

import json
import logging
import shutil
import signal
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from algorithm import storage
from algorithm.errors import JobError, StorageError, first_line
from algorithm.local_platform.job_plan import HOME, MOUNT, JobPlan, environment_of, plan_of
from algorithm.local_platform.ledger import Ledger, Record
from algorithm.local_platform.settings import Settings, kill_leftovers, lock
from algorithm.local_platform.usage import Usage
from algorithm.local_platform.worker import Worker

LOCK = "runner.lock"
_POLL_SECONDS, _STOP_POLL_SECONDS = 0.05, 0.3


def task_name(index: int) -> str:
    """Return the name of a worker in the API and of its log."""
    return f"worker-{index}"


class JobRun:
    """A run of a job.

    Args:
        settings: The platform's.
        ledger: Where the job stands.
        record: The job.
    """

    def __init__(self, settings: Settings, ledger: Ledger, record: Record) -> None:
        self._settings, self._ledger, self._id = settings, ledger, record.id
        self._plan: JobPlan = plan_of(record.facts["request"], record.facts.get("generation") == 1)
        self._folder = settings.folder("job", record.id)
        self._workers: list[Worker] = []
        self._asked = 0.0

    def run(self) -> None:
        """Bring the inputs, run the workers, copy the outputs, and write how it ended."""
        phase, reason = "Failed", ""
        try:
            self._prepare()
            if not self._stop_wanted():
                self._note("the job starts")
                self._work()
                kill_leftovers(self._id)  # a container ends with all that ran in it
            self._copy(last=True)
            codes = [worker.exit_code for worker in self._workers]
            phase = "Terminated" if self._asked else "Failed" if any(codes) else "Completed"
        except (JobError, OSError) as error:
            reason = first_line(error)
            for worker in self._workers:
                worker.stop(signal.SIGKILL)
        tasks = [
            {"task": task_name(index), "exit_code": worker.exit_code, "message": worker.message()}
            for index, worker in enumerate(self._workers)
        ]
        reason = reason or next((str(each["message"]) for each in tasks if each["message"]), "")
        self._ledger.change(
            self._id,
            phase,
            only_in=("Running", "Terminating"),
            event=f"{phase}{f': {reason}' if reason else ''}",
            level="INFO" if phase == "Completed" else "WARNING",
            ended=time.time(),
            tasks=tasks,
            reason=reason,
        )

    def _home(self, index: int) -> Path:
        return self._folder / task_name(index)

    def _here(self, path: str, index: int = 0) -> Path:
        return self._home(index) / path.removeprefix(HOME).lstrip("/")

    def _prepare(self) -> None:
        """Make the folders, bring inputs and code, and place them for each worker."""
        log = self._folder / "log"
        log.mkdir(parents=True, exist_ok=True)
        plan = self._plan
        brought = [(each.url, self._here(each.local_dir)) for each in plan.inputs]
        if plan.code_url:
            name = plan.code_url.rstrip("/").rpartition("/")[2]
            brought.append((plan.code_url, self._here(f"{MOUNT}/user-job-dir/{name}")))
        for url, target in brought:
            self._note(f"brings {url}")
            bring(url, target)
        addresses = free_addresses(plan.nodes)
        for index in range(plan.nodes):
            for name in ("inputs", "outputs", "user-job-dir", "log"):
                self._here(f"{MOUNT}/{name}", index).mkdir(parents=True, exist_ok=True)
            for _, target in brought if index else ():
                other = self._home(index) / target.relative_to(self._home(0))
                other.parent.mkdir(parents=True, exist_ok=True)
                other.symlink_to(target, target_is_directory=target.is_dir())
            for place in plan.outputs:
                folder = self._here(place.local_dir, index)
                folder.mkdir(parents=True, exist_ok=True)
                if self._settings.predownload and storage.is_folder(place.url):
                    storage.sync(place.url, str(folder))
            variables = environment_of(plan, self._id, index, addresses)
            home, path = self._home(index), log / f"{task_name(index)}.log"
            self._workers.append(Worker(plan.commands, variables, home, path))

    def _work(self) -> None:
        """Run until every worker has ended; when one fails, the others are stopped."""
        usage = Usage(self._folder)
        copy, look, measure = (
            Every(seconds) for seconds in (self._settings.upload_seconds, _STOP_POLL_SECONDS, 1)
        )
        for worker in self._workers:
            worker.note("the image is not pulled: its command runs directly, as this user")
            worker.start()
        told = 0.0
        while sum(worker.running() for worker in self._workers):
            failed = any(worker.exit_code for worker in self._workers)
            if not told and (failed or (look.due() and self._stop_wanted())):
                told = time.monotonic()
                for worker in self._workers:
                    worker.stop(signal.SIGTERM)
            if told and time.monotonic() > told + self._settings.stop_seconds:
                for worker in self._workers:
                    worker.stop(signal.SIGKILL)
            if measure.due():
                usage.measure([each.process.pid for each in self._workers if each.process])
            if copy.due():
                self._copy()
            time.sleep(_POLL_SECONDS)

    def _copy(self, last: bool = False) -> None:
        """Copy outputs and logs to their places. Only the last copy must succeed."""
        try:
            for place in self._plan.outputs:
                for index in reversed(range(len(self._workers))):
                    storage.sync(str(self._here(place.local_dir, index)), place.url)
            for index in range(len(self._workers)):
                name = f"modelarts-job-{self._id}-{task_name(index)}.log"
                log = self._folder / "log" / f"{task_name(index)}.log"
                if self._plan.log_url and log.is_file():
                    storage.upload_file(log, f"{self._plan.log_url.rstrip('/')}/{name}")
        except JobError as error:
            if last:
                raise
            self._note(f"a copy of the outputs failed, the next follows: {first_line(error)}")

    def _stop_wanted(self) -> bool:
        record = self._ledger.get("job", self._id)
        if not self._asked and (record is None or record.phase == "Terminating"):
            self._asked = time.time()
        return bool(self._asked)

    def _note(self, text: str) -> None:
        self._ledger.change(self._id, event=text)


class Every:
    """Says, at most once in so many seconds, that something is due.

    Args:
        seconds: The time between two.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._next = seconds, time.monotonic() + seconds

    def due(self) -> bool:
        """Return whether it is due now."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


def bring(url: str, target: Path) -> None:
    """Copy an object or a folder of the store.

    Raises:
        StorageError: Nothing is there.
    """
    if not url.endswith("/") and storage.size_of(url) is not None:
        target.mkdir(parents=True, exist_ok=True)
        storage.download_file(url, target / url.rpartition("/")[2])
    elif not storage.exists(url):
        raise StorageError(f"expected files at {url}, found none; upload them there first")
    else:
        storage.sync(url, str(target))


def free_addresses(count: int) -> list[str]:
    """Return addresses of this machine that nobody listens at now."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]


def main(settings: Settings, identifier: str) -> int:
    """Run a job that waits; nothing happens where another process does, or did."""
    held = lock(settings.folder("job", identifier) / LOCK)
    if held is None:
        return 0
    with held:
        ledger = Ledger(settings.ledger)
        record = ledger.change(
            identifier, "Running", only_in=("Pending",), event="Running", started=time.time()
        )
        if record is not None:
            shutil.rmtree(settings.folder("job", identifier) / task_name(0), ignore_errors=True)
            JobRun(settings, ledger, record).run()
    return 0


def as_command(settings: Settings, identifier: str) -> list[str]:
    """Return the command of this process."""
    return [sys.executable, "-m", __spec__.name, settings.as_text(), identifier]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    sys.exit(main(Settings(**json.loads(sys.argv[1])), sys.argv[2]))
