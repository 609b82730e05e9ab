"""Objects of an S3-compatible store (OBS, S3): look, list, read, write, remove.

Every request is tried patiently.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from algorithm.storage.file_info import FileInfo, Sent
from algorithm.storage.location import ObjectLocation, object_location
from algorithm.storage.retrying import patiently
from algorithm.storage.storage_errors import (
    DamagedError,
    InterruptedTransferError,
    MissingError,
    is_absent,
    told,
    translated,
)
from algorithm.storage.stores.objects import etag
from algorithm.storage.stores.objects.object_client import client

T = TypeVar("T")
PART_SIZE_NOTE = (
    "part-size"  # user metadata that lets a reader recompute the ETag of a multipart object
)


def _try(
    verb: str, place: ObjectLocation, action: Callable[[], T], budget: float | None = None
) -> T:
    with translated(verb, place):
        return patiently(action, f"{verb} {place}", budget=budget)


def info(url: str) -> FileInfo | None:
    """Return what the store tells of an object, or None when there is no such object.

    Raises:
        StorageError: The store does not tell.
    """
    place = object_location(url)

    def look() -> FileInfo | None:
        try:
            return info_of(place, client().head_object(Bucket=place.bucket, Key=place.key))
        except ClientError as error:
            if is_absent(error):
                return None
            raise

    return _try("look at", place, look) if place.key else None


def info_of(place: ObjectLocation, answer: dict[str, Any]) -> FileInfo:
    """Return the same from the answer to a HEAD or GET request of the whole object."""
    told(answer, "ContentLength", "LastModified", "ETag")
    note = answer.get("Metadata", {}).get(PART_SIZE_NOTE, "")
    return FileInfo(
        str(place),
        answer["ContentLength"],
        answer["LastModified"].timestamp(),
        etag.clean(answer["ETag"]),
        int(note) if note.isdigit() else 0,
    )


def files(url: str) -> Iterator[FileInfo]:
    """Yield every object inside a folder, page by page in the order of keys.

    The markers of folders are left out.
    """
    place = object_location(url)
    for page in _pages(place, {}):
        for entry in page.get("Contents", ()):
            if not entry["Key"].endswith("/"):
                found = ObjectLocation(place.scheme, place.bucket, entry["Key"])
                yield FileInfo(
                    str(found),
                    entry["Size"],
                    entry["LastModified"].timestamp(),
                    etag.clean(entry["ETag"]),
                )


def children(url: str) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files directly inside a folder, each sorted."""
    place = object_location(url)
    folders, names = [], []
    for page in _pages(place, {"Delimiter": "/"}):
        folders += [
            each["Prefix"][len(place.prefix) : -1] for each in page.get("CommonPrefixes", ())
        ]
        names += [entry["Key"][len(place.prefix) :] for entry in page.get("Contents", ())]
    return sorted(folders), sorted(name for name in names if name)


def has_inside(url: str) -> bool:
    """Return whether a folder holds anything, its own marker included."""
    place = object_location(url)
    return bool(next(_pages(place, {"MaxKeys": 1})).get("Contents"))


def _pages(place: ObjectLocation, more: dict[str, Any]) -> Iterator[dict[str, Any]]:
    arguments = {"Bucket": place.bucket, "Prefix": place.prefix, **more}
    while True:
        page = _try(
            "list", place, lambda: told(client().list_objects_v2(**arguments), "IsTruncated")
        )
        yield page
        if not page.get("IsTruncated"):
            return
        arguments["ContinuationToken"] = page["NextContinuationToken"]


def read(url: str) -> bytes:
    """Return the content of an object, checked against its ETag.

    Raises:
        StorageError: It cannot be had.
    """
    return read_with_info(url)[0]


