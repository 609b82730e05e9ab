"""The real server in a process of its own: HTTP over a socket, and how it stops."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import threading
import time

import pytest

from algorithm.errors import ArgumentError, DataError
from algorithm.serving.server import serve

SLOW_HANDLER = """
import time

class TfServingBaseService:
    def __init__(self, model_name, model_path):
        pass

class Slow(TfServingBaseService):
    def inference(self, data):
        time.sleep(float(data.get("seconds", 0)))
        return {"slept": data.get("seconds")}
"""


@pytest.fixture
def slow_dir(model_dir):
    (model_dir / "customize_service.py").write_text(SLOW_HANDLER)
    return model_dir


def test_requests_in_flight_and_waiting_are_answered_after_sigterm(slow_dir, serving, call):
    with serving(slow_dir) as (process, port), socket.create_connection(("127.0.0.1", port)):  # an idle client
        answers = []

        def ask():
            answers.append(call(port, "POST", "/", '{"seconds": 0.4}', Content_Type="application/json"))

        clients = [threading.Thread(target=ask) for _ in range(6)]  # three times the threads of the server
        for client in clients:
            client.start()
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(timeout=20)
        assert answers == [(200, {"slept": 0.4})] * 6
        assert process.wait(timeout=10) == 0
        with pytest.raises(OSError):
            call(port)


def test_slow_connections_do_not_block_a_request(slow_dir, serving, call):
    with serving(slow_dir) as (process, port), contextlib.ExitStack() as stack:
        for beginning in (b"", b"POST / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx") * 10:
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(beginning)
        started = time.monotonic()
        assert call(port) == (200, {"status": "OK", "health": "true"})
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("megabytes", [12.5, 14])
def test_a_body_that_is_too_large_is_refused_in_json(slow_dir, megabytes, serving, call):
    with serving(slow_dir) as (process, port):
        size = int(megabytes * 1024 * 1024)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                           + f"Content-Length: {size}\r\n\r\n".encode())
            if megabytes < 13:
                client.sendall(bytes(size))
            reply = http.client.HTTPResponse(client)
            reply.begin()
            assert (reply.status, json.loads(reply.read())["erno"]) == (413, "MR.0101")
            reply.close()
        assert call(port)[0] == 200


def test_a_taken_port_is_named(slow_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"127.0.0.1:{port}.*--port"):
            serve(slow_dir, "127.0.0.1", port)


def test_a_model_that_cannot_answer_is_refused_before_start(slow_dir):
    (slow_dir / "customize_service.py").write_text(SLOW_HANDLER.replace("return", "raise ValueError('damaged')\n#"))
    with pytest.raises(DataError, match="cannot answer: ValueError: damaged"):
        serve(slow_dir, "127.0.0.1", 0)
