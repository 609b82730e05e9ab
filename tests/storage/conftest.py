"""A small object store in this process that speaks enough S3 for the client: real requests over a real socket."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from algorithm.storage import object_store

SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_PROFILE")


class Store(ThreadingHTTPServer):
    """objects: {(bucket, key): bytes}. requests: (method, path, headers). refusal: (status, code) for every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[tuple[str, str], bytes] = {}
        self.requests: list[tuple[str, str, dict]] = []
        self.refusal: tuple[int, str] | None = None
        self.page = 1000
        self.lies_about_size = False


class _Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _place(self) -> tuple[str, str]:
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        return bucket, key

    def _answer(self, status: int, body: bytes = b"", length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("ETag", '"etag"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>as it is</Message></Error>".encode())

    def do_GET(self) -> None:
        place = self._place()
        query = parse_qs(urlsplit(self.path).query)
        if self.server.refusal:
            self._error(*self.server.refusal)
        elif "list-type" in query:
            self._list(place[0], query)
        elif place not in self.server.objects:
            self._error(404, "NoSuchKey")
        else:
            self._answer(200, self.server.objects[place])

    def do_HEAD(self) -> None:
        place = self._place()
        if self.server.refusal:
            self._answer(self.server.refusal[0])
        elif place not in self.server.objects:
            self._answer(404)
        else:
            size = len(self.server.objects[place])
            self._answer(200, length=size + 1 if self.server.lies_about_size else size)

    def do_PUT(self) -> None:
        place = self._place()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusal:
            self._error(*self.server.refusal)
        else:
            self.server.objects[place] = body
            self._answer(200)

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._place(), None)
        self._answer(204)

    def _list(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
        keys = sorted(key for where, key in self.server.objects if where == bucket and key.startswith(prefix))
        keys = [key for key in keys if key > after]
        page = keys[: self.server.page]
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if len(keys) > len(page) else ""
        entries = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in page)
        flag = str(bool(more)).lower()
        self._answer(
            200, f"<ListBucketResult><IsTruncated>{flag}</IsTruncated>{more}{entries}</ListBucketResult>".encode()
        )


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A running store that the client is pointed at through the platform's environment variables."""
    server = Store()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("S3_ENDPOINT", f"127.0.0.1:{server.server_port}")
    monkeypatch.setenv("S3_USE_HTTPS", "0")
    monkeypatch.setenv("ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("SECRET_ACCESS_KEY", "test-secret-never-shown")
    object_store._client.cache_clear()
    yield server
    object_store._client.cache_clear()
    server.shutdown()
    server.server_close()
