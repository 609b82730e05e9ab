"""Outlines as annotation files record them: corners, run lengths, pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from algorithm.data.outline_geometry import of_pixels
from algorithm.data.outlines import Outline, Polygons, RunLengths, run_lengths
from algorithm.data.readers.annotation import Complaint

FARTHEST = 65_536  # pixels; no corner lies beyond, as the time to fill a polygon grows with it
MOST_PIXELS = 1 << 28  # of a mask
LEAST_CORNERS = 3
ELLIPSE_CORNERS = 90


def polygons(parts: Iterable[Any]) -> Polygons:
    """Return the outline with these parts.

    Parts of fewer than three corners cover nothing and are passed over.

    Args:
        parts: Each x1, y1, x2, y2 ..., or (x, y) of each corner, in pixels.

    Raises:
        ValueError: A part is no list of corners, or none has three.
    """
    arrays = [_corners(part) for part in parts]
    kept = tuple(array for array in arrays if len(array) >= LEAST_CORNERS)
    if not kept:
        raise ValueError(f"expected an outline of at least {LEAST_CORNERS} corners, found fewer")
    return Polygons(kept)


def _corners(part: Any) -> np.ndarray:
    try:
        array = np.asarray(part, np.float64)
    except (TypeError, ValueError):
        array = np.full(1, np.nan)
    if array.size % 2 or (array.ndim == 2 and array.shape[1] != 2) or array.ndim > 2:
        raise ValueError(f"expected x and y of each corner of an outline, found {_shown(part)}")
    if not (np.abs(array) <= FARTHEST).all():
        raise ValueError(f"expected corners of an outline in pixels, found {_shown(part)}")
    return array.astype(np.float32).reshape(-1, 2)


def of_column_runs(height: Any, width: Any, counts: Any) -> RunLengths:
    """Return the outline of COCO's run lengths, column by column, zeros first.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        counts: Numbers, or COCO's compressed text of them.

    Raises:
        ValueError: They are none, or do not fill the picture.
    """
    high, wide = size_of(height, width)
    try:
        runs = column_runs(counts) if isinstance(counts, str) else [int(run) for run in counts]
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(f"expected run lengths, found {_shown(counts)}") from error
    if min(runs, default=-1) < 0 or sum(runs) != high * wide:
        raise ValueError(
            f"expected run lengths of {high * wide} pixels in all ({wide}x{high}), found "
            f"{sum(runs)}"
        )
    packed = coco_mask.frPyObjects({"size": [high, wide], "counts": runs}, high, wide)
    return RunLengths(high, wide, packed["counts"])


def column_runs(text: str) -> list[int]:
    """Return the runs of COCO's compressed text.

    A sign holds five bits of a number and whether more follow; from the fourth on, a number counts
    from the one two before it.

    Raises:
        IndexError: The text ends within a number.
    """
    runs: list[int] = []
    place = 0
    while place < len(text):
        value = shift = 0
        more = True
        while more:
            bits = ord(text[place]) - 48
            value |= (bits & 0x1F) << shift
            more = bool(bits & 0x20)
            place, shift = place + 1, shift + 5
            if not more and bits & 0x10:
                value |= -1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs


def of_cut_out(mask: np.ndarray, left: int, top: int, size: tuple[int, int]) -> RunLengths:
    """Return the outline of a mask of a part of a picture.

    Args:
        mask: [height, width] of the part; not 0 is inside.
        left: Column of the picture where it begins; it may be outside.
        top: Row of the picture where it begins; it may be outside.
        size: (height, width) of the picture, in pixels.
    """
    height, width = size_of(*size)
    whole = np.zeros((height, width), np.uint8)
    rows = slice(max(top, 0), max(min(top + mask.shape[0], height), 0))
    columns = slice(max(left, 0), max(min(left + mask.shape[1], width), 0))
    if rows.start < rows.stop and columns.start < columns.stop:
        whole[rows, columns] = (
            mask[
                rows.start - top : rows.stop - top,
                columns.start - left : columns.stop - left,
            ]
            != 0
        )
    return of_pixels(whole)


def row_runs_mask(runs: Sequence[int], height: int, width: int) -> np.ndarray:
    """Return the mask uint8 [height, width] of run lengths, row by row, zeros first.

    Args:
        runs: The run lengths.
        height: Of the mask, in pixels.
        width: Of the mask, in pixels.

    Raises:
        ValueError: They do not fill it.
    """
    high, wide = size_of(height, width)
    if min(runs, default=-1) < 0 or sum(runs) != high * wide:
        raise ValueError(
            f"expected run lengths of {high * wide} pixels in all ({wide}x{high}), found "
            f"{sum(runs)}"
        )
    inside = np.arange(len(runs)) % 2
    return np.repeat(inside, runs).astype(np.uint8).reshape(high, wide)


def ellipse(x: float, y: float, across: float, down: float, degrees: float = 0) -> Polygons:
    """Return the outline of an ellipse, as a polygon.

    Args:
        x: Of its centre, in pixels.
        y: Of its centre, in pixels.
        across: Its horizontal radius, in pixels.
        down: Its vertical radius, in pixels.
        degrees: Its turn, clockwise.
    """
    angles = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)
    turn = np.radians(degrees)
    wide, high = across * np.cos(angles), down * np.sin(angles)
    columns = x + wide * np.cos(turn) - high * np.sin(turn)
    rows = y + wide * np.sin(turn) + high * np.cos(turn)
    return polygons([np.stack([columns, rows], axis=1)])


def united(outlines: Sequence[Outline]) -> Outline:
    """Return the outline of all these together.

    Raises:
        ValueError: Run lengths are of different sizes.
    """
    if len(outlines) == 1:
        return outlines[0]
    sizes = [(one.height, one.width) for one in outlines if isinstance(one, RunLengths)]
    if not sizes:
        return Polygons(
            tuple(part for one in outlines if isinstance(one, Polygons) for part in one.parts)
        )
    height, width = sizes[0]
    packed = coco_mask.merge([run_lengths(one, height, width) for one in outlines])
    return RunLengths(height, width, packed["counts"])


def kept_outlines(
    found: Sequence[Outline | str | None], things: Sequence[str], file: str
) -> tuple[tuple[Outline | None, ...] | None, tuple[Complaint, ...]]:
    """Return the outlines of objects, None where there is none at all, and complaints.

    Args:
        found: Of each object its outline, why it cannot be used, or None.
        things: How to name each object to a person.
        file: Where they were read.
    """
    complaints = tuple(
        Complaint(file, one, thing=thing)
        for one, thing in zip(found, things, strict=True)
        if isinstance(one, str)
    )
    outlines = tuple(None if isinstance(one, str) else one for one in found)
    return outlines if any(one is not None for one in outlines) else None, complaints


def size_of(height: Any, width: Any) -> tuple[int, int]:
    """Return (height, width) of a mask, in pixels.

    Raises:
        ValueError: They are none, or too large.
    """
    try:
        high, wide = int(height), int(width)
    except (TypeError, ValueError, OverflowError):
        high = wide = 0
    if high < 1 or wide < 1 or high * wide > MOST_PIXELS:
        raise ValueError(f"expected the size of a mask, found height {height} and width {width}")
    return high, wide


def _shown(value: Any) -> str:
    return f"{str(value)[:60]!r}"
