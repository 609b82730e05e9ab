"""Which files are TFRecords, and whether all shards are there. Imports no TensorFlow."""

from __future__ import annotations

import glob
import re
import struct
import tempfile
from pathlib import Path, PurePosixPath

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.reader import Certainty, Found, Reader, Source

NAMED = (".record", ".records", ".tfrecord", ".tfrecords")
SHARD = re.compile(r"-\d{5}-of-(\d{5})(?=$|\.)")
MASK_DELTA = 0xA282EAD8
POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected


def record_files(contents: FolderContents) -> list[str]:
    """Names of TFRecord files, told by their content; only names that look like it are opened."""
    likely = [
        name
        for suffix in contents.suffixes
        if suffix not in (*PICTURE_SUFFIXES, ".txt", ".xml", ".json")
        for name in contents.files(suffix)
        if SHARD.search(name) or any(part in NAMED for part in PurePosixPath(name).suffixes)
    ]
    return [name for name in sorted(likely) if is_record_file(contents.path(name))]


def matching_files(pattern: str) -> list[Path]:
    """The TFRecord files that a pattern such as data/train-* matches."""
    return [
        path
        for path in map(Path, sorted(glob.glob(pattern)))  # noqa: PTH207, it may be absolute
        if path.is_file() and is_record_file(path)
    ]


def is_record_file(path: Path) -> bool:
    """Whether a file begins as a TFRecord does: eight bytes of length, then their checksum."""
    with path.open("rb") as stream:
        head = stream.read(12)
    return len(head) == 12 and masked_crc(head[:8]) == struct.unpack("<I", head[8:])[0]


def masked_crc(data: bytes) -> int:
    """The masked CRC-32C that TFRecords use."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def missing_shards(files: list[Path]) -> list[str]:
    """Names of shards that the others count (-00000-of-00010) and that are not there."""
    places = set(files)
    counted = {
        file.with_name(SHARD.sub(f"-{number:05d}-of-{match[1]}", file.name))
        for file in places
        if (match := SHARD.search(file.name))
        for number in range(int(match[1]))
    }
    return [file.name for file in sorted(counted - places)]


def _recognised(contents: FolderContents) -> Found | None:
    files = record_files(contents)
    if not files:
        return None
    belongs = frozenset((*contents.files(".pbtxt"), "instances_val2017.json"))
    return Found(tuple(files), Certainty.DECLARED, f"{len(files)} TFRecord file(s)", belongs)


def _read(found: Found, source: Source) -> Listing:
    from algorithm.data.readers.records.tfrecords import (
        read_tfrecords,
    )  # TensorFlow only for records

    work_dir = source.work_dir or Path(tempfile.mkdtemp(prefix="efficientdet-"))
    contents = source.contents
    maps = [contents.path(name) for name in contents.files(".pbtxt")]
    return read_tfrecords(source.paths(found), work_dir, contents.root, maps)


READER = Reader("TFRecord", NAMED, _recognised, _read)
