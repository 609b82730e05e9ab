import resource
import socket
import threading
import time

import pytest

from algorithm.errors import StorageError
from algorithm.storage import (
    list_files,
    remove,
    stage_files,
    stage_in,
    stage_out,
    staging,
    sync,
)
from algorithm.storage.stores.objects import object_client, object_store


def test_local_places_pass_through(tmp_path):
    assert stage_in(str(tmp_path), tmp_path / "scratch") == tmp_path
    stage_out(tmp_path, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_local_folders_are_copied_whole(tmp_path):
    (tmp_path / "from" / "sub").mkdir(parents=True)
    (tmp_path / "from" / "sub" / "模型.pb").write_bytes(b"abc")
    stage_out(tmp_path / "from", str(tmp_path / "to"))
    assert [path.name for path in (tmp_path / "to").rglob("*") if path.is_file()] == ["模型.pb"]
    remove(str(tmp_path / "to" / "sub" / "模型.pb"))
    remove(str(tmp_path / "to" / "sub" / "模型.pb"))
    assert list((tmp_path / "to" / "sub").iterdir()) == []


def test_a_local_place_that_cannot_be_written(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a").write_text("x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="expected to write .*file"):
        stage_out(tmp_path / "from", str(tmp_path / "file"))


def test_a_folder_goes_out_and_comes_back(store, tmp_path):
    contents = {"a.jpg": b"1", "数据/b c.xml": b"22", "empty": b""}
    for name, content in contents.items():
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    stage_out(tmp_path / "from", "obs://bucket/some/place")
    assert store.objects == {
        ("bucket", f"some/place/{name}"): content for name, content in contents.items()
    }
    found = stage_in("s3://bucket/some/place/", tmp_path / "scratch")
    assert {
        str(path.relative_to(found)): path.read_bytes()
        for path in found.rglob("*")
        if path.is_file()
    } == contents


def test_one_object_and_paging_and_folder_markers(store, tmp_path):
    store.page = 2
    store.objects |= {("bucket", f"d/{i}"): bytes([i]) for i in range(5)}
    store.objects |= {("bucket", "d/"): b"", ("bucket", "dx"): b"9"}
    assert stage_in("obs://bucket/d/3", tmp_path).read_bytes() == b"\x03"
    folder = stage_in("obs://bucket/d", tmp_path / "all")
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1", "2", "3", "4"]


def test_named_files(store, tmp_path):
    store.objects[("bucket", "a")] = b"1"
    found = stage_files(["obs://bucket/a", "/local/b", "obs://bucket/a"], tmp_path)
    assert set(found) == {"obs://bucket/a", "/local/b"}
    assert (found["obs://bucket/a"].read_bytes(), str(found["/local/b"])) == (b"1", "/local/b")


def test_files_that_are_there_already_are_compared_by_a_list_and_not_asked_for_one_by_one(
    store, tmp_path
):
    names = [f"set/{number:03d}" for number in range(60)]
    store.objects |= {("bucket", name): name.encode() for name in names} | {
        ("bucket", f"few/{i}"): b"x" for i in range(3)
    }
    urls = [f"obs://bucket/{name}" for name in (*names, "few/0", "few/1", "few/2")]
    stage_files(urls, tmp_path)
    assert [method for method, _, _ in store.requests] == ["GET"] * 63
    store.objects["bucket", "set/007"] = b"changed"
    store.objects["bucket", "few/1"] = b"y"
    store.requests.clear()
    found = stage_files(urls, tmp_path)
    assert (
        found["obs://bucket/set/007"].read_bytes() == b"changed"
        and found["obs://bucket/few/1"].read_bytes() == b"y"
    )
    asked = [(method, path.partition("?")[0]) for method, path, _ in store.requests]
    assert [each for each in asked if each[0] == "GET" and each[1] != "/bucket"] == [
        ("GET", "/bucket/set/007"),
        ("GET", "/bucket/few/1"),
    ]
    assert sorted(path for method, path in asked if method == "HEAD") == [
        f"/bucket/few/{i}" for i in range(3)
    ]
    assert len(asked) == 6


def test_the_folder_of_a_few_files_is_not_listed_to_its_end(store, tmp_path):
    store.page = 100
    store.objects |= {("bucket", f"set/{number:05d}"): b"x" for number in range(5000)}
    urls = [f"obs://bucket/set/{number:05d}" for number in range(0, 5000, 200)]
    stage_files(urls, tmp_path)
    store.requests.clear()
    assert set(stage_files(urls, tmp_path)) == set(urls)
    methods = [method for method, _, _ in store.requests]
    assert (methods.count("GET"), methods.count("HEAD")) == (
        3,
        23,
    )  # three pages of 100 hold two of the 25


def test_nothing_there(store, tmp_path):
    with pytest.raises(StorageError, match="found nothing"):
        stage_in("obs://bucket/absent", tmp_path)
    with pytest.raises(StorageError, match="'absent' in bucket 'bucket'.*no such object"):
        stage_files(["obs://bucket/absent"], tmp_path)


def test_removing(store):
    store.objects[("bucket", "a")] = b"1"
    remove("obs://bucket/a")
    assert store.objects == {}


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "SignatureDoesNotMatch", "secret key does not fit"),
        (403, "InvalidAccessKeyId", "access key is not known"),
        (403, "AccessDenied", "ask the owner"),
        (404, "NoSuchBucket", "no such bucket"),
        (403, "RequestTimeTooSkewed", "clock of this machine is wrong"),
        (400, "ExpiredToken", "temporary credentials have expired"),
        (400, "SomethingElse", "as it is"),
    ],
)
def test_a_refusal_is_one_request_and_names_bucket_key_and_fix(
    store, tmp_path, status, code, words
):
    store.refusal = (status, code)
    with pytest.raises(StorageError) as caught:
        list(object_store.files("obs://bucket/key"))
    message = str(caught.value)
    assert caught.value.exit_code == 4
    assert all(word in message for word in ("'bucket'", "'key'", code, words))
    assert "never-shown" not in message
    assert len(store.requests) == 1


