"""The real server in a process of its own: HTTP over a socket, and how it stops."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from algorithm.errors import ArgumentError, DataError
from algorithm.serving import server
from algorithm.serving.model_handler import MODEL_PARTS
from algorithm.serving.server import serve

ROOT = Path(__file__).parents[2]
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
    with (
        serving(slow_dir) as (process, port),
        socket.create_connection(("127.0.0.1", port)),
    ):  # an idle client
        answers = []

        def ask():
            answers.append(
                call(port, "POST", "/", '{"seconds": 0.4}', Content_Type="application/json")
            )

        clients = [
            threading.Thread(target=ask) for _ in range(6)
        ]  # three times the threads of the server
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


def test_new_requests_are_answered_during_the_lame_duck_time(slow_dir, serving, call):
    with serving(slow_dir, lame_duck=1.5) as (process, port):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert call(port) == (503, {"status": "stopping", "health": "false"})
        assert (
            call(port, "POST", "/", '{"seconds": 0.01}', Content_Type="application/json")[0] == 200
        )
        assert process.wait(timeout=15) == 0


def test_a_second_signal_ends_the_lame_duck_time(slow_dir, serving):
    with serving(slow_dir, lame_duck=600) as (process, port):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 0


def test_slow_connections_do_not_block_a_request(slow_dir, serving, call):
    beginnings = (b"POST / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx")
    with serving(slow_dir) as (process, port), contextlib.ExitStack() as stack:
        for beginning in beginnings * 300:
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(beginning)
        assert call(port) == (200, {"status": "OK", "health": "true"})
        assert call(port, "POST", "/", '{"seconds": 0}', Content_Type="application/json")[0] == 200


def test_a_full_queue_is_503_at_once_and_health_stays_quick(slow_dir, serving, call):
    with serving(slow_dir, threads=1, queue=2) as (process, port):
        answers = []
        clients = [
            threading.Thread(
                target=lambda: answers.append(
                    call(port, "POST", "/", '{"seconds": 1}', Content_Type="application/json")
                )
            )
            for _ in range(8)
        ]
        for client in clients:
            client.start()
            time.sleep(0.02)
        assert call(port)[0] == 200
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("POST", "/", '{"seconds": 1}', {"Content-Type": "application/json"})
        refused = connection.getresponse()
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1") and refused.headers[
            "X-Request-Id"
        ]
        assert "2 requests wait already" in json.loads(refused.read())["reason"]
        connection.close()
        for client in clients:
            client.join(20)
        assert sorted(status for status, _ in answers) == [200] * 3 + [503] * 5


def test_a_request_during_the_load_waits_or_is_503_and_later_200(slow_dir, serving, call):
    (slow_dir / "customize_service.py").write_text(SLOW_HANDLER.replace("pass", "time.sleep(2)", 1))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(slow_dir, port=port) as (process, port):
        loading = eventually(lambda: call(port))
        assert loading == (503, {"status": "loading", "health": "false"})
        assert call(port, "POST", "/", '{"seconds": 0}', Content_Type="application/json") == (
            200,
            {"slept": 0},
        )
        assert call(port)[0] == 200 and process.poll() is None


def test_a_server_killed_under_load_starts_again_on_its_port(slow_dir, serving, call):
    """Clients go on asking through the kill and the new start: each gets a right answer or a broken connection."""
    stop, outcomes = threading.Event(), []

    def client():
        while not stop.is_set():
            try:
                outcomes.append(
                    call(port, "POST", "/", '{"seconds": 0.01}', Content_Type="application/json")
                )
            except (OSError, http.client.HTTPException):
                outcomes.append("broken")
                time.sleep(0.01)

    names = sorted(path.name for path in slow_dir.iterdir())
    with serving(slow_dir) as (process, port):
        clients = [threading.Thread(target=client, daemon=True) for _ in range(8)]
        for each in clients:
            each.start()
        eventually(lambda: len(outcomes) > 20 or None)
        process.kill()
        process.wait()
    with serving(slow_dir, port=port) as (process, port):
        eventually(lambda: call(port) if call(port)[0] == 200 else None)
        after = len(outcomes)
        eventually(lambda: len(outcomes) > after + 20 or None)
        stop.set()
        for each in clients:
            each.join(20)
    answered = [outcome for outcome in outcomes if outcome != "broken"]
    assert "broken" in outcomes and outcomes[-1] != "broken"
    assert {outcome[0] for outcome in answered} <= {200, 503} and all(
        body == {"slept": 0.01} for status, body in answered if status == 200
    )
    assert sorted(path.name for path in slow_dir.iterdir()) == names


def eventually(ask, seconds=30):
    """The first result of ask() that is something, while connections may still be refused."""
    end = time.monotonic() + seconds
    while True:
        try:
            if (found := ask()) is not None:
                return found
        except OSError:
            pass
        assert time.monotonic() < end
        time.sleep(0.02)


BIG = 13 * 1024 * 1024
FORM = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
TOO_LARGE = {
    "told": FORM + f"Content-Length: {BIG}\r\n\r\n".encode(),
    "told and sent": FORM + f"Content-Length: {BIG}\r\n\r\n".encode() + bytes(BIG),
    "a lie of 200 MB": FORM + b"Content-Length: 200000000\r\n\r\nx",
    "chunked": FORM
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + (b"100000\r\n" + bytes(0x100000) + b"\r\n") * 13
    + b"0\r\n\r\n",
}


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory, serving):
    """The port of a server with the slow handler, for tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("served") / "model"
    for part in MODEL_PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_bytes(b"not read")
    (folder / "customize_service.py").write_text(SLOW_HANDLER)
    with serving(folder) as (_, port):
        yield port


