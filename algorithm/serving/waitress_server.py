"""Waitress with the platform's error bodies and a bounded queue, which quick answers pass by."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import Error

from algorithm.serving.access_log import log_request, request_id
from algorithm.serving.http_app import JSON_TYPE, error_body, known_path
from algorithm.serving.limits import BUSY_RETRY_SECONDS
from algorithm.serving.prometheus_metrics import Metrics

# So long the rest of a refused body is read, so that the client gets to read the answer.
LINGER_SECONDS = 3.0


class Busy(Error):
    """More requests wait than the queue holds."""

    code = 503
    reason = "Service Unavailable"


class JsonErrorTask(ErrorTask):
    """Answers a request that is refused before the application sees it, in the platform's form.

    Such a request is too large, malformed, or one too many.
    """

    def execute(self) -> None:
        """Write the refusal, count and log it."""
        error, begun = self.request.error, time.perf_counter()
        identifier = request_id(self.request.headers.get("X_REQUEST_ID"))
        body = error_body("MR.0101", f"{error.reason}: {error.body}").encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", JSON_TYPE), ("X-Request-Id", identifier)]
        if error.code == Busy.code:
            self.response_headers.append(("Retry-After", str(BUSY_RETRY_SECONDS)))
        self.set_close_on_finish()
        self.content_length = len(body)
        method, path = (
            getattr(self.request, "command", "?"),
            known_path(getattr(self.request, "path", "?")),
        )
        seconds = time.perf_counter() - begun
        self.channel.server.queues.metrics.answered(method, path, error.code, seconds)
        log_request(
            identifier,
            self.channel.addr[0],
            method,
            path,
            error.code,
            self.request.content_length or None,
            seconds,
        )
        self.write(body)


class LeavingTask(WSGITask):
    """Answers a request.

    While the service is stopping, it tells the client to connect anew for its next one.
    """

    def execute(self) -> None:
        """Run the application."""
        if self.channel.server.queues.stopping():
            self.set_close_on_finish()
        super().execute()


class JsonChannel(HTTPChannel):
    """A connection.

    One whose request was refused unread is half closed and read empty for a while, not reset.
    """

    task_class = LeavingTask
    error_task_class = JsonErrorTask
    linger_until: float | None = None

    def writable(self) -> bool:
        """Return whether handle_write has something to do."""
        return self.will_close if self.linger_until else super().writable()

    def readable(self) -> bool:
        """Return whether handle_read has something to do."""
        return self.linger_until is not None or super().readable()

    def handle_write(self) -> None:
        """Send what is left; instead of closing at the end, begin to linger once."""
        if (
            self.close_when_flushed
            and not self.total_outbufs_len
            and self.linger_until is None
            and not self.will_close
        ):
            self.linger_until = time.monotonic() + LINGER_SECONDS
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.handle_close()
            return
        super().handle_write()

    def handle_read(self) -> None:
        """Receive what comes.

        While lingering, throw it away until the client is done or its time is over.
        """
        if self.linger_until is None:
            super().handle_read()
            return
        try:
            data = self.recv(self.adj.recv_bytes)
        except OSError:
            data = b""
        if not data or time.monotonic() > self.linger_until:
            self.handle_close()


class TwoQueues:
    """The two queues of requests.

    `heavy` answers pictures and holds `limit` that wait; one more is refused. `light` answers
    refusals, /health, /metrics and the page, so that they are quick under any load.
    """

    def __init__(
        self,
        heavy: ThreadedTaskDispatcher,
        limit: int,
        metrics: Metrics,
        stopping: Callable[[], bool],
    ) -> None:
        """Start the threads of `light`; those of `heavy` are the server's."""
        self.heavy, self.light, self.metrics, self.stopping, self._limit = (
            heavy,
            ThreadedTaskDispatcher(),
            metrics,
            stopping,
            limit,
        )
        for dispatcher in (self.heavy, self.light):
            dispatcher.queue_logger.disabled = True  # the depth is a metric, and it is bounded
        self.light.set_thread_count(2)
        metrics.watch(
            "requests_waiting",
            "Requests that wait for a thread",
            lambda: float(len(self.heavy.queue)),
        )

    def add(self, channel: Any) -> None:
        """Take in the first request of a channel."""
        request = channel.requests[0]
        heavy = not request.error and request.command == "POST" and request.path == "/"
        if heavy and len(self.heavy.queue) >= self._limit:
            request.error = Busy(
                f"{self._limit} requests wait already, ask again in {BUSY_RETRY_SECONDS} s"
            )
            heavy = False
        (self.heavy if heavy else self.light).add_task(channel)

    def shutdown(self) -> None:
        """End the threads."""
        for dispatcher in (self.heavy, self.light):
            dispatcher.shutdown(timeout=1)
