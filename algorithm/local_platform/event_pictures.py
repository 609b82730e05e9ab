"""The pictures of a job's last evaluation, read from its TensorBoard files without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

_GROUP = "eval/"
_LENGTH, _CHECKSUM = 8, 4  # bytes; a record is: length, checksum, content, checksum
_PNG = b"\x89PNG"


@dataclass(frozen=True)
class Picture:
    """A picture: its tag, the step it belongs to, and its PNG."""

    name: str
    step: int
    content: bytes


def last_pictures(folder: Path) -> list[Picture]:
    """Return the pictures of the last evaluation in a folder of TensorBoard files, by tag."""
    newest: dict[str, Picture] = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in _events(path.read_bytes()):
            for value in event.summary.value:
                parts = value.tensor.string_val  # width, height, picture
                if value.tag.startswith(_GROUP) and parts and parts[-1].startswith(_PNG):
                    newest[value.tag] = Picture(value.tag, event.step, parts[-1])
    last = max((each.step for each in newest.values()), default=0)
    return [each for _, each in sorted(newest.items()) if each.step == last]


def _events(content: bytes) -> Iterator[Event]:
    """Yield the whole records; the last one may still be being written."""
    at, head = 0, _LENGTH + _CHECKSUM
    while at + head <= len(content):
        end = at + head + int(struct.unpack_from("<Q", content, at)[0])
        if end + _CHECKSUM > len(content):
            return
        try:
            yield Event.FromString(content[at + head : end])
        except DecodeError:
            return
        at = end + _CHECKSUM
