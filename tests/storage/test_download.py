"""Downloads against a real server that can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import socket
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from algorithm.errors import ArgumentError, StorageError
from algorithm.storage.downloads import http_transfer
from algorithm.storage.downloads.download import fetch

CONTENT = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """Serves `content` under every address. cuts: byte counts after which the next answers break off."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag, self.cuts, self.requests = CONTENT, '"v1"', deque(), []
        self.ranges, self.headers = True, {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/weights/efficientdet-d0.tar.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.requests.append(asked)
        if "missing" in self.path:
            self.send_error(404)
            return
        start = 0
        if asked and server.ranges and self.headers.get("If-Range") == server.tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start and start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in {"ETag": server.tag, **server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: server.cuts.popleft()] if server.cuts else body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_arrives_whole_with_a_record_beside_it(server, tmp_path):
    path = fetch(server.url, tmp_path / "cache")
    assert path == tmp_path / "cache/efficientdet-d0.tar.gz"
    assert path.read_bytes() == CONTENT
    record = json.loads((tmp_path / "cache/efficientdet-d0.tar.gz.json").read_text())
    assert record == {
        "url": server.url,
        "size": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    assert len(list(path.parent.iterdir())) == 2


def test_a_file_that_is_there_is_not_fetched_again(server, tmp_path):
    fetch(server.url, tmp_path)
    fetch(server.url, tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("harm", ["cut", "flipped", "no record"])
def test_a_file_that_is_not_what_was_fetched_is_fetched_again(harm, server, tmp_path):
    path = fetch(server.url, tmp_path)
    if harm == "no record":
        (tmp_path / f"{path.name}.json").unlink()
    else:
        path.write_bytes(CONTENT[:-1] + (b"" if harm == "cut" else b"\x00"))
    assert fetch(server.url, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_break_is_resumed_where_it_was(server, tmp_path, caplog):
    server.cuts.extend([100_000, 300_000])
    with caplog.at_level(logging.WARNING):
        assert fetch(server.url, tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-", "bytes=400000-"]
    assert "broke off at byte 100000" in caplog.text


def test_a_later_call_goes_on_from_an_earlier_ones_break(server, tmp_path):
    server.cuts.extend([100_000, 0])
    with pytest.raises(StorageError, match="breaking off at byte 100000 .*run this again"):
        fetch(server.url, tmp_path)
    assert not (tmp_path / "efficientdet-d0.tar.gz").exists()
    assert fetch(server.url, tmp_path).read_bytes() == CONTENT
    assert server.requests[-1] == "bytes=100000-"


@pytest.mark.parametrize("change", ["version", "no ranges"])
def test_what_cannot_be_resumed_starts_over(change, server, tmp_path):
    server.cuts.extend([100_000, 0])
    with pytest.raises(StorageError):
        fetch(server.url, tmp_path)
    if change == "version":
        server.content, server.tag = CONTENT[::-1], '"v2"'
    else:
        server.ranges = False
    assert fetch(server.url, tmp_path).read_bytes() == server.content


def test_a_download_killed_between_its_last_byte_and_its_name_is_finished(server, tmp_path):
    (tmp_path / "efficientdet-d0.tar.gz.part").write_bytes(CONTENT)
    (tmp_path / "efficientdet-d0.tar.gz.part.json").write_text('{"tag": "\\"v1\\""}')
    assert fetch(server.url, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("known", ["md5", "sha256", "server"])
def test_a_file_with_another_digest_is_refused_and_removed(known, server, tmp_path):
    digests = (
        {"md5": "0" * 32} if known == "md5" else {"sha256": "0" * 64} if known == "sha256" else {}
    )
    if known == "server":
        server.headers["x-goog-hash"] = (
            f"crc32c=AAAAAA==,md5={base64.b64encode(bytes(16)).decode()}"
        )
    with pytest.raises(StorageError, match="expected (md5|sha256) 000.*the file was removed"):
        fetch(server.url, tmp_path, **digests)
    assert not list(tmp_path.glob("*.gz")) + list(tmp_path.glob("*.part"))


def test_right_digests_are_accepted(server, tmp_path):
    md5 = hashlib.md5(CONTENT)
    server.headers["x-goog-hash"] = f"md5={base64.b64encode(md5.digest()).decode()}"
    path = fetch(
        server.url, tmp_path, md5=md5.hexdigest(), sha256=hashlib.sha256(CONTENT).hexdigest()
    )
    assert path.read_bytes() == CONTENT


def test_an_absent_file_is_an_error_with_its_code(server, tmp_path):
    with pytest.raises(StorageError, match="HTTP 404"):
        fetch(server.url.replace("d0", "missing"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_downloads_of_one_file_do_not_mix(server, tmp_path, monkeypatch):
    def meanwhile(url, file, state):
        with pytest.raises(StorageError, match="another process fetching it"):
            fetch(url, tmp_path)
        return http_transfer.transfer(url, file, state)

    monkeypatch.setattr("algorithm.storage.downloads.download.transfer", meanwhile)
    assert fetch(server.url, tmp_path).read_bytes() == CONTENT


def test_a_server_that_does_not_answer_fails_within_seconds(monkeypatch, tmp_path):
    monkeypatch.setattr(http_transfer, "CONNECT_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(StorageError, match="check the network, or give a local path"):
            fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/file.h5", tmp_path)
    assert time.monotonic() - started < 5


def test_a_refused_connection_is_an_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(StorageError, match="Connection refused"):
        fetch(f"http://127.0.0.1:{port}/file.h5", tmp_path)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/file", "http://host/", "weights.h5"]
)
def test_an_address_that_is_none_is_an_error(url, tmp_path):
    with pytest.raises(ArgumentError, match="expected http"):
        fetch(url, tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error(server, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StorageError, match="set another folder"):
        fetch(server.url, tmp_path / "cache")


def test_a_download_that_brings_nothing_leaves_no_empty_folder(server, tmp_path):
    with pytest.raises(StorageError):
        fetch(f"{server.url}.missing", tmp_path / "cache" / "coco")
    assert list(tmp_path.iterdir()) == []
