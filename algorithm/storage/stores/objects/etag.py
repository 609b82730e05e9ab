"""Checksums of objects: what a store's ETag says of the bytes, and whether a local file has them.

An object that came in one part has the MD5 of its bytes as its ETag; one of N parts has the MD5 of
the parts' MD5s, then "-N". Both hold for S3, OBS, Ceph and SeaweedFS unless the store encrypts with
a key of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

MIB = 1 << 20
PART = 8 * MIB
MOST_PARTS = 10_000
_TAG = re.compile(r"([0-9a-f]{32})(?:-([1-9][0-9]*))?")
_FOREIGN_PARTS = tuple(
    size * MIB
    for size in (5, 6, 8, 9, 10, 12, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 500, 512, 1024)
)


def part_size(size: int) -> int:
    """Return the bytes in a part of an upload.

    Args:
        size: Bytes of the whole upload.

    Returns:
        8 MiB, and more where that would give over 10,000 parts.
    """
    return max(PART, -(-size // MOST_PARTS // MIB) * MIB)


def clean(tag: str) -> str:
    """Return an ETag without its quotes, in small letters."""
    return tag.strip().strip('"').lower()


def says_md5(tag: str) -> bool:
    """Return whether the ETag is the MD5 of an object of one part."""
    match = _TAG.fullmatch(clean(tag))
    return match is not None and match[2] is None


def of_parts(digests: Iterable[bytes]) -> str:
    """Return the ETag of an object whose parts have these MD5 digests."""
    digests = list(digests)
    return f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def matches(path: Path, tag: str, part: int = 0) -> bool | None:
    """Return whether a local file has the bytes that an ETag stands for.

    Args:
        path: The local file.
        tag: The ETag.
        part: Bytes in each part but the last where the store tells, else 0: then the usual sizes
            are tried.

    Returns:
        True or False; None where that cannot be known.
    """
    match = _TAG.fullmatch(clean(tag))
    if match is None:
        return None
    if match[2] is None:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest() == match[1]
    size, count = path.stat().st_size, int(match[2])
    fitting = [
        step
        for step in ((part,) if part else _usual(size, count))
        if max(1, -(-size // step)) == count
    ]
    if any(of_parts(_digests(path, step)) == match[0] for step in fitting):
        return True
    return False if part else None


def _usual(size: int, count: int) -> list[int]:
    even = -(-size // count // MIB) * MIB
    return sorted({part_size(size), *_FOREIGN_PARTS, *((even,) if even else ())})


def _digests(path: Path, step: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while True:
            left, digest = step, hashlib.md5()
            while left and (chunk := file.read(min(left, MIB))):
                digest.update(chunk)
                left -= len(chunk)
            if left == step:
                return
            yield digest.digest()
            if left:
                return
