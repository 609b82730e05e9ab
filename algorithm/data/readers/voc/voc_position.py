"""Where an object of a PASCAL VOC XML lies: the box around its position, and its outline."""

from __future__ import annotations

import math
import re
from xml.etree.ElementTree import Element

from algorithm.data.outlines import Outline
from algorithm.data.readers.outline_forms import ellipse, polygons

BLANKS = " \t\r\n"
POSITIONS = (
    "bndbox",
    "robndbox",
    "polygon",
    "polyline",
    "line",
    "dashed",
    "circle",
    "point",
    "segm",
)


def enclosing_box(thing: Element) -> tuple[float, float, float, float]:
    """Return (ymin, xmin, ymax, xmax), in pixels, around the position of a VOC object.

    Raises:
        ValueError: There is none, or its numbers are none; the message names the fault.
    """
    kind = next((kind for kind in POSITIONS if thing.find(kind) is not None), None)
    if kind is None:
        found = ", ".join(child.tag for child in thing) or "nothing"
        raise ValueError(f"expected a position, one of {', '.join(POSITIONS)}; found {found}")
    if kind == "segm" or thing.find(f"{kind}/pt") is not None:
        return _labelme_box(thing, kind)
    numbers = {part.tag: _number(kind, part) for part in thing.iterfind(f"{kind}/*")}
    try:
        if kind == "robndbox":
            return _around_turned(*(numbers[part] for part in ("cx", "cy", "w", "h", "angle")))
        if kind == "bndbox":
            return numbers["ymin"], numbers["xmin"], numbers["ymax"], numbers["xmax"]
        if kind == "circle":
            x, y, radius = (numbers[part] for part in ("cx", "cy", "r"))
            return y - radius, x - radius, y + radius, x + radius
        columns = [value for tag, value in numbers.items() if tag.startswith("x")]
        rows = [numbers["y" + tag[1:]] for tag in numbers if tag.startswith("x")]
        return min(rows), min(columns), max(rows), max(columns)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"expected the coordinates of a {kind}, found only {sorted(numbers)}"
        ) from error


def outline_of(thing: Element) -> Outline | None:
    """Return the outline of a VOC object: its polygon or its circle, beside a box or alone.

    Raises:
        ValueError: It cannot be used; the message names the fault.
    """
    if thing.find("segm") is not None:
        raise ValueError(
            "expected a polygon, found a mask of LabelMe's web tool in a file of its own, which is "
            "not read"
        )
    if thing.find("polygon") is None:
        circle = {part.tag: _number("circle", part) for part in thing.iterfind("circle/*")}
        if not circle.keys() >= {"cx", "cy", "r"}:
            return None
        return ellipse(circle["cx"], circle["cy"], circle["r"], circle["r"])
    if thing.find("polygon/pt") is not None:
        return polygons([[(point["x"], point["y"]) for point in _points(thing, "polygon")]])
    numbers = {part.tag: _number("polygon", part) for part in thing.iterfind("polygon/*")}
    places = [tag[1:] for tag in numbers if tag.startswith("x")]
    if any("y" + place not in numbers for place in places):
        raise ValueError(f"expected x and y of each corner of a polygon, found {sorted(numbers)}")
    return polygons([[(numbers["x" + place], numbers["y" + place]) for place in places]])


def _points(thing: Element, kind: str) -> list[dict[str, float]]:
    """The points of an object of the LabelMe web tool.

    Raises:
        ValueError: One has no x or y.
    """
    rows = thing.iterfind(f"{kind}/pt")
    points = [{part.tag: _number("pt", part) for part in point} for point in rows]
    if not all(point.keys() >= {"x", "y"} for point in points):
        raise ValueError("expected <x> and <y> in each <pt>, found one without")
    return points


def _labelme_box(thing: Element, kind: str) -> tuple[float, float, float, float]:
    """The box of an object of the LabelMe web tool: points of a polygon, or the box of a mask."""
    if kind == "segm":
        box = thing.find("segm/box")
        if box is None:
            raise ValueError("expected a <box> in <segm>, found none")
        numbers = {part.tag: _number("box", part) for part in box}
        try:
            return numbers["ymin"], numbers["xmin"], numbers["ymax"], numbers["xmax"]
        except KeyError as error:
            raise ValueError(f"expected {error} in <segm><box>, found {sorted(numbers)}") from error
    points = _points(thing, kind)
    columns, rows = ([point[axis] for point in points] for axis in "xy")
    return min(rows), min(columns), max(rows), max(columns)


def _around_turned(
    x: float, y: float, width: float, height: float, angle: float
) -> tuple[float, float, float, float]:
    """The box around one that is turned by an angle in radians about its centre."""
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    across = (width * cos + height * sin) / 2
    down = (width * sin + height * cos) / 2
    return y - down, x - across, y + down, x + across


def _number(kind: str, part: Element) -> float:
    try:
        value = float(re.sub(r"^\s*(-?\d+),(\d+)\s*$", r"\1.\2", part.text or ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"expected a number in <{kind}><{part.tag}>, found {(part.text or '').strip(BLANKS)!r}"
        )
    return value
