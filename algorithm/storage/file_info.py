"""What a store tells of one file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileInfo:
    """What a store tells of one file or object.

    Attributes:
        url: Where it is.
        size: Bytes.
        modified: Seconds since 1970.
        tag: Its ETag, "" where the store has none.
        part: Bytes in each part of a multipart object where that is known, else 0.
    """

    url: str
    size: int
    modified: float
    tag: str = ""
    part: int = 0


@dataclass(frozen=True)
class Sent:
    """The bytes that were really sent in an upload.

    Attributes:
        size: How many.
        sha256: Their SHA-256 in hex.
    """

    size: int
    sha256: str
