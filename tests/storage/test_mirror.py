"""A folder and its copy on a real S3 server: whole at every moment, brought back verified, written by one job alone."""

import hashlib
import json
import logging
import os
import random
import socket
import threading
import time

import pytest

from algorithm import storage
from algorithm.errors import ResourceError, StorageError
from algorithm.storage.atomic_files import write_bytes
from algorithm.storage.mirroring import lease, mirrored_folder
from algorithm.storage.mirroring.lease import Lease, LeaseLostError
from algorithm.storage.mirroring.mirror import Mirror
from algorithm.storage.mirroring.mirrored_folder import mirrored
from algorithm.storage.mirroring.restoring import restore
from algorithm.storage.scratch_folder import job_folder
from algorithm.storage.storage_errors import UnreachableError

BIG = 200_000


def big(text):
    return (hashlib.sha256(text.encode()).digest() * (BIG // 32 + 1))[:BIG]


def write(folder, files):
    for name, content in files.items():
        write_bytes(folder / name, content if isinstance(content, bytes) else content.encode())


def checkpoint(folder, step, keep=1):
    """What a trainer does to its folder: data, index, the file that names them, and then the old ones go."""
    write(
        folder,
        {
            f"model.ckpt-{step}.data": big(f"data {step}"),
            f"model.ckpt-{step}.index": big(f"index {step}"),
        },
    )
    write(folder, {"checkpoint": f"model.ckpt-{step}"})
    for old in folder.glob("model.ckpt-*"):
        if int(old.stem.rpartition("-")[2]) <= step - keep:
            old.unlink()


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def is_whole(folder):
    """Whether the folder holds what its `checkpoint` names, with the right bytes; the step, None for an empty folder."""
    if not names(folder):
        return None
    step = int((folder / "checkpoint").read_text().rpartition("-")[2])
    assert (folder / f"model.ckpt-{step}.data").read_bytes() == big(f"data {step}")
    assert (folder / f"model.ckpt-{step}.index").read_bytes() == big(f"index {step}")
    return step


def mirror_of(folder, url):
    folder.mkdir(parents=True, exist_ok=True)
    return Mirror(folder, url, folder.parent / f"{folder.name}-state.json")


def brought_back(url, folder):
    mirror = mirror_of(folder, url)
    return restore(mirror), mirror


def test_a_copy_is_made_kept_up_and_brought_back(bucket, tmp_path, server):
    url = f"{bucket}/out 1"
    mirror = mirror_of(tmp_path / "a", url)
    write(
        mirror.folder,
        {
            "job.json": "one",
            "model/变量.bin": big("m"),
            "empty": b"",
            ".hidden": b"x",
            ".part/x": b"x",
        },
    )
    checkpoint(mirror.folder, 1)
    assert mirror.round() and not mirror.round()
    checkpoint(mirror.folder, 2)
    write(
        mirror.folder,
        {"job.json": "two", "model/变量.bin": big("n"), "events.out.tfevents.1": big("log")},
    )
    assert mirror.round() and not mirror.round()
    keys = {
        key.removeprefix("out 1/"): content
        for key, content in server.objects(bucket.removeprefix("obs://")).items()
    }
    manifest = json.loads(keys.pop("mirror.json"))
    assert keys == {
        "job.json": b"two",
        "model/变量.bin": big("n"),
        "empty": b"",
        "checkpoint": b"model.ckpt-2",
        "model.ckpt-2.data": big("data 2"),
        "model.ckpt-2.index": big("index 2"),
        "events.out.tfevents.1": big("log"),
    }
    assert {name: item["sha256"] for name, item in manifest["files"].items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in keys.items()
    }
    damaged, _ = brought_back(url, tmp_path / "b")
    assert damaged == ()
    assert {name: (tmp_path / "b" / name).read_bytes() for name in names(tmp_path / "b")} == keys


def test_a_round_cut_off_anywhere_leaves_the_set_before_or_the_new_one(line, tmp_path, platform):
    """Each write to the store fails in turn; a reader then finds a whole set, and the next round completes the copy."""
    for failing in range(1, 30):
        url = f"{line.bucket}/{failing}"
        mirror = mirror_of(tmp_path / f"a{failing}", url)
        checkpoint(mirror.folder, 1)
        write(mirror.folder, {"model/saved": big("old")})
        mirror.round()
        checkpoint(mirror.folder, 2)
        write(mirror.folder, {"model/saved": big("new")})
        done = 0

        def cut(real, failing=failing):
            def act(*arguments, **named):
                nonlocal done
                done += 1
                if done >= failing:
                    raise UnreachableError("the line is cut")
                return real(*arguments, **named)

            return act

        with pytest.MonkeyPatch.context() as patch:
            for verb in ("write", "upload", "remove"):
                patch.setattr(mirror._store, verb, cut(getattr(mirror._store, verb)))
            try:
                mirror.round()
                reached_end = True
            except UnreachableError:
                reached_end = False
        damaged, reader = brought_back(url, tmp_path / f"b{failing}")
        assert damaged == ()
        step = is_whole(reader.folder)
        assert (reader.folder / "model/saved").read_bytes() == big("old" if step == 1 else "new")
        assert step == 2 or not reached_end
        mirror.round()
        damaged, reader = brought_back(url, tmp_path / f"c{failing}")
        assert (damaged, is_whole(reader.folder)) == ((), 2)
        assert sorted(each.url.removeprefix(url + "/") for each in storage.list_files(url)) == [
            "checkpoint",
            "mirror.json",
            "model.ckpt-2.data",
            "model.ckpt-2.index",
            "model/saved",
        ]
        if reached_end:
            break
    assert failing > 8


def test_rounds_while_a_trainer_writes_are_always_whole(plain, tmp_path):
    mirror = mirror_of(tmp_path / "a", f"{plain}/out")
    over = threading.Event()

    def train():
        for step in range(2, 60):
            checkpoint(mirror.folder, step)
            time.sleep(random.uniform(0, 0.05))
        over.set()

    checkpoint(
        mirror.folder, 1
    )  # a round amid the very first one copies files without a `checkpoint`
    thread = threading.Thread(target=train)
    thread.start()
    rounds, steps = 0, []
    while not over.is_set():
        try:
            mirror.round()
        except StorageError:
            continue
        rounds += 1
        damaged, reader = brought_back(f"{plain}/out", tmp_path / f"b{rounds}")
        assert damaged == ()
        steps.append(is_whole(reader.folder))
    thread.join()
    mirror.round()
    steps.append(is_whole(brought_back(f"{plain}/out", tmp_path / "last")[1].folder))
    assert [step for step in steps if step] == sorted(step for step in steps if step)
    assert steps[-1] == 59


def test_a_later_run_on_the_same_machine_keeps_what_was_not_copied_yet(plain, tmp_path):
    mirror = mirror_of(tmp_path / "a", f"{plain}/out")
    checkpoint(mirror.folder, 1)
    mirror.round()
    checkpoint(mirror.folder, 2)  # and killed
    _, again = brought_back(f"{plain}/out", tmp_path / "a")
    assert is_whole(again.folder) == 2
    elsewhere = brought_back(f"{plain}/out", tmp_path / "b")[1]
    checkpoint(elsewhere.folder, 5)
    elsewhere.round()
    _, back = brought_back(f"{plain}/out", tmp_path / "a")
    assert is_whole(back.folder) == 5
    assert len(names(back.folder)) == 3


def test_an_object_that_is_damaged_in_the_store_is_named_and_left_out(plain, tmp_path, caplog):
    mirror = mirror_of(tmp_path / "a", f"{plain}/out")
    checkpoint(mirror.folder, 1)
    checkpoint(mirror.folder, 2, keep=2)
    mirror.round()
    storage.write_bytes(f"{plain}/out/model.ckpt-2.data", big("other"))
    with caplog.at_level(logging.WARNING):
        damaged, reader = brought_back(f"{plain}/out", tmp_path / "b")
    assert damaged == ("model.ckpt-2.data",)
    assert "model.ckpt-2.data" in caplog.text and "is left out" in caplog.text
    assert names(reader.folder) == [
        "checkpoint",
        "model.ckpt-1.data",
        "model.ckpt-1.index",
        "model.ckpt-2.index",
    ]


def test_a_byte_flipped_on_the_way_back_is_fetched_again(line, tmp_path):
    mirror = mirror_of(tmp_path / "a", f"{line.bucket}/out")
    checkpoint(mirror.folder, 1)
    mirror.round()
    line.add(line.Fault("flip", b"GET /", after=100_000, times=2))
    damaged, reader = brought_back(f"{line.bucket}/out", tmp_path / "b")
    assert (damaged, is_whole(reader.folder)) == ((), 1)


def test_files_without_a_manifest_are_not_trusted(plain, tmp_path, caplog):
    storage.write_bytes(f"{plain}/out/model.ckpt-9.data", b"half")
    with caplog.at_level(logging.WARNING):
        _, reader = brought_back(f"{plain}/out", tmp_path / "b")
    assert names(reader.folder) == []
    assert "holds files but no mirror.json, such as" in caplog.text
    storage.write_bytes(f"{plain}/out/mirror.json", b"{}")
    with pytest.raises(
        StorageError, match="expected the list of the files of a job, found something else"
    ):
        brought_back(f"{plain}/out", tmp_path / "b")


def test_what_a_job_writes_appears_meanwhile_and_at_the_end(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(mirrored_folder, "EVERY_S", 0.1)
    with mirrored(tmp_path, f"{plain}/out"):
        checkpoint(tmp_path, 1)
        end = time.monotonic() + 20
        while storage.size_of(f"{plain}/out/checkpoint") is None and time.monotonic() < end:
            time.sleep(0.05)
        assert storage.read_bytes(f"{plain}/out/checkpoint") == b"model.ckpt-1"
        checkpoint(tmp_path, 2)
    assert storage.read_bytes(f"{plain}/out/checkpoint") == b"model.ckpt-2"
    assert not storage.exists(f"{plain}/out/lease.json")


def test_an_error_of_the_job_still_copies_what_there_is(plain, tmp_path):
    with pytest.raises(KeyError), mirrored(tmp_path, f"{plain}/out"):
        checkpoint(tmp_path, 1)
        raise KeyError
    assert storage.read_bytes(f"{plain}/out/checkpoint") == b"model.ckpt-1"


def test_a_store_that_goes_away_is_warned_of_and_fails_the_job_only_at_the_end(
    line, tmp_path, platform, monkeypatch, caplog
):
    monkeypatch.setattr(mirrored_folder, "EVERY_S", 0.1)
    platform.setenv("S3_RETRY_SECONDS", "0.3")
    monkeypatch.setattr(lease, "EXPIRES_S", 0.5)
    monkeypatch.setattr(mirrored_folder, "BUDGET_OF_A_ROUND_S", 0.1)
    url = f"{line.bucket}/out"

    def lose():
        line.refuse = True
        line.cut_all()

    with (
        pytest.raises(
            StorageError, match=f"What this job made is kept in {tmp_path}/a: copy it from there"
        ) as caught,
        caplog.at_level(logging.WARNING),
    ):
        (tmp_path / "a").mkdir()
        with mirrored(tmp_path / "a", url):
            lose()
            checkpoint(tmp_path / "a", 1)
            time.sleep(0.6)
    assert caught.value.exit_code == 4
    assert "the job goes on, the next try is in" in caplog.text
    assert is_whole(tmp_path / "a") == 1
    line.refuse = False
    with mirrored(tmp_path / "a", url):
        assert is_whole(tmp_path / "a") == 1  # kept, and copied now
        lose()
        checkpoint(tmp_path / "a", 2)
        time.sleep(0.3)
        line.refuse = False  # a minute later it is back
    assert storage.read_bytes(f"{url}/checkpoint") == b"model.ckpt-2"


def test_the_second_of_two_jobs_on_one_place_is_refused(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "EXPIRES_S", 3.0)
    monkeypatch.setattr(lease, "_is_gone", lambda holder: False)  # as if on two machines
    monkeypatch.setattr(mirrored_folder, "EVERY_S", 0.3)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with mirrored(tmp_path / "a", f"{plain}/out"):
        checkpoint(tmp_path / "a", 1)
        with (
            pytest.raises(
                LeaseLostError,
                match="expected to be the only job that writes there, found process .* on .*; give "
                "another train_url",
            ),
            mirrored(tmp_path / "b", f"{plain}/out"),
        ):
            pass
    assert is_whole(brought_back(f"{plain}/out", tmp_path / "c")[1].folder) == 1


def test_a_lease_left_by_a_killed_job_is_taken_over(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "EXPIRES_S", 1.0)
    url = f"{plain}/out"
    gone = {"owner": "x", "host": os.uname().nodename, "pid": 2**22 + 1, "started": "boot 1"}
    storage.write_bytes(f"{url}/lease.json", json.dumps(gone).encode())
    started = time.monotonic()
    Lease(url).take()  # of this machine: no such process
    assert time.monotonic() - started < 0.9
    storage.write_bytes(f"{url}/lease.json", json.dumps({**gone, "host": "elsewhere"}).encode())
    started = time.monotonic()
    mine = Lease(url)
    mine.take()
    assert 1.0 <= time.monotonic() - started < 4
    storage.write_bytes(f"{url}/lease.json", json.dumps(gone).encode())
    with pytest.raises(LeaseLostError):
        mine.renew()
    mine.release()
    assert storage.exists(f"{url}/lease.json")


def test_of_two_that_begin_at_once_one_goes_on(plain, monkeypatch):
    monkeypatch.setattr(lease, "EXPIRES_S", 2.0)
    monkeypatch.setattr(lease, "_is_gone", lambda holder: False)
    results, leases = [], [Lease(f"{plain}/out") for _ in range(4)]

    def take(each):
        try:
            each.take()
            over = time.monotonic() + 4
            while time.monotonic() < over:
                each.renew()
                time.sleep(0.3)
            results.append("holds")
        except LeaseLostError:
            results.append("refused")

    threads = [threading.Thread(target=take, args=(each,)) for each in leases]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(results) == ["holds", "refused", "refused", "refused"]


def test_a_job_that_lost_its_place_copies_nothing_more(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(mirrored_folder, "EVERY_S", 0.1)
    with pytest.raises(StorageError, match="is kept in"), mirrored(tmp_path, f"{plain}/out"):
        storage.write_bytes(
            f"{plain}/out/lease.json",
            json.dumps({"owner": "other", "host": "elsewhere", "pid": 7}).encode(),
        )
        time.sleep(0.5)
        checkpoint(tmp_path, 1)
    assert not storage.exists(f"{plain}/out/checkpoint")
    assert is_whole(tmp_path) == 1


def test_the_scratch_of_a_job_is_found_again_after_a_failure_and_gone_after_a_success(tmp_path):
    with pytest.raises(KeyError), job_folder(tmp_path, "obs://b/out") as first:
        for name in ("inputs", "outputs", "work"):
            (first / name / "a").write_text(name)
        with job_folder(tmp_path, "obs://b/out") as meanwhile:
            assert meanwhile != first
        assert not meanwhile.exists()
        raise KeyError
    with (
        job_folder(tmp_path, "obs://b/out") as second,
        job_folder(tmp_path, "obs://b/other") as other,
    ):
        assert second == first and other != first
        assert names(second) == [".lock", "inputs/a", "outputs/a"]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError), job_folder(tmp_path, "obs://b/out"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_scratch_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(
            ResourceError, match="expected a writable folder for temporary files, found .* TMPDIR"
        ),
        job_folder(tmp_path / "file", "obs://b/out"),
    ):
        pass


def ceph(headers, content):
    """Ceph compares the ETag of an object with the header as it stands, quotes included."""
    tag = content and hashlib.md5(content).hexdigest()
    return headers.get("If-Match", tag) != tag or (
        "If-None-Match" in headers and content is not None
    )


@pytest.mark.parametrize("refuses", [ceph, lambda headers, content: "If-Match" in headers])
def test_a_lease_left_by_a_dead_job_is_taken_where_the_store_gets_conditions_wrong(
    store, monkeypatch, refuses
):
    """On Ceph a job that was killed never went on: its lease could not be replaced, and it asked again without end."""
    monkeypatch.setattr(lease, "_SETTLE_S", 0.01)
    store.condition_refuses = refuses
    dead = {
        "owner": "gone",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": "another boot",
    }
    store.objects["bucket", "out/lease.json"] = json.dumps(dead).encode()
    mine = lease.Lease("obs://bucket/out")
    mine.take()
    assert json.loads(store.objects["bucket", "out/lease.json"])["owner"] != "gone"
    mine.renew()
    with pytest.raises(lease.LeaseLostError, match="found process"):
        store.objects["bucket", "out/lease.json"] = json.dumps(dead).encode()
        mine.check()
