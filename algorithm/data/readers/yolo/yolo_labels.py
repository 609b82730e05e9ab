"""Rows of a YOLO label file to boxes."""

from __future__ import annotations

import math
import re

import numpy as np

from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import Annotation, Complaint, as_boxes
from algorithm.data.readers.outline_forms import polygons

FAR = 2.0  # a share of the picture beyond it is no box over the edge but another unit
VISIBLE = (0.0, 1.0, 2.0)  # not there, hidden, visible: the third number of a keypoint

Box = tuple[float, float, float, float]  # ymin, xmin, ymax, xmax


def parse_labels(
    text: str,
    file: str,
    names: tuple[str, ...],
    width: int,
    height: int,
    keypoints: tuple[int, int] | None = None,
    outlines: bool = False,
) -> Annotation:
    """Return the rows of a label file.

    Args:
        text: Rows of `class x y width height` in shares of the picture, a confidence or the
            declared keypoints behind; or of `class x1 y1 x2 y2 x3 y3 ...`, an outline.
        file: As the user knows it.
        names: Class names by id.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        keypoints: (how many, numbers of each), as data.yaml declares them.
        outlines: Whether outlines are kept.
    """
    kept, complaints = [], []
    for line, row in enumerate(text.splitlines(), start=1):
        if not row.strip():
            continue
        try:
            name, (ymin, xmin, ymax, xmax), points = _object(row, names, keypoints, width, height)
        except ValueError as error:
            complaints.append(Complaint(file, str(error), line))
            continue
        box = (ymin * height, xmin * width, ymax * height, xmax * width)
        outline = _outline(points, width, height) if outlines else None
        kept.append((name, box, f"object {line} '{name}'", line, outline))
    found, boxes, things, lines, drawn = zip(*kept, strict=True) if kept else ((),) * 5
    return Annotation(
        found,
        as_boxes(list(boxes)),
        np.zeros(len(found), bool),
        width,
        height,
        file,
        things,
        lines,
        tuple(complaints),
        outlines=drawn if any(drawn) else None,
    )


def _outline(points: list[float], width: int, height: int) -> Outline | None:
    """The outline of points in shares of the picture; None without any."""
    if not points:
        return None
    return polygons([np.reshape(points, (-1, 2)) * [width, height]])


def is_row(text: str) -> bool:
    """Return whether a line looks like a row: numbers, at least five, and no word."""
    parts = _cells(text)
    return len(parts) >= 5 and all(map(_is_number, parts))


def numbers_of(text: str) -> tuple[float, ...]:
    """Return the numbers behind the class id of a line, none where it is no row."""
    return tuple(map(float, _cells(text)[1:])) if is_row(text) else ()


def has_confidence(text: str) -> bool:
    """Return whether a row has one number behind its box."""
    return len(_cells(text)) == 6 and is_row(text)


def _object(
    row: str,
    names: tuple[str, ...],
    keypoints: tuple[int, int] | None,
    width: int,
    height: int,
) -> tuple[str, Box, list[float]]:
    """(class, box, points x1, y1 ... of an outline) of a row, in shares of the picture."""
    cells = _cells(row)
    if len(cells) == 10 and not _is_number(cells[8]) and all(map(_is_number, cells[:8])):
        return (*_corners(cells, names, width, height), [])
    number, numbers = _numbers(row, cells, names)
    if not 0 <= number < len(names):
        raise ValueError(f"expected a class id of 0..{len(names) - 1}, found {number}")
    return names[number], *_box(numbers, keypoints)


def _corners(cells: list[str], names: tuple[str, ...], width: int, height: int) -> tuple[str, Box]:
    """Of a row `x1 y1 x2 y2 x3 y3 x4 y4 class difficulty` in pixels, as DOTA and Roboflow write."""
    if cells[8] not in names:
        raise ValueError(f"expected a class of {', '.join(names)}, found {cells[8]!r}")
    numbers = [float(cell) for cell in cells[:8]]
    columns = [number / width for number in numbers[::2]]
    rows = [number / height for number in numbers[1::2]]
    return cells[8], (min(rows), min(columns), max(rows), max(columns))


def _cells(row: str) -> list[str]:
    """The parts of a row, between blanks; commas at their ends are no part of them.

    A decimal comma becomes a point.
    """
    cells = row.split()
    if len(cells) > 4 and sum(map(_has_decimal_comma, cells)) > len(cells) // 2:
        return [cell.replace(",", ".") for cell in cells]
    if len(cells) == 1 and row.count(",") == 4:
        return [cell.strip() for cell in row.strip().split(",")]
    return [cell.rstrip(",") for cell in cells]


def _has_decimal_comma(cell: str) -> bool:
    return cell.count(",") == 1 and "." not in cell and not cell.endswith(",")


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _numbers(row: str, cells: list[str], names: tuple[str, ...]) -> tuple[int, list[float]]:
    if len(cells) >= 5 and (word := " ".join(cells[:-4])) in names and not _is_number(cells[0]):
        cells = [str(names.index(word)), *cells[-4:]]
    shown = re.sub(r"\s+", " ", row.strip())[:60]
    first, *others = (float(cell) if _is_number(cell) else math.nan for cell in cells)
    if not all(map(math.isfinite, (first, *others))) or first != int(first):
        raise ValueError(f"expected `class x y width height` in numbers, found {shown!r}")
    if max(map(abs, others), default=0) > FAR:
        raise ValueError(
            f"expected shares of the picture's width and height (0..1), found {shown!r}: "
            "divide pixels by the size of the picture"
        )
    return int(first), others


def _box(numbers: list[float], keypoints: tuple[int, int] | None) -> tuple[Box, list[float]]:
    """The box of what follows the class id of a row, and the points where it is an outline."""
    count = len(numbers)
    if keypoints is not None and count > 5:
        wanted = 4 + keypoints[0] * keypoints[1]
        if count not in (wanted, wanted + 1):
            raise ValueError(
                f"expected 4 numbers and {keypoints[0]} keypoints of {keypoints[1]} (kpt_shape), "
                f"{wanted} in all, found {count} numbers"
            )
        return _around(numbers), []
    if count == 4 or (count == 5 and 0 <= numbers[4] <= 1):
        return _around(numbers), []
    if count < 6 or count % 2 or _are_keypoints(numbers):
        raise ValueError(
            f"expected a class id with 4 numbers, or with the points of a polygon, found {count} "
            "numbers" + ": keypoints need kpt_shape in data.yaml" * (count > 6 and count % 3 == 1)
        )
    columns, rows = numbers[::2], numbers[1::2]
    return (min(rows), min(columns), max(rows), max(columns)), numbers


def _around(numbers: list[float]) -> Box:
    x, y, width, height = numbers[:4]
    return y - height / 2, x - width / 2, y + height / 2, x + width / 2


def _are_keypoints(numbers: list[float]) -> bool:
    """Whether a box and keypoints of three numbers stand here, which nothing declares.

    The third number of each says whether it is visible. A 2 never stands in an outline; where
    there is none, four points and more tell, if those that are there lie in the box.
    """
    points = list(zip(numbers[4::3], numbers[5::3], numbers[6::3], strict=False))
    if len(numbers) != 4 + 3 * len(points) or not all(mark in VISIBLE for *_, mark in points):
        return False
    top, left, bottom, right = _around(numbers)
    inside = all(left <= x <= right and top <= y <= bottom for x, y, mark in points if mark)
    marks = [mark for *_, mark in points]
    return VISIBLE[2] in marks or (len(points) > 3 and any(marks) and inside)
