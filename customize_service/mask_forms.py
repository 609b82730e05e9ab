"""Masks as text for a reply: COCO's compressed run lengths, or polygons.

Carried beside customize_service.py, which loads it. Written for Python 3.7 and newer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FORMS = ("none", "rle", "polygon")
MOST_CHARACTERS = 8 * 1024 * 1024  # of all masks in one reply
_DIGITS = 7  # of 5 bits, enough for 32 bits and a sign
_TOLERANCE = 1.0  # pixels that a polygon may lie beside the edge of its mask


def used_runs(runs: Any) -> np.ndarray:
    """Return the run lengths of a mask without the zeros that fill up its row.

    Args:
        runs: Numbers, zeros at the end.

    Returns:
        int64 [R], zeros first, so that every second one counts pixels of the mask.
    """
    numbers = np.asarray(runs, np.int64)
    filled = np.flatnonzero(numbers)
    return numbers[: filled[-1] + 1] if len(filled) else numbers[:0]


def in_form(form: str, runs: Any, height: int, width: int) -> list[Any]:
    """Return masks as a request asks for them.

    Args:
        form: "rle" or "polygon".
        runs: Numbers [M, R], run lengths column by column, zeros first, and zeros at the end.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Returns:
        A text of `coco_rle` or the lists of `polygons` for each.
    """
    rows = np.asarray(runs, np.int64)
    if form == "rle":
        return coco_rle(rows, height, width)
    return [polygons(used_runs(row), height, width) for row in rows]


def coco_rle(runs: np.ndarray, height: int, width: int) -> list[dict[str, Any]]:
    """Return masks as COCO writes them, all at once.

    Args:
        runs: int64 [M, R], run lengths as of `in_form`.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Returns:
        {"size": [height, width], "counts": text} for each.
    """
    rest = runs.copy()
    rest[:, 3:] -= runs[:, 1:-2]
    places = np.arange(runs.shape[1])
    going = places <= np.where(runs, places, -1).max(axis=1, initial=-1)[:, np.newaxis]
    digits = np.zeros(runs.shape + (_DIGITS,), np.uint8)
    used = np.zeros(digits.shape, bool)
    for place in range(_DIGITS):
        used[..., place] = going
        digit = rest & 31
        rest = rest >> 5
        more = np.where(digit & 16, rest != -1, rest != 0)
        digits[..., place] = digit + np.where(more, 32, 0) + 48
        going = going & more
        if not going.any():
            break
    texts = (row[kept].tobytes().decode("ascii") for row, kept in zip(digits, used))
    return [{"size": [height, width], "counts": text} for text in texts]


def polygons(runs: np.ndarray, height: int, width: int) -> list[list[float]]:
    """Return the outer edges of a mask, [[x1, y1, x2, y2, ...], ...], one for each part.

    Corners lie on the edges of pixels. Holes cannot be said so: they are filled. Small steps are
    left out.

    Args:
        runs: int64 [R], column by column, zeros first.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
    """
    values = np.arange(len(runs)) % 2 == 1
    columns = np.repeat(values, runs).reshape(width, height)
    across, down = np.flatnonzero(columns.any(axis=1)), np.flatnonzero(columns.any(axis=0))
    if not len(across):
        return []
    part = columns[across[0] : across[-1] + 1, down[0] : down[-1] + 1].T
    corner = np.array([across[0], down[0]])
    loops = [loop for loop in _loops(part) if _signed_area(loop) > 0]
    return [(_simplified(loop) + corner).ravel().tolist() for loop in loops]


def _loops(mask: np.ndarray) -> list[np.ndarray]:
    """Closed ways [n, 2] of (x, y) along pixel edges, with the mask on the right hand.

    Where two pixels touch at a corner alone, the ways part.
    """
    padded = np.pad(mask, 1)
    inside, outside = padded[1:-1, 1:-1], ~padded
    starts: dict[tuple[int, int], list[tuple[int, int]]] = {}
    sides = (
        (outside[:-2, 1:-1], (0, 0), (1, 0)),  # nothing above: to the right along the top
        (outside[1:-1, 2:], (1, 0), (0, 1)),  # nothing to the right: down
        (outside[2:, 1:-1], (1, 1), (-1, 0)),
        (outside[1:-1, :-2], (0, 1), (0, -1)),
    )
    for free, offset, step in sides:
        rows, columns = np.nonzero(inside & free)
        for x, y in zip((columns + offset[0]).tolist(), (rows + offset[1]).tolist()):
            starts.setdefault((x, y), []).append(step)
    return [_way(starts, start) for start in sorted(starts) if starts[start]]


def _way(
    starts: dict[tuple[int, int], list[tuple[int, int]]], start: tuple[int, int]
) -> np.ndarray:
    """Follow edges from a corner until they close, and take them out of `starts`."""
    corners, place, before = [], start, None
    while True:
        steps = starts[place]
        step = steps[0]
        if before is not None and len(steps) > 1:  # turn right, into the pixel that was followed
            step = (-before[1], before[0])
        steps.remove(step)
        if step != before:
            corners.append(place)
        place, before = (place[0] + step[0], place[1] + step[1]), step
        if place == start and (not starts[place] or corners[0] == place):
            return np.array(corners, np.float64)


def _signed_area(loop: np.ndarray) -> float:
    x, y = loop.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _simplified(loop: np.ndarray) -> np.ndarray:
    """Leave out corners nearer than _TOLERANCE to the line without them (Douglas and Peucker)."""
    far = int(np.argmax(((loop - loop[0]) ** 2).sum(axis=1)))
    closed = np.concatenate([loop, loop[:1]])
    kept = np.zeros(len(closed), bool)
    kept[[0, far, len(closed) - 1]] = True
    waiting = [(0, far), (far, len(closed) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        line = closed[last] - closed[first]
        between = closed[first + 1 : last] - closed[first]
        length = np.hypot(*line)
        distance = np.abs(between[:, 0] * line[1] - between[:, 1] * line[0]) / max(length, 1e-9)
        worst = int(np.argmax(distance))
        if distance[worst] > _TOLERANCE:
            middle = first + 1 + worst
            kept[middle] = True
            waiting += [(first, middle), (middle, last)]
    corners = closed[:-1][kept[:-1]]
    return corners if len(corners) > 2 else loop
