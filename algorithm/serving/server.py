"""Serve a model folder over HTTP until the process is asked to stop."""

from __future__ import annotations

import io
import logging
import os
import signal
import socket
import threading
import time
from typing import Any

from PIL import Image
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask

from algorithm.errors import ArgumentError, DataError
from algorithm.serving.container import BODY_LIMIT, app_around, error_body
from algorithm.serving.handler import load_service

LOGGER = logging.getLogger(__name__)
DRAIN_SECONDS = 30.0
CONNECTION_LIMIT = 1000  # slow clients wait here, not in a worker thread
BODY_LIMIT_AT_DOOR = BODY_LIMIT + 1024 * 1024  # refused unread above this; in between, the application refuses


class _JsonErrorTask(ErrorTask):
    """Answers a request that waitress itself refuses (too large, malformed) in the platform's form."""

    def execute(self) -> None:
        error = self.request.error
        body = error_body("MR.0101", f"{error.reason}: {error.body}").encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _JsonChannel(HTTPChannel):
    error_task_class = _JsonErrorTask


def serve(model_dir: str | os.PathLike[str], host: str = "0.0.0.0", port: int = 8080, threads: int = 4) -> None:
    """Serve the model folder; return after SIGTERM or SIGINT, when the requests in flight are answered.

    port 0 takes a free one; the address is printed once requests are welcome. Call it in the main thread.
    Raises DataError for a model folder that cannot be served, ArgumentError for an address that cannot be had.
    """
    service = load_service(model_dir)
    _answer_once(service, model_dir)
    listener = _listen(host, port)
    sockets: dict[int, Any] = {}
    server = create_server(app_around(service), map=sockets, sockets=[listener], threads=threads, ident=None,
                           connection_limit=CONNECTION_LIMIT, max_request_body_size=BODY_LIMIT_AT_DOOR)
    server.channel_class = _JsonChannel
    stopping = threading.Event()

    def stop(signum: int, frame: Any) -> None:
        stopping.set()
        server.pull_trigger()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        print(f"serving {model_dir} on http://{host}:{server.effective_port}/", flush=True)
        while not stopping.is_set():
            wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)
        _drain(server, sockets)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answer_once(service: Any, model_dir: str | os.PathLike[str]) -> None:
    """Let the service answer one picture, so that neither a damaged model nor the slow first call meets a client.

    Raises DataError naming the model folder.
    """
    picture = io.BytesIO()
    Image.new("RGB", (64, 64)).save(picture, "PNG")
    picture.seek(0)
    try:
        service.inference({"images": {"warm_up.png": picture}})
    except Exception as error:  # the handler may be anybody's code
        raise DataError(f"the model in {model_dir} cannot answer: {type(error).__name__}: {error}") from error


def _listen(host: str, port: int) -> socket.socket:
    """Socket bound to host and port. Raises ArgumentError naming both."""
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        raise ArgumentError(f"cannot listen on {host}:{port}: {error}; choose another --port or --host") from error


def _drain(server: Any, sockets: dict[int, Any]) -> None:
    """Accept no more connections, answer what was begun within DRAIN_SECONDS, and close."""
    wasyncore.loop(timeout=0, use_poll=True, map=sockets, count=100)  # take in what already waits at the socket
    server.del_channel(sockets)
    server.socket.close()
    deadline = time.monotonic() + DRAIN_SECONDS
    while (left := _in_flight(server)) and time.monotonic() < deadline:
        wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)
    if left:
        LOGGER.warning("%d requests were still unanswered after %g s", left, DRAIN_SECONDS)
    server.task_dispatcher.shutdown(timeout=1)
    wasyncore.close_all(sockets)


def _in_flight(server: Any) -> int:
    """Connections with a request being received, waiting, running, or a reply not sent in full."""
    return sum(bool(channel.request or channel.requests or channel.total_outbufs_len)
               for channel in server.active_channels.values())