def test_a_refused_head_has_no_code_but_still_words(store, tmp_path):
    store.refusal = (403, "unused")
    with pytest.raises(StorageError, match="refused these credentials"):
        stage_in("obs://bucket/key", tmp_path)
    assert len(store.requests) == 1


def test_no_trailing_checksums_are_sent(store, tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    stage_out(tmp_path, "obs://bucket")
    headers = next(headers for method, _, headers in store.requests if method == "PUT")
    assert "aws-chunked" not in headers.get("Content-Encoding", "")
    assert not [
        name
        for name in headers
        if name.lower().startswith("x-amz-checksum") or name == "X-Amz-Trailer"
    ]


def test_a_transfer_of_another_size_is_an_error_and_leaves_nothing(store, tmp_path, monkeypatch):
    monkeypatch.setenv("S3_RETRY_SECONDS", "0.2")
    store.objects[("bucket", "a")] = b"12"
    store.lies_about_size = True
    with pytest.raises(StorageError):
        stage_in("obs://bucket/a", tmp_path / "scratch")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    (tmp_path / "a").write_bytes(b"12")
    with pytest.raises(StorageError, match="expected 2 bytes .* found 3"):
        stage_out(tmp_path, "obs://bucket")


def test_no_store_at_the_endpoint(store, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("S3_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("S3_RETRY_SECONDS", "0.1")
    with pytest.raises(StorageError, match="Check S3_ENDPOINT and the network"):
        stage_in("obs://bucket/a", tmp_path)


@pytest.mark.parametrize(
    ("endpoint", "path_style", "region"),
    [
        ("https://obs.cn-north-4.myhuaweicloud.com", False, "cn-north-4"),
        ("https://10.0.0.1:9000", True, "us-east-1"),
        ("http://localhost:9000", True, "us-east-1"),
        ("http://[::1]:9000", True, "us-east-1"),
        (None, False, "us-east-1"),
    ],
)
def test_endpoints(endpoint, path_style, region):
    assert object_client.needs_path_style(endpoint) is path_style
    assert object_client.region_of(endpoint) == region


def test_what_is_in_scratch_already_is_not_fetched_again(store, tmp_path):
    store.objects |= {("bucket", f"数据/{i}.jpg"): bytes([i]) * 100 for i in range(5)}
    urls = [f"obs://bucket/数据/{i}.jpg" for i in range(5)]
    stage_files(urls, tmp_path)
    store.requests.clear()
    store.objects["bucket", "数据/2.jpg"] = b"2" * 100  # replaced by as many bytes
    (tmp_path / "bucket/数据/3.jpg").write_bytes(b"half")
    found = stage_files(urls, tmp_path)
    assert sorted(method for method, *_ in store.requests) == ["GET", "GET", *["HEAD"] * 5]
    assert [found[url].read_bytes() for url in urls] == [
        store.objects["bucket", f"数据/{i}.jpg"] for i in range(5)
    ]
    store.requests.clear()
    assert stage_in("obs://bucket/数据", tmp_path) == tmp_path / "bucket/数据"
    assert [method for method, *_ in store.requests] == [
        "HEAD",
        "GET",
    ]  # no such object; the listing tells the checksums


def test_what_a_list_names_is_fetched_many_at_a_time(store, tmp_path, monkeypatch):
    """Addresses beside a remote list come from there; those of a list on the disk, and those that lead out, are not looked for."""
    store.objects |= {("b", f"data/图 {i}+.jpg"): b"%d" % i for i in range(20)} | {
        ("other", "x.xml"): b"x",
        ("b", "data/set.manifest"): b"",
    }
    at_once, most, lock = 0, 0, threading.Lock()
    real = staging.bring_file

    def counting(*arguments):
        nonlocal at_once, most
        with lock:
            at_once, most = at_once + 1, max(most, at_once + 1)
        time.sleep(0.05)
        real(*arguments)
        with lock:
            at_once -= 1

    monkeypatch.setattr(staging, "bring_file", counting)
    stage_in("obs://b/data/set.manifest", tmp_path)
    names = [f"./图 {i}+.jpg" for i in range(20)]
    staged = staging.stager("obs://b/data/set.manifest", tmp_path)(
        [*names, "obs://other/x.xml", "../out.jpg", "/etc/passwd"]
    )
    assert {name: path.read_bytes() for name, path in staged.items()} == {
        **{name: b"%d" % i for i, name in enumerate(names)},
        "obs://other/x.xml": b"x",
    }
    assert staged[names[0]] == tmp_path / "b/data/图 0+.jpg"
    assert most > 4
    assert staging.stager(str(tmp_path / "set.manifest"), tmp_path)(["a.jpg"]) == {}


@pytest.mark.slow
def test_a_hundred_thousand_objects_are_listed_in_little_memory(store):
    store.objects |= {("bucket", f"many/{i:06d}"): b"" for i in range(100_000)}
    store.listed = sorted(key for _, key in store.objects)
    found = list_files("obs://bucket/many")
    next(found)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in found) == 99_999
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 << 10


def test_what_is_being_written_is_not_copied(tmp_path):
    """A checkpoint is written into a folder .NAME.part first: a copy of outputs left it behind for good."""
    for name in ("a.txt", ".b.txt.part", ".model.ckpt-3.part/index", "sub/.c.part/d", "sub/e"):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_text(name)
    sync(str(tmp_path / "from"), str(tmp_path / "to"))
    copied = [each.relative_to(tmp_path / "to") for each in (tmp_path / "to").rglob("*")]
    assert sorted(map(str, copied)) == ["a.txt", "sub", "sub/e"]
