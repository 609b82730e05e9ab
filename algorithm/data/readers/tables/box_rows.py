"""Rows of a table to the boxes of its pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from algorithm.data.readers.annotation import Annotation
from algorithm.data.readers.object_list import Box, ObjectList, length, numbers
from algorithm.data.readers.tables.csv_syntax import Table
from algorithm.data.readers.tables.table_layout import SIDES, Layout

ONE_CLASS = "object"  # the class of all boxes of a table without classes
NOTHING = (
    "",
    "no_box",
    "[]",
    "nan",
    "no finding",
    "no_finding",
    "none",
    "background",
    "nothing",
    "negative",
    "empty",
)
SHARE = 1.5  # where no number of a table is larger, its boxes are shares of the picture
TELLING = 3  # so many different boxes whose second pair lies beyond the first: corners


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A row with an object.

    Attributes:
        found: The numbers as they stand there, or what is wrong with them.
    """

    line: int
    label: str
    found: tuple[float, ...] | str
    ignored: bool


@dataclass
class PictureRows:
    """The rows of one picture of a table.

    Attributes:
        words: Of a split, as its rows say them.
    """

    line: int
    width: int | None
    height: int | None
    words: set[str] = field(default_factory=set)
    rows: list[BoxRow] = field(default_factory=list)


def picture_rows(table: Table, layout: Layout, names: dict[str, str]) -> dict[str, PictureRows]:
    """Return the rows of each picture name of a table.

    Args:
        table: The table.
        layout: What its columns mean.
        names: What to call its classes, by their codes.

    Raises:
        DataError: The table is damaged.
    """
    found: dict[str, PictureRows] = {}
    lines = table.rows()
    if layout.header:
        next(lines, None)
    for line, cells in lines:
        name = _cell(cells, layout.picture)
        rows = found.get(name)
        if rows is None:
            width, height = (length(_cell(cells, at)) for at in (layout.width, layout.height))
            rows = found[name] = PictureRows(line, width, height)
        rows.words.add(_cell(cells, layout.split).lower())
        label = ONE_CLASS if layout.label is None else _cell(cells, layout.label)
        corners = [_cell(cells, place) for place in layout.numbers]
        nothing = all(corner.lower() in NOTHING for corner in corners)
        if nothing and label.lower() in (*NOTHING, ONE_CLASS):
            continue
        ignored = any(
            _cell(cells, place).lower() in ("1", "1.0", "true", "yes") for place in layout.ignored
        )
        boxes = [corners] if len(corners) > 1 else _lists(corners[0])
        rows.rows += [
            BoxRow(line, names.get(label, label), _numbers(box, table.delimiter), ignored)
            for box in boxes
        ]
    return found


def kind_of(layout: Layout, pictures: Iterable[PictureRows]) -> str:
    """Return what the numbers of a table are, in the words of Layout; its rows decide "open".

    They are corners where each second pair lies beyond the first, and either a box of that size
    would leave its picture or TELLING different boxes show the same. Else they are sizes.
    """
    if layout.kind != "open":
        return layout.kind
    telling, leaves = set(), False
    for picture in pictures:
        for row in picture.rows:
            if isinstance(row.found, str):
                continue
            first, second, third, fourth = row.found
            if third <= first or fourth <= second:
                return "sizes"
            if first > 0 or second > 0:
                telling.add(row.found)
            leaves |= first + third > (picture.width or float("inf")) + 1
            leaves |= second + fourth > (picture.height or float("inf")) + 1
    return "corners" if leaves or len(telling) >= TELLING else "sizes"


def in_shares(pictures: Iterable[PictureRows]) -> bool:
    """Return whether the boxes are shares of the picture: no number is larger than SHARE."""
    found = [
        max(map(abs, row.found))
        for picture in pictures
        for row in picture.rows
        if not isinstance(row.found, str)
    ]
    return bool(found) and max(found) <= SHARE


def annotation_of(picture: PictureRows, file: str, kind: str, *, shares: bool) -> Annotation:
    """Return the objects of a picture.

    Args:
        picture: Its rows.
        file: The table, as the user knows it.
        kind: What the numbers are, as `kind_of` says.
        shares: Whether they are shares. They become pixels where the size is recorded; else the
            annotation has no size.
    """
    objects = ObjectList(file)
    size = (picture.width, picture.height) if picture.width and picture.height else (None, None)
    across, down = size if shares and size[0] else (1, 1)
    for row in picture.rows:
        if isinstance(row.found, str):
            objects.refuse(row.found, row.label, line=row.line)
            continue
        ymin, xmin, ymax, xmax = _box(row.found, kind)
        box = (ymin * down, xmin * across, ymax * down, xmax * across)
        objects.add(row.label, box, line=row.line, ignored=row.ignored)
    return objects.annotation(*size)


def _box(found: tuple[float, ...], kind: str) -> Box:
    first, second, third, fourth = found
    if kind == "corners":
        return second, first, fourth, third
    if kind == "centre":
        return second - fourth / 2, first - third / 2, second + fourth / 2, first + third / 2
    return second, first, second + fourth, first + third


def _lists(cell: str) -> list[list[str]]:
    """The numbers of each list in a cell: `[1, 2, 3, 4]`, `1 2 3 4; 5 6 7 8`, `[[1, 2, 3, 4]]`."""
    lists = re.findall(r"[\[(]([^\[\]()]*)[\])]", cell) or cell.split(";")
    return [[part for part in re.split(r"[\s,;]+", text) if part] for text in lists]


def _numbers(cells: list[str], delimiter: str) -> tuple[float, ...] | str:
    """The four numbers of a row, or what is wrong with them."""
    if delimiter != ",":
        cells = [cell.replace(",", ".") for cell in cells]
    if len(cells) != len(SIDES):
        return f"expected a list of four numbers, found {' '.join(cells)[:60]!r}"
    for cell, side in zip(cells, SIDES, strict=False):
        try:
            numbers((cell,))
        except ValueError:
            return f"expected a number for {side}, found {cell!r}"
    return numbers(cells)


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""
