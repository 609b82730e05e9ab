"""Which files are TFRecords, and whether all shards are there. Imports no TensorFlow."""

from __future__ import annotations

import glob
import re
import struct
from pathlib import Path

NAMED = (".record", ".records", ".tfrecord", ".tfrecords")
SHARD = re.compile(r"-\d{5}-of-(\d{5})(?=$|\.)")
MASK_DELTA = 0xA282EAD8
POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected


def record_files(folder: Path) -> list[Path]:
    """TFRecord files in a folder, told by their content; of others only names that look like it are opened."""
    likely = [
        file
        for file in sorted(folder.iterdir())
        if file.is_file()
        and not file.name.startswith(".")
        and (SHARD.search(file.name) or any(suffix in NAMED for suffix in file.suffixes))
    ]
    return [file for file in likely if is_record_file(file)]


def matching_files(pattern: str) -> list[Path]:
    """The TFRecord files that a pattern such as data/train-* matches."""
    return [
        path
        for path in map(Path, sorted(glob.glob(pattern)))
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
    names = {file.name for file in files}
    return sorted(
        {
            SHARD.sub(f"-{number:05d}-of-{match[1]}", name)
            for name in names
            if (match := SHARD.search(name))
            for number in range(int(match[1]))
        }
        - names
    )
