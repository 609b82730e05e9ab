"""Which files are TFRecords, and whether all shards are there. Imports no TensorFlow."""

from __future__ import annotations

import glob
import re
import struct
import tempfile
from pathlib import Path, PurePosixPath

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.errors import DataError

NAMED = (".record", ".records", ".tfrecord", ".tfrecords")
SHARD = re.compile(r"-\d{5}-of-(\d{5})(?=$|\.)")
LAST_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
MASK_DELTA = 0xA282EAD8
POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected


def record_files(contents: FolderContents) -> list[str]:
    """Return names of TFRecord files, told by content; only names that look like it are opened."""
    return [name for name in _likely(contents) if is_record_file(contents.path(name))]


def damaged_files(contents: FolderContents) -> list[str]:
    """Return files that are called TFRecords and do not begin as one, such as empty ones."""
    return [
        name
        for name in _likely(contents)
        if (name.lower().endswith(NAMED) or LAST_SHARD.search(name))
        and not is_record_file(contents.path(name))
    ]


def _likely(contents: FolderContents) -> list[str]:
    return sorted(
        name
        for suffix in contents.suffixes
        if suffix not in (*PICTURE_SUFFIXES, ".txt", ".xml", ".json")
        for name in contents.files(suffix)
        if SHARD.search(name) or any(part in NAMED for part in PurePosixPath(name.lower()).suffixes)
    )


def matching_files(pattern: str) -> list[Path]:
    """Return the TFRecord files that a pattern such as data/train-* matches."""
    return [
        path
        for path in map(Path, sorted(glob.glob(pattern)))  # noqa: PTH207, it may be absolute
        if path.is_file() and is_record_file(path)
    ]


def is_record_file(path: Path) -> bool:
    """Return whether a file begins as a TFRecord: eight bytes of length, then their checksum."""
    with path.open("rb") as stream:
        head = stream.read(12)
    return len(head) == 12 and masked_crc(head[:8]) == struct.unpack("<I", head[8:])[0]


def masked_crc(data: bytes) -> int:
    """Return the masked CRC-32C that TFRecords use."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def missing_shards(files: list[Path]) -> list[str]:
    """Return names of shards that the others count (-00000-of-00010) and that are not there."""
    places = set(files)
    counted = {
        file.with_name(SHARD.sub(f"-{number:05d}-of-{match[1]}", file.name))
        for file in places
        if (match := SHARD.search(file.name))
        for number in range(int(match[1]))
    }
    return [file.name for file in sorted(counted - places)]


def _recognised(contents: FolderContents) -> Found | None:
    files, damaged = record_files(contents), damaged_files(contents)
    if not files and damaged:
        return Found(tuple(damaged), Certainty.HINT, f"but {_damage(damaged)}")
    if not files:
        return None
    belongs = frozenset((*contents.files(".pbtxt"), "instances_val2017.json"))
    return Found(tuple(files), Certainty.DECLARED, f"{len(files)} TFRecord file(s)", belongs)


def _damage(names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
    return f"found {len(names)} file(s) without a whole record, empty or cut: {shown}: write again"


def _read(found: Found, source: Source) -> Listing:
    from algorithm.data.readers.records.tfrecords import (
        read_tfrecords,
    )  # TensorFlow only for records

    work_dir = source.work_dir or Path(tempfile.mkdtemp(prefix="efficientdet-"))
    contents = source.contents
    damaged = damaged_files(contents)
    if damaged:
        raise DataError(f"expected TFRecords in {contents.root}, {_damage(damaged)}")
    maps = [contents.path(name) for name in contents.files(".pbtxt")]
    return read_tfrecords(source.paths(found), work_dir, contents.root, maps, source.outlines)


READER = Reader("TFRecord", NAMED, _recognised, _read)
