"""The copy of one object to one local file.

It is resumed after a break, verified, and there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import closing
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from algorithm.storage.atomic_files import beside, discard
from algorithm.storage.file_info import FileInfo
from algorithm.storage.location import ObjectLocation
from algorithm.storage.retrying import patiently
from algorithm.storage.storage_errors import DamagedError, InterruptedTransferError, of_file
from algorithm.storage.stores.objects import etag
from algorithm.storage.stores.objects.object_client import client
from algorithm.storage.stores.objects.object_store import info_of

_CHUNK = 1 << 20
_WORTH_RESUMING = 4 << 20
_CHANGED = ("PreconditionFailed", "412", "InvalidRange", "416")
_log = logging.getLogger(__name__)


def fetch(
    place: ObjectLocation, target: Path, sha256: str = "", budget: float | None = None
) -> FileInfo:
    """Copy an object to a local file.

    A download that broke off goes on where it ended, now or in a later call, as long as the object
    is the same version. The size and the ETag are checked; damaged bytes are fetched anew. The
    bytes are left to the system to put on the disk: they are in the store, too.

    Args:
        place: The object.
        target: The local file.
        sha256: The object's SHA-256 in hex, checked where it is given.
        budget: Seconds to keep trying, None for the default.

    Returns:
        What the store told of the object.

    Raises:
        DamagedError: The bytes differ from what the store or `sha256` says.
        ResourceError: The disk is full.
        Exception: What the client raises.
    """
    part = beside(target)
    needed = [0]

    def attempt() -> FileInfo:
        found = _complete(place, part, needed)
        _verify(place, part, found, sha256)
        return found

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        found = patiently(attempt, f"read {place}", budget=budget, progress=lambda: _size(part))
        part.replace(target)
        _state(part).unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None:  # it is one of ours or the client's, not the file system's
            raise
        _forget(part)
        raise of_file(error, str(target), "write", needed[0]) from error
    finally:
        if not _state(part).exists():  # it is too small to be worth going on with
            discard(part)
    return found


def _complete(place: ObjectLocation, part: Path, needed: list[int]) -> FileInfo:
    """Try once to bring the part file to its full size."""
    known = _known(place, part)
    have = _size(part) if known else 0
    resumed = known if have else None
    if known and have == known.size:
        return known
    where = {"Bucket": place.bucket, "Key": place.key}
    try:
        answer = client().get_object(
            **where,
            **({"Range": f"bytes={have}-", "IfMatch": f'"{resumed.tag}"'} if resumed else {}),
        )
    except ClientError as error:
        if have and error.response["Error"]["Code"] in _CHANGED:
            _forget(part)
            raise InterruptedTransferError(f"{place} was replaced while it was read") from error
        raise
    with closing(
        answer["Body"]
    ) as body:  # used as a context manager itself, it would give the unchecked stream
        if have and not answer.get("ContentRange", "").startswith(f"bytes {have}-"):
            _forget(part)
            raise InterruptedTransferError(f"{place} was not sent from byte {have} on")
        found = resumed or info_of(place, answer)
        needed[0] = found.size
        _append(body, part, found, fresh=not have)
    if _size(part) != found.size:
        raise InterruptedTransferError(
            f"expected {found.size} bytes of {place}, found {_size(part)}"
        )
    return found


def _append(body: Any, part: Path, found: FileInfo, fresh: bool) -> None:
    with part.open("wb" if fresh else "ab", buffering=0) as file:
        if fresh and found.size >= _WORTH_RESUMING:
            _state(part).write_text(json.dumps(vars(found)), encoding="utf-8")
        while chunk := body.read(_CHUNK):
            left = memoryview(chunk)
            while left:  # a raw file may take less than it was given
                left = left[file.write(left) :]


def _verify(place: ObjectLocation, part: Path, found: FileInfo, sha256: str) -> None:
    step = found.part
    if "-" in found.tag and not step:
        step = _part_size_told(place, found)
    same = etag.matches(part, found.tag, step)
    if same is None:
        _log.debug("%s: its ETag '%s' cannot be checked; only its size was", place, found.tag)
    if same is not False and sha256:
        with part.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
    if same is False:
        _forget(part)
        expected = f"SHA-256 {sha256}" if sha256 else f"ETag {found.tag}"
        raise DamagedError(
            f"expected bytes with {expected} from {place}, found others, again and again; they "
            "were removed. Check the network, or put the object there anew"
        )


def _part_size_told(place: ObjectLocation, found: FileInfo) -> int:
    """Return the bytes in the first part of a multipart object, 0 where the store does not tell."""
    try:
        answer = client().head_object(
            Bucket=place.bucket, Key=place.key, PartNumber=1, IfMatch=f'"{found.tag}"'
        )
    except ClientError:
        return 0
    return answer["ContentLength"] if answer.get("PartsCount") else 0


def _known(place: ObjectLocation, part: Path) -> FileInfo | None:
    """Return which version the bytes in the part file are of.

    It is None when there are none, or when they are of something else.
    """
    try:
        found = FileInfo(**json.loads(_state(part).read_text(encoding="utf-8")))
        return found if found.url == str(place) and 0 < _size(part) <= found.size else None
    except (OSError, ValueError, TypeError):
        return None


def _state(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _forget(part: Path) -> None:
    discard(part)
    discard(_state(part))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