def read_with_info(url: str) -> tuple[bytes, FileInfo]:
    """Return the content of an object and what the store tells of it, both of the same version.

    Raises:
        StorageError: The store does not give them.
    """
    place = object_location(url)

    def fetch() -> tuple[bytes, FileInfo]:
        answer = client().get_object(Bucket=place.bucket, Key=place.key)
        with closing(
            answer["Body"]
        ) as body:  # used as a context manager itself, it would give the unchecked stream
            content = body.read()
        found = info_of(place, answer)
        if len(content) != found.size:
            raise InterruptedTransferError(
                f"expected {found.size} bytes of {place}, found {len(content)}"
            )
        if etag.says_md5(found.tag) and hashlib.md5(content).hexdigest() != found.tag:
            raise DamagedError(
                f"expected MD5 {found.tag} of {place}, found other bytes; check the network, run "
                "this again"
            )
        return content, found

    return _try("read", place, fetch)


def write(url: str, content: bytes, budget: float | None = None, **conditions: str) -> Sent:
    """Put an object, and check what the store says it has.

    Args:
        url: The object.
        content: Its bytes.
        budget: Seconds to keep trying, None for the default.
        **conditions: IfMatch or IfNoneMatch.

    Returns:
        What was sent.

    Raises:
        StorageError: It was not written.
    """
    place = object_location(url)
    digest = hashlib.md5(content)

    def put() -> None:
        answer = client().put_object(
            Bucket=place.bucket,
            Key=place.key,
            Body=content,
            ContentMD5=base64.b64encode(digest.digest()).decode(),
            **conditions,
        )
        check_stored(place, told(answer, "ETag")["ETag"], digest.hexdigest(), len(content))

    _try("write", place, put, budget)
    return Sent(len(content), hashlib.sha256(content).hexdigest())


def check_stored(place: ObjectLocation, found: str, expected: str, size: int) -> None:
    """Check that the store has what was sent.

    Its ETag tells, or the size where the ETag is no checksum.

    Args:
        place: The object.
        found: The ETag that the store gives.
        expected: The ETag of the bytes that were sent.
        size: Their number.

    Raises:
        DamagedError: The store has something else.
    """
    found = etag.clean(found)
    if found == expected:
        return
    if etag.says_md5(found) and etag.says_md5(expected):
        raise DamagedError(
            f"expected MD5 {expected} at {place} after the copy, found {found}; run this again"
        )
    stored = told(client().head_object(Bucket=place.bucket, Key=place.key), "ContentLength")[
        "ContentLength"
    ]
    if stored != size:
        raise DamagedError(
            f"expected {size} bytes at {place} after the copy, found {stored}; run this again"
        )


def download(url: str, target: Path, *, sha256: str = "", budget: float | None = None) -> FileInfo:
    """Copy an object to a local file: whole and verified, or not at all.

    Args:
        url: The object.
        target: The local file.
        sha256: The object's SHA-256 in hex, "" for unknown.
        budget: Seconds to keep trying, None for the default.

    Returns:
        What the store told of the object.

    Raises:
        StorageError: See object_download.fetch.
    """
    from algorithm.storage.stores.objects.object_download import fetch

    place = object_location(url)
    with translated("read", place):
        return fetch(place, target, sha256, budget)


def upload(source: Path, url: str, budget: float | None = None) -> Sent:
    """Copy a local file to an object, verified.

    Args:
        source: The local file.
        url: The object.
        budget: Seconds to keep trying, None for the default.

    Returns:
        The size and digest of the bytes that were sent.

    Raises:
        StorageError: See object_upload.send.
    """
    from algorithm.storage.stores.objects.object_upload import send

    place = object_location(url)
    with translated("write", place):
        return send(source, place, budget)


def remove(url: str, budget: float | None = None) -> None:
    """Remove one object, if there is one.

    It is one request for each object: the request for many at once needs a Content-MD5 on OBS that
    boto3 does not send.

    Raises:
        StorageError: It cannot be removed.
    """
    place = object_location(url)
    try:
        _try(
            "remove",
            place,
            lambda: client().delete_object(Bucket=place.bucket, Key=place.key),
            budget,
        )
    except MissingError as error:
        if "NoSuchBucket" in str(error):
            raise


def prune(url: str) -> None:
    """Remove the markers of folders inside a folder, objects whose key ends with a slash."""
    place = object_location(url)
    for page in _pages(place, {}):
        for entry in page.get("Contents", ()):
            if entry["Key"].endswith("/"):
                remove(str(ObjectLocation(place.scheme, place.bucket, entry["Key"])))
