"""An outline as one polygon, for forms that have no parts, no holes and no run lengths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from algorithm.data.outlines import Outline, Polygons, rasterised


def single_polygon(outline: Outline, height: int, width: int) -> np.ndarray | None:
    """Return one polygon that covers the pixels of an outline in its picture.

    One part inside the picture stays as it is. Else parts and holes are joined by bridges of no
    width, there and back, where every rule of filling sees what it saw before.

    Args:
        outline: The outline.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Returns:
        float32 [n, 2], (x, y) in pixels; None where no pixel is covered.
    """
    if isinstance(outline, Polygons) and _inside(outline.parts, height, width):
        joined = _bridged(outline.parts)
        if len(outline.parts) == 1:
            return joined
        whole = rasterised(outline, height, width)
        if np.array_equal(rasterised(Polygons((joined,)), height, width), whole):
            return joined  # parts that overlap would leave a hole
    loops = traced(rasterised(outline, height, width))
    return _bridged(loops) if loops else None


def traced(mask: np.ndarray) -> list[np.ndarray]:
    """Return the edges of a mask as closed loops, those of holes the other way round.

    Args:
        mask: [height, width], not 0 inside.

    Returns:
        float32 [n, 2] of each loop: its corners (x, y) on the edges of pixels.
    """
    inside = np.pad(mask != 0, 1).astype(np.int8)
    down, across = np.diff(inside, axis=0)[:, 1:-1], np.diff(inside, axis=1)[1:-1]
    rows, columns = np.nonzero(down)
    ahead = down[rows, columns] > 0  # the top of a pixel goes to the right, the bottom to the left
    edges = np.stack([columns + ~ahead, rows, columns + ahead, rows], axis=1)
    rows, columns = np.nonzero(across)
    ahead = across[rows, columns] < 0  # the right side goes down, the left one up
    edges = np.concatenate(
        [edges, np.stack([columns, rows + ~ahead, columns, rows + ahead], axis=1)]
    )
    following: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for x, y, next_x, next_y in edges.tolist():
        following[x, y].append((next_x, next_y))
    loops = []
    while following:
        start = place = next(iter(following))
        corners = [start]
        while True:
            place = _taken(following, place)
            if place == start:
                break
            corners.append(place)
        loops.append(_without_straight(corners))
    return loops


def _taken(
    following: dict[tuple[int, int], list[tuple[int, int]]], place: tuple[int, int]
) -> tuple[int, int]:
    """The end of an edge that begins at a place; the edge is used up."""
    ends = following[place]
    end = ends.pop()
    if not ends:
        del following[place]
    return end


def _without_straight(corners: Sequence[tuple[int, int]]) -> np.ndarray:
    """The corners where a loop turns."""
    points = np.array(corners, np.float32)
    before = points - np.roll(points, 1, axis=0)
    after = np.roll(points, -1, axis=0) - points
    return points[(before != after).any(axis=1)]


def _bridged(loops: Sequence[np.ndarray]) -> np.ndarray:
    """All loops as one: from the first corner of the first to each other, around it, and back."""
    first, *others = loops
    if not others:
        return first
    home = first[:1]
    trips = [part for loop in others for part in (loop, loop[:1], home)]
    return np.concatenate([first, home, *trips])


def _inside(parts: Sequence[np.ndarray], height: int, width: int) -> bool:
    corners = np.concatenate(parts)
    return bool((corners >= 0).all() and (corners <= [width, height]).all())
