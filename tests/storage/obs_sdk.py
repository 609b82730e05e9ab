"""The official SDK of OBS as a judge of our own package: what one writes, the other reads."""

from __future__ import annotations

import datetime
import socket
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from obs import ObsClient

from algorithm import storage

NAMES = ("图片 一.jpg", "标注/a b+c.xml", "100%/#1?&=.txt", "é/%2B è'\".txt", "空/empty")
LARGE_NAME = "权重/大 文件+1.bin"
LARGE = bytes(range(256)) * (11 << 12)  # 11 MiB: three parts of the SDK, two of ours
PART = 5 << 20
UNKNOWN_SIGNATURE = ((403, "AccessDenied"), (400, "InvalidArgument"))  # SeaweedFS, Ceph
# What the SDK does that newer versions of Python warn of.
warnings_of_the_sdk = pytest.mark.filterwarnings(
    "ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning",
    r"ignore:datetime\.datetime\.utcnow:DeprecationWarning",
)


@dataclass(frozen=True)
class Sdk:
    """The SDK's client on one bucket. headers: sent with every request."""

    client: ObsClient
    bucket: str
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, verb: str, *arguments: object, **named: object) -> object:
        """The body of the answer to client.VERB(bucket, ...), which must be a success."""
        answer = getattr(self.client, verb)(
            self.bucket, *arguments, extensionHeaders=self.headers, **named
        )
        assert answer.status < 300, (verb, arguments[:1], answer.status, answer.errorCode)
        return answer.body

    def read(self, key: str) -> bytes:
        """The content of an object."""
        return self.call("getObject", key, loadStreamInMemory=True).buffer or b""

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with prefix, asked for two at a time."""
        found, marker = [], None
        while True:
            page = self.call("listObjects", prefix=prefix, marker=marker, max_keys=2)
            found += [each.key for each in page.contents]
            if not page.is_truncated:
                return found
            marker = page.next_marker or found[-1]


def connect(
    endpoint: str, signature: str, key: str, secret: str, certificate: str = ""
) -> ObsClient:
    """The SDK's client for an endpoint; it speaks this signature and no other.

    With an address in numbers it puts the bucket into the path, and then writes v2 where obs is
    asked for: obs needs a name that a bucket can stand before.
    """
    return ObsClient(
        access_key_id=key,
        secret_access_key=secret,
        server=endpoint,
        signature=signature,
        region="us-east-1",
        path_style=signature != "obs",
        is_signature_negotiation=False,
        max_retry_count=0,
        ssl_verify=certificate or False,
    )


def date_header() -> dict[str, str]:
    """The time as signature v4 has it in Amazon's own clients; the SDK sends a plain Date."""
    return {"x-amz-date": datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, by its relative name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def contents() -> dict[str, bytes]:
    """What is exchanged, by name."""
    return {name: b"" if name.endswith("empty") else name.encode() for name in NAMES} | {
        LARGE_NAME: LARGE
    }


def the_sdk_writes_and_we_read(sdk: Sdk, folder: Path) -> None:
    """Content, files, parts, a folder's marker, a copy, a replacement and a removal."""
    url, large, files = f"obs://{sdk.bucket}/数据 1+1", folder / "large", contents()
    folder.mkdir(exist_ok=True)
    large.write_bytes(LARGE)
    sdk.call("putContent", "数据 1+1/")  # what the console writes when a folder is made
    for name in NAMES[1:]:
        sdk.call("putContent", f"数据 1+1/{name}", files[name])
    (folder / "one").write_bytes(files[NAMES[0]])
    sdk.call("putFile", f"数据 1+1/{NAMES[0]}", str(folder / "one"))
    sdk.call("uploadFile", f"数据 1+1/{LARGE_NAME}", str(large), partSize=PART, taskNum=2)

    listed = {each.url: each.size for each in storage.list_files(url)}
    assert listed == {f"{url}/{name}": len(content) for name, content in files.items()}
    assert storage.info(f"{url}/{LARGE_NAME}").tag.endswith("-3")
    assert tree(storage.stage_in(url, folder / "scratch")) == files
    for name in (NAMES[1], LARGE_NAME):
        assert storage.stage_in(f"{url}/{name}", folder / "single").read_bytes() == files[name]
        assert storage.read_bytes(f"{url}/{name}") == files[name]

    sdk.call("copyObject", f"数据 1+1/{LARGE_NAME}", sdk.bucket, "副本 +.bin")
    assert storage.read_bytes(f"obs://{sdk.bucket}/副本 +.bin") == LARGE
    sdk.call("putContent", f"数据 1+1/{NAMES[0]}", "换".encode())
    sdk.call("deleteObject", f"数据 1+1/{NAMES[1]}")
    assert not storage.exists(f"{url}/{NAMES[1]}")
    assert (storage.stage_in(url, folder / "scratch") / NAMES[0]).read_bytes() == "换".encode()


def we_write_and_the_sdk_reads(sdk: Sdk, folder: Path) -> None:
    """A folder, parts, a copy, a replacement and a removal."""
    url, files = f"obs://{sdk.bucket}/模型 1+1", contents()
    for name, content in files.items():
        storage.write_bytes(str(folder / "model" / name), content)
    storage.stage_out(folder / "model", url)

    assert sdk.keys("模型 1+1/") == sorted(f"模型 1+1/{name}" for name in files)
    for name in NAMES:
        assert sdk.read(f"模型 1+1/{name}") == files[name]
    key = f"模型 1+1/{LARGE_NAME}"
    known = sdk.call("getObjectMetadata", key)
    assert (known.contentLength, known.etag.strip('"')) == (
        len(LARGE),
        storage.info(f"{url}/{LARGE_NAME}").tag,
    )
    sdk.call("downloadFile", key, str(folder / "back"), partSize=PART, taskNum=2)
    assert (folder / "back").read_bytes() == LARGE

    storage.copy(f"{url}/{LARGE_NAME}", f"obs://{sdk.bucket}/副本 +.bin")
    assert sdk.read("副本 +.bin") == LARGE
    storage.write_bytes(f"{url}/{NAMES[0]}", "换".encode())
    assert sdk.read(f"模型 1+1/{NAMES[0]}") == "换".encode()
    storage.remove(f"{url}/{NAMES[1]}")
    assert f"模型 1+1/{NAMES[1]}" not in sdk.keys("模型 1+1/")
    storage.remove_folder(url)
    assert sdk.keys("模型 1+1/") == []


def exchange_in_signature_obs(
    endpoint: str,
    key: str,
    secret: str,
    certificate: str,
    bucket: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both directions in OBS's own signature; skips where the server does not know it."""
    real = socket.getaddrinfo  # names under localhost are not known everywhere
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, *more, **named: real("127.0.0.1", *more, **named)
    )
    named = endpoint.replace("127.0.0.1", "localhost")
    sdk = Sdk(connect(named, "obs", key, secret, certificate), bucket.removeprefix("obs://"))
    try:
        answer = sdk.client.putContent(sdk.bucket, "k", "x")
        if (answer.status, answer.errorCode) in UNKNOWN_SIGNATURE:
            pytest.skip(
                "not tested: this server does not know the signature obs (Authorization: OBS, "
                f"x-obs-date) and answers {answer.status} {answer.errorCode}; v2 and v4 are tested"
            )
        assert answer.status < 300, (answer.status, answer.errorCode)
        the_sdk_writes_and_we_read(sdk, folder / "read")
        we_write_and_the_sdk_reads(sdk, folder / "write")
    finally:
        sdk.client.close()