@pytest.mark.parametrize("content", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_body_that_is_too_large_is_refused_in_json(slow_server, call, content):
    with socket.create_connection(("127.0.0.1", slow_server), timeout=20) as client:
        client.sendall(content)
        reply = http.client.HTTPResponse(client)
        reply.begin()
        assert (reply.status, json.loads(reply.read())["erno"]) == (413, "MR.0101")
        reply.close()
    assert call(slow_server)[0] == 200


MALFORMED = {
    "a negative length": (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    "no length": (b"POST / HTTP/1.1\r\nContent-Type: application/json\r\n\r\n", 400),
    "length and chunks": (
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        501,
    ),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "a header without end": (b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000, 431),
}


@pytest.mark.parametrize("content, status", MALFORMED.values(), ids=MALFORMED)
def test_malformed_requests_are_answered_in_json(slow_server, call, content, status):
    with socket.create_connection(("127.0.0.1", slow_server), timeout=20) as client:
        client.sendall(content)
        reply = http.client.HTTPResponse(client)
        reply.begin()
        assert (reply.status, json.loads(reply.read())["erno"]) == (status, "MR.0101")
        reply.close()
    assert call(slow_server)[0] == 200


def test_a_taken_port_is_named(slow_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"127.0.0.1:{port}.*--port"):
            serve(slow_dir, "127.0.0.1", port)


def test_a_model_that_cannot_answer_is_refused_before_start(slow_dir):
    (slow_dir / "customize_service.py").write_text(
        SLOW_HANDLER.replace("return", "raise ValueError('damaged')\n#")
    )
    with pytest.raises(DataError, match="cannot answer: ValueError: damaged"):
        serve(slow_dir, "127.0.0.1", 0)


def test_a_folder_that_cannot_be_served_ends_the_process_with_the_code_of_its_kind(tmp_path):
    command = [
        sys.executable,
        "-m",
        "algorithm",
        "serve",
        "--model_dir",
        str(tmp_path / "nothing"),
        "--port",
        "0",
    ]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    assert ended.returncode == 3 and "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith(
        "ERROR DATA: --model_dir: expected a model folder"
    )


@pytest.mark.parametrize(
    "found, batches, threads", [(2, 2, "1"), (16, 2, "8"), (1, 2, "1"), (3, 1, "3")]
)
def test_each_batch_at_a_time_has_its_part_of_the_cores(monkeypatch, found, batches, threads):
    monkeypatch.setattr(server, "cores", lambda: found)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    server.divide_cores(batches)
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == threads
    server.divide_cores(1)
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == threads  # what is there already counts
