"""The batches in which pictures of concurrent requests go through the network together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

Run = Callable[[Sequence[Any]], Sequence[Any]]


class _Job:
    """Pictures of one request, and their outputs or what went wrong."""

    def __init__(self, pictures: Sequence[Any]) -> None:
        self.pictures = pictures
        self.outputs: Sequence[Any] = ()
        self.error: Exception | None = None
        self.group = getattr(pictures[0], "group", None)
        self.done = threading.Event()


class Batcher:
    """Runs the pictures of several requests together.

    It is called from many threads, with the pictures of a request each. Threads of its own run
    those of one group together.

    Args:
        run: Takes pictures and returns their outputs, in the same order.
        most: Pictures in a batch; a request with more goes alone.
        wait: Seconds that an incomplete batch waits at most. It waits only while more requests are
            on their way, as expected() counts them, than are gathered or run.
        at_once: Batches that are run at the same time.
        expected: Returns how many requests are on their way.
        observe: Called with the number of pictures in a batch.
    """

    def __init__(
        self,
        run: Run,
        *,
        most: int,
        wait: float,
        at_once: int = 1,
        expected: Callable[[], int] = lambda: 0,
        observe: Callable[[int], None] = lambda pictures: None,
    ) -> None:
        """Start the threads."""
        self._run, self._most, self._wait, self._expected, self._observe = (
            run,
            most,
            wait,
            expected,
            observe,
        )
        self._jobs: deque[_Job] = deque()
        self._running = 0  # requests
        self._changed, self._gathering = threading.Condition(), threading.Lock()
        for number in range(at_once):
            threading.Thread(target=self._work, name=f"batches-{number}", daemon=True).start()

    def __call__(self, pictures: Sequence[Any]) -> Sequence[Any]:
        """Return the outputs of the pictures of a request.

        Args:
            pictures: The pictures.

        Returns:
            The outputs, in the same order.

        Raises:
            Exception: What `run` raises for these pictures alone.
        """
        job = _Job(pictures)
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()
        job.done.wait()
        if job.error is not None:
            raise job.error
        return job.outputs

    def _work(self) -> None:
        while True:
            with self._gathering:  # one batch is filled before the next begins
                jobs = self._gather()
            self._observe(sum(len(job.pictures) for job in jobs))
            self._answer(jobs)
            with self._changed:
                self._running -= len(jobs)
            for job in jobs:
                job.done.set()

    def _gather(self) -> list[_Job]:
        """Return the longest waiting job and what may go with it."""
        with self._changed:
            while not self._jobs:
                self._changed.wait()
            deadline = time.monotonic() + self._wait
            while (
                self._waiting() < min(self._most, self._expected() - self._running)
                and (left := deadline - time.monotonic()) > 0
            ):
                self._changed.wait(left)
            return self._take()

    def _waiting(self) -> int:
        return sum(len(job.pictures) for job in self._jobs)

    def _take(self) -> list[_Job]:
        group, count = self._jobs[0].group, 0
        taken: list[_Job] = []
        for job in tuple(self._jobs):
            if job.group == group and (not taken or count + len(job.pictures) <= self._most):
                taken.append(job)
                count += len(job.pictures)
                self._jobs.remove(job)
        self._running += len(taken)
        return taken

    def _answer(self, jobs: list[_Job]) -> None:
        """Put the outputs into every job.

        When a batch fails, each job is tried alone, so that nobody gets another one's error.
        """
        try:
            outputs = iter(self._run([picture for job in jobs for picture in job.pictures]))
            for job in jobs:
                job.outputs = [next(outputs) for _ in job.pictures]
        except Exception as error:  # the model may be anybody's code
            if len(jobs) == 1:
                jobs[0].error = error
                return
            for job in jobs:
                self._answer([job])
