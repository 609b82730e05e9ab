"""Rows of a YOLO label file to boxes."""

from __future__ import annotations

import math

import numpy as np

from algorithm.data.readers.annotation import Complaint, as_boxes

FAR = 2.0  # a share of the picture beyond it is no box over the edge but another unit

Labels = tuple[
    tuple[str, ...], np.ndarray, np.ndarray, tuple[str, ...], tuple[int, ...], tuple[Complaint, ...]
]


def parse_labels(text: str, file: str, names: tuple[str, ...], width: int, height: int) -> Labels:
    """(names, boxes, ignored, things, lines, complaints) of the rows, as in an Annotation, boxes in pixels yxyx."""
    kept, complaints = [], []
    for line, row in enumerate(text.splitlines(), start=1):
        if not row.strip():
            continue
        try:
            number, numbers = _numbers(row)
            if not 0 <= number < len(names):
                raise ValueError(f"expected a class id of 0..{len(names) - 1}, found {number}")
            ymin, xmin, ymax, xmax = _box(numbers)
        except ValueError as error:
            complaints.append(Complaint(file, str(error), line))
            continue
        box = (ymin * height, xmin * width, ymax * height, xmax * width)
        kept.append((names[number], box, f"object {line} '{names[number]}'", line))
    found, boxes, things, lines = zip(*kept) if kept else ((), (), (), ())
    return (
        found,
        as_boxes(list(boxes)),
        np.zeros(len(found), bool),
        things,
        lines,
        tuple(complaints),
    )


def _numbers(row: str) -> tuple[int, list[float]]:
    try:
        first, *others = (float(part) for part in row.split())
        if not all(map(math.isfinite, (first, *others))) or first != int(first):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"expected `class x y width height` in numbers, found {row.strip()[:60]!r}"
        ) from None
    if max(map(abs, others), default=0) > FAR:
        raise ValueError(
            f"expected shares of the picture's width and height (0..1), found {row.strip()[:60]!r}: "
            "divide pixels by the size of the picture"
        )
    return int(first), others


def _box(numbers: list[float]) -> tuple[float, float, float, float]:
    """(ymin, xmin, ymax, xmax) of `x y width height`, or around a polygon `x1 y1 x2 y2 x3 y3 ...`."""
    if len(numbers) == 4:
        x, y, width, height = numbers
        return y - height / 2, x - width / 2, y + height / 2, x + width / 2
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(
            f"expected a class id with 4 numbers, or with the points of a polygon, found {len(numbers)} "
            "numbers"
        )
    columns, rows = numbers[::2], numbers[1::2]
    return min(rows), min(columns), max(rows), max(columns)
