"""A line that breaks, between the client and a real S3 server: what arrives is right, or nothing does."""

import hashlib
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from algorithm import storage
from algorithm.errors import StorageError
from algorithm.storage import retrying
from algorithm.storage.storage_errors import DamagedError, UnreachableError
from algorithm.storage.stores.objects import etag, object_client, object_download

LARGE = 20 << 20
CONTENT = (hashlib.sha256(b"content").digest() * (LARGE // 32 + 1))[:LARGE]


@pytest.fixture
def large(line, tmp_path, server):
    """A file of 20 MiB and obs:// address of it on the server."""
    server.client.put_object(Bucket=line.bucket.removeprefix("obs://"), Key="large", Body=CONTENT)
    (tmp_path / "large").write_bytes(CONTENT)
    return f"{line.bucket}/large"


def test_a_download_that_breaks_goes_on_where_it_was(line, large, tmp_path):
    line.add(
        line.Fault("reset", b"GET /", after=6 << 20), line.Fault("reset", b"Range", after=5 << 20)
    )
    storage.download_file(large, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == CONTENT
    assert len([each for each in line.requests if each.startswith("GET")]) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "large"]


def test_a_later_process_goes_on_where_one_was_killed(line, large, tmp_path, platform):
    platform.setenv("S3_RETRY_SECONDS", "0")
    line.add(line.Fault("reset", b"GET /", after=12 << 20))
    with pytest.raises(
        UnreachableError,
        match="could not read object 'large' in bucket .*Check S3_ENDPOINT and the network",
    ):
        storage.download_file(large, tmp_path / "b")
    had = (tmp_path / ".b.part").stat().st_size
    assert had > 4 << 20
    asked = []
    object_client.client().meta.events.register(
        "before-send.s3.GetObject",
        lambda request, **_: asked.append((request.headers["Range"], request.headers["If-Match"])),
    )
    storage.download_file(large, tmp_path / "b")
    assert asked == [(f"bytes={had}-".encode(), f'"{hashlib.md5(CONTENT).hexdigest()}"'.encode())]
    assert (tmp_path / "b").read_bytes() == CONTENT


def test_an_object_replaced_meanwhile_is_fetched_anew(line, large, tmp_path, server, platform):
    platform.setenv("S3_RETRY_SECONDS", "0")
    line.add(line.Fault("reset", b"GET /", after=12 << 20))
    with pytest.raises(StorageError):
        storage.download_file(large, tmp_path / "b")
    server.client.put_object(
        Bucket=line.bucket.removeprefix("obs://"), Key="large", Body=CONTENT[::-1]
    )
    platform.setenv("S3_RETRY_SECONDS", "5")
    storage.download_file(large, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("how", ["whole", "in parts"])
def test_a_flipped_byte_is_noticed_and_fetched_again(line, large, tmp_path, how):
    if how == "in parts":
        storage.upload_file(tmp_path / "large", large)
        assert storage.info(large).tag.endswith("-3")
    line.add(line.Fault("flip", b"GET /", after=3_000_000))
    storage.download_file(large, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == CONTENT
    assert len([each for each in line.requests if each.startswith("GET")]) == 2


def test_bytes_that_are_always_flipped_are_never_loaded(line, large, tmp_path):
    line.add(line.Fault("flip", b"GET /", after=3_000_000, times=99))
    with pytest.raises(
        DamagedError, match="expected bytes with ETag .* found others, again and again"
    ) as caught:
        storage.download_file(large, tmp_path / "b")
    assert caught.value.exit_code == 4
    assert [path.name for path in tmp_path.iterdir()] == ["large"]
    assert (
        len([each for each in line.requests if each.startswith("GET")]) == retrying.TRIES_OF_DAMAGE
    )
    with pytest.raises(StorageError, match="found other bytes"):
        storage.read_bytes(large)


@pytest.mark.parametrize("size", [100_000, LARGE], ids=["whole", "in parts"])
def test_a_byte_flipped_on_the_way_out_is_sent_again(line, tmp_path, size):
    (tmp_path / "a").write_bytes(CONTENT[:size])
    line.add(line.Fault("flip", b"PUT /", after=60_000, direction="up"))
    storage.upload_file(tmp_path / "a", f"{line.bucket}/a")
    assert storage.read_bytes(f"{line.bucket}/a") == CONTENT[:size]


def test_resets_at_many_places_leave_no_wrong_object(line, tmp_path):
    chance = random.Random(29)
    for number in range(12):
        size = chance.choice([1000, 300_000, 9 << 20])
        body = CONTENT[number : number + size]
        (tmp_path / "a").write_bytes(body)
        way = chance.choice(["up", "down"])
        line.add(
            line.Fault(
                "reset",
                b"/f",
                after=chance.randrange(size if way == "up" else 300),
                direction=way,
                times=chance.randrange(1, 4),
            )
        )
        storage.upload_file(tmp_path / "a", f"{line.bucket}/f{number}")
        line.faults.clear()
        line.add(line.Fault("reset", b"/f", after=chance.randrange(size), times=2))
        storage.download_file(f"{line.bucket}/f{number}", tmp_path / "b")
        line.faults.clear()
        assert (tmp_path / "b").read_bytes() == body
    assert len(line.requests) > 48


def test_a_busy_store_is_waited_for(line, tmp_path):
    line.add(line.Fault("busy", times=6))
    storage.write_bytes(f"{line.bucket}/a", b"x")
    assert storage.read_bytes(f"{line.bucket}/a") == b"x"
    assert len(line.requests) == 8


def test_a_stall_is_cut_by_the_read_timeout(line, large, tmp_path, monkeypatch):
    monkeypatch.setattr(object_client, "READ_TIMEOUT_S", 0.5)
    line.add(line.Fault("stall", b"GET /", after=5 << 20, seconds=3))
    started = time.monotonic()
    storage.download_file(large, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == CONTENT
    assert 0.5 < time.monotonic() - started < 3


def test_trying_ends_with_the_budget_and_the_next_file_waits_less(
    line, tmp_path, platform, monkeypatch
):
    platform.setenv("S3_RETRY_SECONDS", "1.5")
    monkeypatch.setattr(retrying, "BUDGET_IN_OUTAGE_S", 0.1)
    line.refuse = True
    for expected in ((0.7, 3), (0, 0.7)):
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="Check S3_ENDPOINT and the network"):
            storage.read_bytes(f"{line.bucket}/a")
        assert expected[0] < time.monotonic() - started < expected[1]
    line.refuse = False
    storage.write_bytes(f"{line.bucket}/a", b"x")
    assert not retrying._outage.is_set()


def test_a_budget_that_is_no_number(line, platform):
    platform.setenv("S3_RETRY_SECONDS", "long")
    with pytest.raises(
        StorageError, match="S3_RETRY_SECONDS: expected a number of seconds, found 'long'"
    ):
        storage.read_bytes(f"{line.bucket}/a")


def test_a_failed_upload_in_parts_leaves_no_parts_behind(line, large, tmp_path, platform, server):
    platform.setenv("S3_RETRY_SECONDS", "0.2")
    line.add(line.Fault("reset", b"partNumber=2", direction="up", times=99))
    with pytest.raises(UnreachableError, match="could not write object 'new'"):
        storage.upload_file(tmp_path / "large", f"{line.bucket}/new")
    name = line.bucket.removeprefix("obs://")
    assert not server.client.list_multipart_uploads(Bucket=name).get("Uploads")
    assert set(server.objects(name)) == {"large"}


def test_an_answer_that_was_lost_does_not_fail_an_upload_in_parts(line, large, tmp_path):
    line.add(
        line.Fault("reset", b"POST /", after=0, direction="down", times=0),
        line.Fault("reset", b"uploadId", after=0, direction="down", times=2),
    )
    storage.upload_file(tmp_path / "large", f"{line.bucket}/new")
    storage.download_file(f"{line.bucket}/new", tmp_path / "b")
    assert etag.matches(tmp_path / "b", storage.info(f"{line.bucket}/new").tag) is True


def test_the_server_is_killed_and_comes_back_in_the_middle_of_uploads(plain, tmp_path, server):
    (tmp_path / "a").write_bytes(CONTENT)

    def upload():
        for number in range(4):
            storage.upload_file(tmp_path / "a", f"{plain}/{number}")

    with ThreadPoolExecutor(1) as other_thread:
        uploads = other_thread.submit(upload)
        time.sleep(0.1)
        assert not uploads.done()
        server.kill()
        server.start()
        uploads.result()
    for number in range(4):
        storage.download_file(f"{plain}/{number}", tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == CONTENT
    assert object_download._size(tmp_path / ".b.part") == 0
