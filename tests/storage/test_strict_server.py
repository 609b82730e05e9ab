"""The client against Ceph's gateway over TLS, which is as strict as OBS about lengths, checksums and signatures."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from algorithm import storage
from algorithm.errors import StorageError
from algorithm.storage.mirroring.mirrored_folder import mirrored
from algorithm.storage.stores.objects import object_client
from tests.storage import ceph, obs_sdk
from tests.storage.kills import kill_copies

pytestmark = pytest.mark.slow
NAMES = ["数据/图片 一.jpg", "a b+c.txt", "100%/#1?.txt", "é/è", "&<>'\".xml", "deep/er/and/deeper"]
LARGE = bytes(range(256)) * (20 << 12)  # 20 MiB: in parts


def client(server: ceph.CephServer, **settings: str) -> object:
    return boto3.client(
        "s3",
        endpoint_url=server.https,
        region_name="us-east-1",
        aws_access_key_id=ceph.KEY,
        aws_secret_access_key=ceph.SECRET,
        verify=str(server.certificate),
        config=Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1, "mode": "standard"},
            **settings,
        ),
    )


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ceph.CephServer]:
    absent = ceph.missing()
    if absent:
        pytest.skip(
            f"no strict S3 server: {', '.join(absent)} not installed (Debian: apt-get install --no-install-recommends "
            "radosgw ceph-mon ceph-osd)"
        )
    server = ceph.CephServer(tmp_path_factory.mktemp("ceph"))
    yield server
    server.stop()


@pytest.fixture
def bucket(strict: ceph.CephServer, platform: pytest.MonkeyPatch) -> str:
    """obs://BUCKET, new and empty, on the strict server."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    made = client(
        strict,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    made.create_bucket(Bucket=name)
    made.close()
    platform.setenv("S3_ENDPOINT", strict.https)
    platform.setenv("AWS_CA_BUNDLE", str(strict.certificate))
    platform.setenv("ACCESS_KEY_ID", ceph.KEY)
    platform.setenv("SECRET_ACCESS_KEY", ceph.SECRET)
    return f"obs://{name}"


def test_the_default_client_is_refused_where_ours_passes(strict, bucket) -> None:
    default = client(strict)
    with pytest.raises(ClientError, match="MissingContentLength"):
        default.put_object(Bucket=bucket.removeprefix("obs://"), Key="k", Body=b"x")
    default.close()
    storage.write_bytes(f"{bucket}/k", b"x")
    assert storage.read_bytes(f"{bucket}/k") == b"x"


def test_a_folder_of_any_names_and_sizes_goes_out_and_comes_back(bucket, tmp_path) -> None:
    for name in (*NAMES, "large.bin", "empty"):
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes({"large.bin": LARGE, "empty": b""}.get(name, name.encode()))
    assert storage.sync(str(tmp_path / "from"), f"{bucket}/模型 1+1").copied == len(NAMES) + 2
    assert storage.sync(str(tmp_path / "from"), f"{bucket}/模型 1+1").copied == 0
    assert storage.sync(f"{bucket}/模型 1+1", str(tmp_path / "to")).copied == len(NAMES) + 2
    assert (tmp_path / "to/large.bin").read_bytes() == LARGE
    assert {
        str(path.relative_to(tmp_path / "to"))
        for path in (tmp_path / "to").rglob("*")
        if path.is_file()
    } == {*NAMES, "large.bin", "empty"}
    storage.remove(f"{bucket}/模型 1+1/large.bin")
    assert not storage.exists(f"{bucket}/模型 1+1/large.bin")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_ACCESS_KEY", "wrong-secret", "secret key does not fit"),
        ("ACCESS_KEY_ID", "nobody", "access key is not known"),
    ],
)
def test_wrong_credentials_are_refused_by_name_at_once(
    bucket, platform, name: str, value: str, words: str
) -> None:
    object_client.forget_clients()
    platform.setenv(name, value)
    start = time.monotonic()
    with pytest.raises(StorageError, match=words):
        storage.write_bytes(f"{bucket}/k", b"x")
    assert time.monotonic() - start < 30


def test_a_job_folder_is_mirrored_and_brought_back(bucket, tmp_path) -> None:
    first, second = tmp_path / "one/outputs", tmp_path / "two/outputs"
    for folder in (first, second):
        folder.mkdir(parents=True)
    with mirrored(first, f"{bucket}/out"):
        (first / "model.bin").write_bytes(LARGE)
        (first / "checkpoint").write_text("model.bin")
    with mirrored(second, f"{bucket}/out") as damaged:
        assert not damaged
        assert (second / "model.bin").read_bytes() == LARGE
        assert (second / "checkpoint").read_text() == "model.bin"


@pytest.mark.soak
def test_a_copy_killed_at_any_moment_is_whole_and_goes_on(bucket, tmp_path) -> None:
    kill_copies(bucket, tmp_path)


@pytest.fixture(params=["v2", "v4"])
def sdk(
    request: pytest.FixtureRequest, strict: ceph.CephServer, bucket: str
) -> Iterator[obs_sdk.Sdk]:
    """The SDK of OBS on a bucket of its own, and our package pointed at the same server."""
    client = obs_sdk.connect(
        strict.https, request.param, ceph.KEY, ceph.SECRET, str(strict.certificate)
    )
    # This gateway takes the date of a signature v4 from x-amz-date alone.
    headers = obs_sdk.date_header() if request.param == "v4" else {}
    yield obs_sdk.Sdk(client, bucket.removeprefix("obs://"), headers)
    client.close()


@obs_sdk.warnings_of_the_sdk
def test_what_the_sdk_of_obs_writes_we_read(sdk: obs_sdk.Sdk, tmp_path) -> None:
    obs_sdk.the_sdk_writes_and_we_read(sdk, tmp_path)


@obs_sdk.warnings_of_the_sdk
def test_what_we_write_the_sdk_of_obs_reads(sdk: obs_sdk.Sdk, tmp_path) -> None:
    obs_sdk.we_write_and_the_sdk_reads(sdk, tmp_path)


@obs_sdk.warnings_of_the_sdk
def test_signature_obs(strict: ceph.CephServer, bucket: str, tmp_path, platform) -> None:
    obs_sdk.exchange_in_signature_obs(
        strict.https, ceph.KEY, ceph.SECRET, str(strict.certificate), bucket, tmp_path, platform
    )
