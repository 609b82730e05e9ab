from pathlib import Path

import pytest

from algorithm.errors import StorageError
from algorithm.storage import (
    is_remote,
    list_files,
    local_path,
    stage_in,
    store_name,
    write_bytes,
)
from algorithm.storage.location import inside, object_location


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("obs://b/k", True), ("s3://b/k", True), ("OBS://b/k", True), ("gs://b/k", True), ("/a/b", False),
        ("a/b", False), ("", False), ("file:///a/b", False), ("obs:/b", False),
    ],
)  # fmt: skip
def test_is_remote(url, expected):
    assert is_remote(url) is expected


def test_local_path():
    assert local_path("/a/b c") == Path("/a/b c")
    assert local_path("file:///a/b%20c") == Path("/a/b c")


def test_each_scheme_has_its_store():
    assert store_name("a/b") == store_name("file:///a/b") == "stores.local_store"
    assert store_name("OBS://b/k") == store_name("s3://b/k") == "stores.objects.object_store"
    assert store_name("gs://b/k") == store_name("hdfs://host/k") == "stores.tensor_store"


def test_an_unknown_scheme_is_neither_a_store_nor_a_relative_path():
    assert is_remote("oss://bucket/key")
    with pytest.raises(StorageError, match="one of obs://, s3://, gs://.*found 'oss://bucket/key'"):
        store_name("oss://bucket/key")


def test_object_location():
    place = object_location("obs://bucket/数据/a b.jpg")
    assert (place.bucket, place.key, str(place)) == (
        "bucket",
        "数据/a b.jpg",
        "obs://bucket/数据/a b.jpg",
    )
    assert object_location("s3://bucket").prefix == ""
    assert (
        object_location("s3://bucket/x").prefix == object_location("s3://bucket/x/").prefix == "x/"
    )


@pytest.mark.parametrize("url", ["gs://bucket/key", "hdfs://host/key"])
def test_another_store_has_no_bucket_and_key(url):
    with pytest.raises(StorageError, match=f"expected an obs:// or s3:// URL, found '{url}'"):
        object_location(url)


def test_a_url_without_a_bucket():
    with pytest.raises(StorageError, match="without a bucket"):
        object_location("obs:///key")


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd"])
def test_a_key_cannot_leave_its_folder(tmp_path, key):
    with pytest.raises(StorageError, match="stays in its folder"):
        inside(tmp_path, key)


def test_buckets_can_be_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("OBS_ROOT", str(tmp_path))
    for scheme in ("obs", "s3", "OBS"):
        url = f"{scheme}://bucket/数据/a b.txt"
        assert not is_remote(url)
        assert store_name(url) == "stores.local_store"
        assert local_path(url) == tmp_path / "bucket" / "数据" / "a b.txt"
    write_bytes("obs://bucket/folder/file", b"content")
    assert (tmp_path / "bucket" / "folder" / "file").read_bytes() == b"content"
    assert [each.url for each in list_files("obs://bucket/")] == ["obs://bucket/folder/file"]
    assert stage_in("s3://bucket/folder/", tmp_path / "scratch") == tmp_path / "bucket" / "folder"
    assert is_remote("gs://bucket/key")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("obs://bucket/../../etc", "stays in its folder"),
        ("obs:///etc/passwd", "stays in its folder"),
        ("obs://", "without a bucket"),
    ],
)
def test_no_address_leads_out_of_the_folder_of_buckets(tmp_path, monkeypatch, url, message):
    monkeypatch.setenv("OBS_ROOT", str(tmp_path))
    with pytest.raises(StorageError, match=message):
        local_path(url)
