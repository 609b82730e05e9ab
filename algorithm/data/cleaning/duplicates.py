"""Pictures that are in a dataset twice: the same file, or one that looks the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from algorithm.data.feeding.decoding import TURNS

GRID = 16  # a picture is compared as this many cells a side
SAMPLES = 128  # pixels a side from which the cells are averaged
MOST_BITS = (
    5  # of the 64 of the difference hash that may differ between pictures that look the same
)
MOST_GREY = 5.0  # mean difference of their cells, of 255
LEAST_CORRELATION = (
    0.98  # of their cells: pictures of one plain scene differ little in grey, but not in step
)
ROWS = 128  # pictures compared with all others at a time


@dataclass(frozen=True, slots=True)
class PictureMark:
    """What a picture is recognised by; under half a kilobyte.

    Attributes:
        digest: SHA-256 of the file.
        hash: 8 bytes, the difference hash.
        greys: 256 bytes, one for each cell.
    """

    digest: bytes
    hash: bytes
    greys: bytes

    @property
    def bits(self) -> np.ndarray:
        """float32 [64] of -1 and 1, the difference hash."""
        return np.unpackbits(np.frombuffer(self.hash, np.uint8)).astype(np.float32) * 2 - 1

    @property
    def cells(self) -> np.ndarray:
        """float32 [256], the greys."""
        return np.frombuffer(self.greys, np.uint8).astype(np.float32)


def mark_of(data: bytes, image: Image.Image, orientation: int = 1) -> PictureMark:
    """Return the mark of a picture; it costs little against decoding.

    Args:
        data: The encoded picture.
        image: The same picture, decoded.
        orientation: Of its EXIF.
    """
    width, height = (
        max(1, min(side, round(side * SAMPLES / min(image.size)))) for side in image.size
    )
    few = (
        image.resize(
            (width, height),
            Image.Resampling.NEAREST,
        )
        .convert("RGB")
        .convert("L")
    )
    upright = few.transpose(TURNS[orientation]) if orientation in TURNS else few
    coarse = np.asarray(upright.resize((9, 8), Image.Resampling.BOX), np.int16)
    bits = np.packbits(coarse[:, 1:] > coarse[:, :-1]).tobytes()
    greys = upright.resize((GRID, GRID), Image.Resampling.BOX).tobytes()
    return PictureMark(hashlib.sha256(data).digest(), bits, greys)


def equal_digests(digests: Sequence[bytes]) -> list[list[int]]:
    """Return groups of indices, each of two or more pictures that are the same file, in order."""
    groups: dict[bytes, list[int]] = {}
    for index, digest in enumerate(digests):
        groups.setdefault(digest, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def alike_groups(marks: Sequence[PictureMark]) -> list[int]:
    """Return the group of each picture: the same file or the same look, also by way of others."""
    parents = list(range(len(marks)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for group in equal_digests([mark.digest for mark in marks]):
        for place in group[1:]:
            parents[root(place)] = root(group[0])
    for one, other in lookalikes(marks, range(len(marks))):
        parents[max(root(one), root(other))] = min(root(one), root(other))
    return [root(place) for place in range(len(marks))]


def lookalikes(
    marks: Sequence[PictureMark], first: Sequence[int], second: Sequence[int] | None = None
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of different files that look the same.

    Args:
        marks: The mark of each picture.
        first: Indices of pictures.
        second: Indices of those to compare them with. Without it, each pair within `first` comes
            once, the earlier index first.

    Yields:
        (index of `first`, index of `second`).
    """
    others = np.array(first if second is None else second, np.int64)
    if not len(first) or not len(others):
        return
    bits = np.stack([marks[index].bits for index in others]).T
    for start in range(0, len(first), ROWS):
        rows = first[start : start + ROWS]
        differing = (64 - np.stack([marks[index].bits for index in rows]) @ bits) / 2
        for row, column in np.argwhere(differing <= MOST_BITS).tolist():
            one, other = rows[row], int(others[column])
            if (one < other if second is None else one != other) and _same_look(
                marks[one], marks[other]
            ):
                yield one, other


def _same_look(one: PictureMark, other: PictureMark) -> bool:
    if one.digest == other.digest:
        return False
    a, b = one.cells, other.cells
    if np.abs(a - b).mean() > MOST_GREY:
        return False
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return spread == 0 or float((a * b).sum()) >= LEAST_CORRELATION * spread
