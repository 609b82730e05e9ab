"""The box of a COCO annotation, from its bbox or around its outline."""

from __future__ import annotations

import json
import math
from itertools import accumulate
from typing import Any

from algorithm.data.readers.outline_forms import column_runs

Box = tuple[float, float, float, float]
KEYS = ("x", "y", "width", "height")


def box_of(numbers: object) -> Box:
    """Return (ymin, xmin, ymax, xmax) of a COCO [x, y, width, height], in pixels.

    Numbers may be text, all four one text, or named.

    Raises:
        ValueError: They are no four numbers.
    """
    found: Any = numbers
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            found = None
    if isinstance(found, dict):
        found = [found.get(key) for key in KEYS]
    try:
        x, y, width, height = (float(number) for number in found)
    except (TypeError, ValueError):
        x = y = width = height = math.nan
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError(f"expected bbox [x, y, width, height], found {numbers!r}")
    return y, x, y + height, x + width


def bbox_of_outline(outline: Any) -> list[float] | None:
    """Return the bbox [x, y, width, height] around polygons or a mask of runs; None without one."""
    try:
        if isinstance(outline, dict):
            return _around_runs(outline)
        if not outline:
            return None
        polygons = outline if isinstance(outline[0], list) else [outline]
        if isinstance(polygons[0][0], list):  # points in pairs
            polygons = [[number for point in polygon for number in point] for polygon in polygons]
        columns = [float(number) for polygon in polygons for number in polygon[::2]]
        rows = [float(number) for polygon in polygons for number in polygon[1::2]]
        left, top = min(columns), min(rows)
        return [left, top, max(columns) - left, max(rows) - top]
    except (TypeError, ValueError, KeyError, IndexError):
        return None


def _around_runs(mask: dict) -> list[float] | None:
    """Around the pixels of a mask whose runs go down the columns, background first."""
    height, width = (int(side) for side in mask["size"])
    counts = mask["counts"]
    runs = [int(run) for run in (column_runs(counts) if isinstance(counts, str) else counts)]
    if height < 1 or sum(runs) != height * width:
        return None
    columns, tops, bottoms = [], [], []
    for end, run in list(zip(accumulate(runs), runs, strict=True))[1::2]:
        if run == 0:
            continue
        first, last = end - run, end - 1
        columns += [first // height, last // height]
        spans = first // height != last // height
        tops.append(0 if spans else first % height)
        bottoms.append(height - 1 if spans else last % height)
    if not columns:
        return None
    left, top = min(columns), min(tops)
    return [left, top, max(columns) - left + 1, max(bottoms) - top + 1]
