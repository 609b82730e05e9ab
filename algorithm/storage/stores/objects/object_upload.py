"""The copy of one local file to one object.

A large file goes in parts, few of them in memory, each one verified.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from algorithm.errors import StorageError
from algorithm.storage.file_info import Sent
from algorithm.storage.location import ObjectLocation, object_location
from algorithm.storage.retrying import patiently
from algorithm.storage.storage_errors import (
    DamagedError,
    InterruptedTransferError,
    told,
    translated,
)
from algorithm.storage.stores.objects import etag
from algorithm.storage.stores.objects.object_client import client
from algorithm.storage.stores.objects.object_store import PART_SIZE_NOTE, check_stored, write

PARTS_IN_FLIGHT = 3
_buffers = threading.BoundedSemaphore(
    8
)  # buffers of one part each, for all uploads of this process


def send(source: Path, place: ObjectLocation, budget: float | None = None) -> Sent:
    """Copy a file to an object.

    A file that grows meanwhile (a log) is sent up to the size it had.

    Args:
        source: The local file.
        place: The object.
        budget: Seconds to keep trying, None for the default.

    Returns:
        The size and digest of the bytes that were sent.

    Raises:
        DamagedError: The store keeps having other bytes.
        InterruptedTransferError: The file shrank.
        OSError: The file cannot be read.
        Exception: What the client raises.
    """
    size = source.stat().st_size
    if size > etag.PART:
        return _in_parts(source, size, place, budget)
    with _buffers, source.open("rb") as file:
        return write(str(place), file.read(size), budget)


def _in_parts(source: Path, size: int, place: ObjectLocation, budget: float | None) -> Sent:
    step = etag.part_size(size)
    where = {"Bucket": place.bucket, "Key": place.key}
    begun = patiently(
        lambda: told(
            client().create_multipart_upload(**where, Metadata={PART_SIZE_NOTE: str(step)}),
            "UploadId",
        ),
        f"write {place}",
        budget=budget,
    )
    where["UploadId"] = begun["UploadId"]
    try:
        digests, sha256 = _send_parts(source, size, step, where, budget)
        _finish(place, where, digests, size, budget)
    except BaseException:
        with suppress(ClientError, BotoCoreError):
            client().abort_multipart_upload(**where)
        raise
    return Sent(size, sha256)


def _send_parts(
    source: Path, size: int, step: int, where: dict[str, str], budget: float | None
) -> tuple[list[bytes], str]:
    whole, sending = hashlib.sha256(), []
    with ThreadPoolExecutor(PARTS_IN_FLIGHT) as pool:
        for number, content in enumerate(_read_parts(source, size, step), 1):
            whole.update(content)
            sending.append(pool.submit(_send_part, where, number, content, budget))
            sending[-1].add_done_callback(_release)
            del content
            if any(each.done() and each.exception() for each in sending[-PARTS_IN_FLIGHT * 4 :]):
                break
        return [each.result() for each in sending], whole.hexdigest()


def _release(_: Future[bytes]) -> None:
    _buffers.release()


def _read_parts(source: Path, size: int, step: int) -> Iterator[bytes]:
    """Yield the parts, one at a time.

    A buffer is taken for each, and given back when it was sent.
    """
    with source.open("rb") as file:
        for start in range(0, size, step):
            _buffers.acquire()
            content = file.read(min(step, size - start))
            if len(content) != min(step, size - start):
                _buffers.release()
                raise InterruptedTransferError(
                    f"{source}: expected {size} bytes, found fewer; it was changed while it was "
                    "sent"
                )
            yield content
            del content


def _send_part(where: dict[str, str], number: int, content: bytes, budget: float | None) -> bytes:
    digest = hashlib.md5(content)

    def put() -> None:
        answer = client().upload_part(
            **where,
            PartNumber=number,
            Body=content,
            ContentMD5=base64.b64encode(digest.digest()).decode(),
        )
        if (
            etag.says_md5(told(answer, "ETag")["ETag"])
            and etag.clean(answer["ETag"]) != digest.hexdigest()
        ):
            raise DamagedError(
                f"part {number} of {where['Bucket']}/{where['Key']} arrived with another MD5; run "
                "this again"
            )

    patiently(put, f"write part {number} of {where['Bucket']}/{where['Key']}", budget=budget)
    return digest.digest()


def _finish(
    place: ObjectLocation,
    where: dict[str, str],
    digests: list[bytes],
    size: int,
    budget: float | None,
) -> None:
    expected = etag.of_parts(digests)
    parts = [
        {"PartNumber": number, "ETag": f'"{digest.hex()}"'}
        for number, digest in enumerate(digests, 1)
    ]

    def complete() -> None:
        try:
            answer: dict[str, Any] = client().complete_multipart_upload(
                **where, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            # An earlier try may have succeeded although its answer was lost.
            answer = client().head_object(Bucket=place.bucket, Key=place.key)
            if etag.clean(told(answer, "ETag")["ETag"]) != expected:
                raise error from None
        found = etag.clean(told(answer, "ETag")["ETag"])
        if found.endswith(f"-{len(digests)}") and found != expected:
            raise StorageError(
                f"expected ETag {expected} at {place} after the copy, found {found}; run this again"
            )
        check_stored(place, found, expected, size)

    patiently(complete, f"write {place}", budget=budget)


def abort_stale_uploads(url: str) -> int:
    """Abort the multipart uploads inside a folder that a killed process left unfinished.

    Call it only for a folder that no one else writes to.

    Args:
        url: The folder.

    Returns:
        How many there were.

    Raises:
        StorageError: The store does not do it.
    """
    place = object_location(url)
    with translated("list the unfinished uploads of", place):
        found = patiently(
            lambda: client().list_multipart_uploads(Bucket=place.bucket, Prefix=place.prefix),
            f"list the unfinished uploads of {place}",
        )
        stale = found.get("Uploads") or []
        for each in stale:
            client().abort_multipart_upload(
                Bucket=place.bucket, Key=each["Key"], UploadId=each["UploadId"]
            )
    return len(stale)
