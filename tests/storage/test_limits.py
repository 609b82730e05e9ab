"""Clocks that are wrong, links that are slow, stores that go away for a while, places that cannot be written."""

import datetime
import os
import subprocess
import threading
import time

import botocore.auth
import pytest

from algorithm import storage
from algorithm.errors import StorageError
from algorithm.storage import storage_errors
from algorithm.storage.stores.objects import object_client

HOUR_S = 3600


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_is_named_after_one_request(line, platform, hours):
    storage.write_bytes(f"{line.bucket}/a", b"x")
    line.requests.clear()
    now, real_time = botocore.auth.get_current_datetime, time.time
    platform.setattr(
        botocore.auth, "get_current_datetime", lambda: now() + datetime.timedelta(hours=hours)
    )
    platform.setattr(storage_errors.time, "time", lambda: real_time() + hours * HOUR_S)
    calls = [
        lambda: storage.read_bytes(f"{line.bucket}/a"),
        lambda: storage.write_bytes(f"{line.bucket}/b", b"y"),
        lambda: list(storage.list_files(line.bucket)),
        lambda: storage.info(f"{line.bucket}/a"),
    ]
    for number, call in enumerate(calls, 1):
        with pytest.raises(
            StorageError, match="RequestTimeTooSkewed. The clock of this machine is wrong; set it"
        ) as caught:
            call()
        assert (caught.value.exit_code, len(line.requests)) == (4, number)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SECURITY_TOKEN", "one"), ("OBS_SECURITY_TOKEN", "two"), ("AWS_SESSION_TOKEN", "three")],
)
def test_a_session_token_travels_with_every_request_and_is_not_shown(store, platform, name, value):
    platform.setenv(name, value)
    storage.write_bytes("obs://b/k", b"x")
    storage.read_bytes("obs://b/k")
    assert [headers["X-Amz-Security-Token"] for _, _, headers in store.requests] == [value] * 2
    assert value not in repr(object_client.settings())


def test_the_names_that_obs_uses_are_enough(store, platform):
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "S3_ENDPOINT"):
        platform.delenv(name)
    platform.setenv("OBS_ENDPOINT", f"http://127.0.0.1:{store.server_port}")
    platform.setenv("OBS_ACCESS_KEY_ID", "the-key")
    platform.setenv("OBS_SECRET_ACCESS_KEY", "the-secret")
    storage.write_bytes("obs://b/k", b"x")
    assert store.objects == {("b", "k"): b"x"}
    assert "Credential=the-key/" in store.requests[0][2]["Authorization"]


def test_a_slow_link_is_not_taken_for_a_broken_one(line, platform, tmp_path):
    """A file comes in several times as long as the store may be silent; no byte is sent twice."""
    body = os.urandom(2 << 20)
    (tmp_path / "a").write_bytes(body)
    line.add(line.Fault("delay", b"PUT /", direction="up", seconds=0.02))
    storage.upload_file(tmp_path / "a", f"{line.bucket}/a")
    platform.setattr(object_client, "READ_TIMEOUT_S", 0.5)
    line.add(line.Fault("delay", b"GET /", seconds=0.05))
    started = time.monotonic()
    storage.download_file(f"{line.bucket}/a", tmp_path / "b")
    assert time.monotonic() - started > 1.5
    assert (tmp_path / "b").read_bytes() == body
    assert len(line.requests) == 2


def test_a_folder_survives_a_store_that_goes_away_and_comes_back(line, tmp_path):
    contents = {f"{number:02d}.bin": os.urandom(200_000) for number in range(40)}
    for name, body in contents.items():
        storage.write_bytes(str(tmp_path / "from" / name), body)

    def lose() -> None:
        line.refuse = True
        line.cut_all()
        time.sleep(1.5)
        line.refuse = False

    for source, target in (
        (str(tmp_path / "from"), f"{line.bucket}/set"),
        (f"{line.bucket}/set", str(tmp_path / "to")),
    ):
        loss = threading.Timer(0.1, lose)
        loss.start()
        assert storage.sync(source, target).copied == len(contents)
        loss.join()
    assert {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()} == contents


@pytest.fixture
def read_only(tmp_path):
    """A folder on a file system that is mounted read-only; only root can make one."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder], capture_output=True
        ).returncode
    ):
        pytest.skip("needs root and the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_read_only_place_is_named_and_nothing_is_tried_again(plain, read_only, caplog):
    storage.write_bytes(f"{plain}/a", b"x")
    for call in (
        lambda: storage.download_file(f"{plain}/a", read_only / "b"),
        lambda: storage.sync(plain, str(read_only)),
        lambda: storage.write_bytes(str(read_only / "c"), b"x"),
        lambda: storage.write_bytes(str(read_only / "d/e"), b"x"),
    ):
        with pytest.raises(
            StorageError,
            match="expected to write .*sealed.*, found Read-only file system. Check the path",
        ) as caught:
            call()
        assert caught.value.exit_code == 4
    assert "trying again" not in caplog.text
