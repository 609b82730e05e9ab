"""The objects of one picture while its annotation is parsed, and the boxes around other shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import Annotation, Complaint, as_boxes

LARGEST = 1e9  # no coordinate is larger
Box = tuple[float, float, float, float]  # ymin, xmin, ymax, xmax


class ObjectList:
    """Collects objects, and complaints about those that cannot be used.

    `count` numbers them for a person; every call of `add` or `refuse` counts one.
    """

    def __init__(self, file: str, outlines: bool = False) -> None:
        """file: Where the annotation is read, as the user knows it. outlines: They are wanted."""
        self.file, self.outlines, self.count = file, outlines, 0
        self._kept: list[tuple[str, Box, bool, str, int | None]] = []
        self._complaints: list[Complaint] = []
        self._outlines: list[Outline | None] = []
        self._outline_complaints: list[Complaint] = []

    def add(
        self,
        name: object,
        box: Iterable[object],
        *,
        line: int | None = None,
        ignored: bool = False,
        outline: Callable[[], Outline | None] | None = None,
    ) -> None:
        """Add an object, or a complaint where it has no class name or no four numbers.

        Args:
            name: Its class.
            box: ymin, xmin, ymax, xmax in pixels.
            line: Where it stands in the file.
            ignored: Whether it is difficult or a crowd.
            outline: Gives its outline, in pixels; called where outlines are wanted. A ValueError
                becomes a complaint, and the object stays for its box.
        """
        label = str("" if name is None else name).strip()
        try:
            if not label:
                raise ValueError("expected a class name, found none")
            ymin, xmin, ymax, xmax = numbers(box, 4)
        except ValueError as error:
            self.refuse(str(error), label, line=line)
            return
        self.count += 1
        thing = f"object {self.count} '{label}'"
        self._kept.append((label, (ymin, xmin, ymax, xmax), ignored, thing, line))
        self._outlines.append(self._outline(outline, thing, line))

    def _outline(
        self, outline: Callable[[], Outline | None] | None, thing: str, line: int | None
    ) -> Outline | None:
        if outline is None or not self.outlines:
            return None
        try:
            return outline()
        except ValueError as error:
            self._outline_complaints.append(Complaint(self.file, str(error), line, thing))
            return None

    def refuse(self, problem: str, name: object = "", *, line: int | None = None) -> None:
        """Leave an object out; `problem` says what was expected and what was found."""
        self.count += 1
        thing = f"object {self.count}" + (f" '{name}'" if name else "")
        self._complaints.append(Complaint(self.file, problem, line, thing))

    def annotation(self, width: object = None, height: object = None) -> Annotation:
        """Return the annotation with all objects.

        Args:
            width: The recorded width of the picture, None if absent.
            height: The recorded height, None if absent.
        """
        names, boxes, ignored, things, lines = (
            zip(*self._kept, strict=False) if self._kept else ((),) * 5
        )
        return Annotation(
            names,
            as_boxes(list(boxes)),
            np.array(ignored, bool),
            length(width),
            length(height),
            self.file,
            things,
            lines,
            tuple(self._complaints),
            outlines=tuple(self._outlines) if any(self._outlines) else None,
            outline_complaints=tuple(self._outline_complaints),
        )


def numbers(values: Any, count: int | None = None) -> tuple[float, ...]:
    """Return the values as numbers of at most LARGEST.

    Raises:
        ValueError: One is none, or there are not `count` of them.
    """
    try:
        found = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        found = ()
    if (
        not found
        or not all(abs(value) <= LARGEST for value in found)
        or count not in (None, len(found))
    ):
        wanted = f"{count} numbers" if count else "numbers"
        raise ValueError(f"expected {wanted}, found {str(values)[:60]}")
    return found


def length(value: Any) -> int | None:
    """Return a recorded width or height in pixels, None where it says nothing."""
    try:
        number = float(value or 0)
    except (TypeError, ValueError):
        return None
    return int(number) if 0 < number < math.inf else None


def around(points: object) -> Box:
    """Return the box around points (x, y).

    Raises:
        ValueError: There are none, or one is not two numbers.
    """
    if not isinstance(points, Iterable):
        raise ValueError(f"expected points, found {str(points)[:60]}")
    pairs = [numbers(point, 2) for point in points]
    if not pairs:
        raise ValueError("expected points, found none")
    columns, rows = zip(*pairs, strict=False)
    return min(rows), min(columns), max(rows), max(columns)


def enclosing(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes; of a single one itself."""
    if len(boxes) == 1:
        return boxes[0]
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)


def around_circle(x: Any, y: Any, across: Any, down: Any, degrees: float = 0) -> Box:
    """Return the box around an ellipse with this centre, these two radii and this turn."""
    x, y, across, down = numbers((x, y, across, down), 4)
    turn = math.radians(degrees)
    wide = math.hypot(across * math.cos(turn), down * math.sin(turn))
    high = math.hypot(across * math.sin(turn), down * math.cos(turn))
    return y - high, x - wide, y + high, x + wide


def around_turned(box: Box, degrees: float, pivot: tuple[float, float] | None = None) -> Box:
    """Return the box around a box that is turned clockwise.

    Args:
        box: The box before the turn.
        degrees: The turn.
        pivot: The point (x, y) that stays in place, the centre by default.
    """
    ymin, xmin, ymax, xmax = box
    x0, y0 = pivot or ((xmin + xmax) / 2, (ymin + ymax) / 2)
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return around(
        (
            x0 + (x - x0) * cosine - (y - y0) * sine,
            y0 + (x - x0) * sine + (y - y0) * cosine,
        )
        for x in (xmin, xmax)
        for y in (ymin, ymax)
    )
