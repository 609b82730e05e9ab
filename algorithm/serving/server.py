"""The HTTP server of a model folder, until the process is asked to stop."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
import threading
import time
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from algorithm.errors import ArgumentError
from algorithm.serving.http_app import app_around
from algorithm.serving.limits import BODY_LIMIT, CONNECTION_LIMIT, DRAIN_SECONDS, Limits
from algorithm.serving.model_title import model_title
from algorithm.serving.service_state import Standing
from algorithm.serving.waitress_server import JsonChannel, TwoQueues

LOGGER = logging.getLogger(__name__)
M_ARENA_MAX = -8  # the parameter of glibc's mallopt


def serve(
    model_dir: str | os.PathLike[str],
    host: str,
    port: int,
    limits: Limits | None = None,
) -> None:
    """Serve a model folder until SIGTERM or SIGINT, then finish the requests in flight.

    /health answers at once; the address is printed when the model is loaded and warm. SIGINT, or a
    second signal, ends without the lame-duck time. Call it in the main thread.

    Args:
        model_dir: The model folder.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        limits: The limits of the server.

    Raises:
        DataError: The model folder cannot be served.
        ArgumentError: The address cannot be had.
    """
    limits = limits or Limits()
    batches = limits.batches or min(2, cores())
    divide_cores(batches)
    share_heaps()
    listener = _listen(host, port)
    standing = Standing()
    sockets: dict[int, Any] = {}
    threads = limits.threads or max(2, batches) * limits.batch
    app = app_around(standing, model_title(model_dir))
    server = _server(app, listener, sockets, threads, limits.queue, standing)
    stop = _Stop(server, standing, limits.lame_duck)
    loading = threading.Thread(
        target=standing.load,
        args=(model_dir,),
        daemon=True,
        kwargs={"most": limits.batch, "wait": limits.batch_wait, "at_once": batches},
    )
    before = {
        number: signal.signal(number, stop.signalled) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        loading.start()
        told = False
        while not stop.due() and not standing.failure:
            wasyncore.loop(timeout=0.2, use_poll=True, map=sockets, count=1)
            if standing.decided() and not standing.failure and not told:
                print(f"serving {model_dir} on http://{host}:{server.effective_port}/", flush=True)
                told = True
        _drain(server, sockets)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if standing.failure:
        raise standing.failure


def _server(
    app: Any,
    listener: socket.socket,
    sockets: dict[int, Any],
    threads: int,
    queue: int,
    standing: Standing,
) -> Any:
    """The server, whose loop is over `sockets`."""
    server = create_server(
        app,
        map=sockets,
        sockets=[listener],
        ident=None,
        threads=threads,
        connection_limit=CONNECTION_LIMIT,
        max_request_body_size=BODY_LIMIT + 1,
    )
    server.channel_class = JsonChannel
    server.queues = TwoQueues(
        server.task_dispatcher, queue, standing.metrics, lambda: standing.stopping
    )
    server.add_task = server.queues.add
    return server


def divide_cores(batches: int) -> None:
    """Give each of several batches at a time its part of the cores.

    TF_NUM_INTRAOP_THREADS wins where it is set. Threads that share one operation wait for one
    another; two batches side by side do not (docs/research/2026-11-25-serving.md). TensorFlow reads
    the variable when it is first used.

    Args:
        batches: Batches at a time.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, cores() // batches)))


def share_heaps() -> None:
    """Let all threads share two heaps, where the C library is glibc.

    With one heap for each thread, what every one of them once needed for a large picture stays with
    it. MALLOC_ARENA_MAX wins where it is set.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):  # it is another C library
            ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 2)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Stop:
    """The time to stop.

    It is lame_duck seconds after a first SIGTERM, and at once after SIGINT or a second signal.
    """

    def __init__(self, server: Any, standing: Standing, lame_duck: float) -> None:
        self._server, self._standing, self._lame_duck = server, standing, lame_duck
        self._at: float | None = None

    def signalled(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        self._at = now + self._lame_duck if number == signal.SIGTERM and self._at is None else now
        self._standing.stopping = True
        self._server.pull_trigger()

    def due(self) -> bool:
        return self._at is not None and time.monotonic() >= self._at


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to host and port.

    Raises:
        ArgumentError: The address cannot be had; the message names it.
    """
    try:
        return socket.create_server((host, port), backlog=1024)
    except (OSError, OverflowError) as error:
        raise ArgumentError(
            f"cannot listen on {host}:{port}: {error}; choose another --port or --host"
        ) from error


def _drain(server: Any, sockets: dict[int, Any]) -> None:
    """Accept no more connections, answer what was begun within DRAIN_SECONDS, and close."""
    wasyncore.loop(
        timeout=0, use_poll=True, map=sockets, count=100
    )  # take in what already waits at the socket
    server.del_channel(sockets)
    server.socket.close()
    deadline = time.monotonic() + DRAIN_SECONDS
    while (left := _in_flight(server)) and time.monotonic() < deadline:
        wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)
    if left:
        LOGGER.warning("%d requests were still unanswered after %g s", left, DRAIN_SECONDS)
    server.queues.shutdown()
    wasyncore.close_all(sockets)


def _in_flight(server: Any) -> int:
    """Return how many connections have a request or a reply under way.

    That is a request being received, waiting or running, or a reply not sent in full.
    """
    return sum(
        bool(channel.request or channel.requests or channel.total_outbufs_len)
        for channel in server.active_channels.values()
    )
