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
_COMPARED = 2**20  # pairs compared at a time
# The 64 bits in one part more than may differ: pictures that look the same have a part in common.
_PARTS = [
    np.uint64(sum(1 << int(bit) for bit in part))
    for part in np.array_split(np.arange(64), MOST_BITS + 1)
]


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
    own = np.asarray(first, np.int64)
    others = own if second is None else np.asarray(second, np.int64)
    hashes = np.frombuffer(b"".join(mark.hash for mark in marks), ">u8").astype(np.uint64)
    found = []
    for number, part in enumerate(_PARTS):
        for rows, columns in _with_equal_bits(hashes & part, own, others):
            for one, other in _within(hashes, rows, columns):
                again = any(((hashes[one] ^ hashes[other]) & p) == 0 for p in _PARTS[:number])
                if not again and (second is not None or one < other):
                    found.append((one, other))
    for one, other in sorted(found):
        if _same_look(marks[one], marks[other]):
            yield one, other


def _with_equal_bits(
    keys: np.ndarray, own: np.ndarray, others: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the indices among `own` and those among `others` that share a key."""
    groups = []
    for indices in (own, others):
        ordered = indices[np.argsort(keys[indices], kind="stable")]
        values, starts = np.unique(keys[ordered], return_index=True)
        groups.append(dict(zip(values.tolist(), np.split(ordered, starts[1:]), strict=False)))
    for key, rows in groups[0].items():
        if key in groups[1]:
            yield rows, groups[1][key]


def _within(hashes: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the pairs of different indices whose hashes differ in MOST_BITS at most."""
    bits = _signs(hashes[columns]).T
    step = max(1, _COMPARED // len(columns))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        agreeing = _signs(hashes[some]) @ bits
        for row, column in np.argwhere(agreeing >= 64 - 2 * MOST_BITS).tolist():
            if some[row] != columns[column]:
                yield int(some[row]), int(columns[column])


def _signs(hashes: np.ndarray) -> np.ndarray:
    """float32 [N, 64] of -1 and 1, the bits of hashes uint64 [N]."""
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    return bits.astype(np.float32) * 2 - 1


def _same_look(one: PictureMark, other: PictureMark) -> bool:
    if one.digest == other.digest:
        return False
    a, b = one.cells, other.cells
    if np.abs(a - b).mean() > MOST_GREY:
        return False
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return spread == 0 or float((a * b).sum()) >= LEAST_CORRELATION * spread
