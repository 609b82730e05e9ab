"""What a store tells of one file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileInfo:
    """A file or object. size: bytes. modified: seconds since 1970. tag: its ETag, "" where the
    store has none.

    part: bytes in each part of a multipart object where that is known, else 0.
    """

    url: str
    size: int
    modified: float
    tag: str = ""
    part: int = 0


@dataclass(frozen=True)
class Sent:
    """The bytes that were really sent in an upload: how many, and their SHA-256 in hex."""

    size: int
    sha256: str
