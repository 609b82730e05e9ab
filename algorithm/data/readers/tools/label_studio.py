"""Label Studio: its own JSON, JSON-MIN and CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from algorithm.data.outline_geometry import extent, of_pixels
from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import Annotation, Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import (
    likely_files,
    part,
    read_json,
    rows_of,
    told_pictures,
)
from algorithm.data.readers.object_list import (
    Box,
    ObjectList,
    around,
    around_circle,
    around_turned,
    numbers,
)
from algorithm.data.readers.outline_forms import ellipse, polygons
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing, sided
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.readers.tables.csv_syntax import open_table
from algorithm.data.readers.tools.label_studio_brush import brush_mask

WHAT = "a JSON of Label Studio"
UPLOADED = re.compile(
    r"^[0-9a-f]{8}-"
)  # what Label Studio puts before the name of an uploaded picture
HELD = ("choices", "rating", "textarea", "number", "relation")  # of a whole picture: no objects
MARKS = (
    b'"rectanglelabels"',
    b'"original_width"',
    b'"from_name"',
    b'"completed_by"',
    b'"lead_time"',
)


def recognise(contents: FolderContents) -> Found | None:
    """Find lists of tasks of Label Studio."""
    files = [name for name in likely_files(contents) if _is_label_studio(contents, name)]
    files += [
        name
        for name in contents.files(".csv", ".tsv")
        if b"labels" in contents.head(name) and b"original_width" in contents.head(name)
    ]
    if not files:
        return None
    what = f"{len(files)} JSON of Label Studio"
    count = told_pictures(contents, files, b'"original_width"', b'"data"')
    return Found(tuple(files), Certainty.CERTAIN, what, pictures=count)


def read_label_studio(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of the tasks.

    Of several annotations of a task the last one counts. The box of a brush encloses its strokes.

    Raises:
        DataError: A file cannot be read.
    """
    rows, several = [], 0
    for name in found.files:
        for task in _tasks(source.contents, name):
            several += len(_annotations(task)) > 1
            rows.append(_picture(task, name, source.outlines))
    warnings: tuple[str, ...] = ()
    if several:
        warnings = (
            f"{several} task(s) of Label Studio have several annotations: the last one counts",
        )
    return named_listing(sided(rows, found.files), source, warnings)


READER = Reader("Label Studio", (".json", ".csv", ".tsv"), recognise, read_label_studio)


def _tasks(contents: FolderContents, name: str) -> list[dict]:
    """The tasks of a JSON, or of a CSV, whose cells hold the lists of JSON-MIN."""
    if name.lower().endswith(".json"):
        return rows_of(read_json(contents.path(name), WHAT))
    header, *rows = (cells for _, cells in open_table(contents.path(name), name).rows())
    return [{key: _cell(cell) for key, cell in zip(header, cells, strict=False)} for cells in rows]


def _cell(text: str) -> object:
    try:
        return json.loads(text) if text.startswith("[") else text
    except ValueError:
        return text


def _is_label_studio(contents: FolderContents, name: str) -> bool:
    head = contents.head(name)
    listed = head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[")
    return listed and any(mark in head for mark in MARKS) and b'"instances"' not in head


def _annotations(task: dict) -> list[dict]:
    found = rows_of(task.get("annotations") or task.get("completions"))
    return [row for row in found if not row.get("was_cancelled")]


def _picture(task: dict, file: str, outlines: bool) -> NamedPicture:
    data = part(task, "data") or task
    names = tuple(_names(data))
    if "data" not in task:  # JSON-MIN: the results stand beside the picture
        lists = [value for value in task.values() if isinstance(value, list)]
        results = [
            {"type": _labels_key(row), "value": row, **row}
            for rows in lists
            for row in rows_of(rows)
            if _labels_key(row)
        ]
        return NamedPicture(names, file, _objects(results, file, outlines))
    annotations = _annotations(task)
    if not annotations:
        problem = f"expected an annotation of task {task.get('id')}, found none (unlabelled)"
        return NamedPicture(names, file, None, problem=problem)
    results = rows_of(annotations[-1].get("result"))
    return NamedPicture(names, file, _objects(results, file, outlines))


def _names(data: dict) -> Iterator[str]:
    """What the picture of a task may be called on disk."""
    for value in data.values():
        if not isinstance(value, str):
            continue
        address = urlsplit(value)
        local = parse_qs(address.query).get("d")
        path = local[0] if local else unquote(address.path) if address.scheme else value
        if path.lower().endswith(PICTURE_SUFFIXES):
            folder, _, base = path.replace("\\", "/").rpartition("/")
            yield path
            yield f"{folder}/{UPLOADED.sub('', base)}"


def _objects(results: list[dict], file: str, outlines: bool) -> Annotation:
    objects = ObjectList(file, outlines)
    width: float | None = None
    height: float | None = None
    labels: dict[Any, Any] = {}
    for row in results:  # a label may stand in a result of its own with the same id
        found = part(row, "value").get(_labels_key(part(row, "value")) or "")
        if found:
            labels.setdefault(row.get("id"), found)
    done = set()
    for row in results:
        value, kind = part(row, "value"), str(row.get("type") or "")
        if kind in HELD or (row.get("id") in done and row.get("id") is not None):
            continue
        done.add(row.get("id"))
        own = value.get(_labels_key(value) or "") or labels.get(row.get("id")) or [""]
        try:
            width, height = numbers((row.get("original_width"), row.get("original_height")), 2)
            mask = brush_mask(value["rle"], height, width) if "rle" in value else None
            box = _box(value, kind, width, height) if mask is None else _around_pixels(mask)
        except ValueError as error:
            objects.refuse(str(error), own[0])
            continue
        for label in own:
            outline = partial(_outline, value, mask, row.get("image_rotation"), width, height)
            objects.add(label, box, outline=outline)
    return objects.annotation(width, height)


def _labels_key(value: dict) -> str | None:
    return next(
        (key for key in value if key.endswith("labels") and isinstance(value[key], list)), None
    )


def _box(value: dict, kind: str, width: float, height: float) -> Box:
    """The box in pixels of a shape in percent of the picture."""
    across, down = width / 100, height / 100
    if isinstance(value.get("points"), list):
        return around(_points(value, across, down))
    turn = float(value.get("rotation") or 0)
    if "radiusX" in value:
        x, y, wide, high = numbers((value.get(key) for key in ("x", "y", "radiusX", "radiusY")), 4)
        return around_circle(x * across, y * down, wide * across, high * down, turn)
    if "width" in value and "height" in value and "x" in value:
        x, y, wide, high = numbers((value.get(key) for key in ("x", "y", "width", "height")), 4)
        box = (y * down, x * across, (y + high) * down, (x + wide) * across)
        return around_turned(box, turn, pivot=(box[1], box[0])) if turn else box
    raise ValueError(f"expected a rectangle, polygon, ellipse or brush, found {kind or 'no shape'}")


def _around_pixels(mask: np.ndarray) -> Box:
    """The box around the pixels of a brush.

    Raises:
        ValueError: It has none.
    """
    if not mask.any():
        raise ValueError("expected strokes of a brush, found an empty one")
    return extent(of_pixels(mask))


def _outline(
    value: dict, mask: np.ndarray | None, turned: Any, width: float, height: float
) -> Outline | None:
    """The outline of a shape; None of a rectangle.

    Raises:
        ValueError: The picture was turned in Label Studio, or the points are none.
    """
    across, down = width / 100, height / 100
    if mask is None and not isinstance(value.get("points"), list) and "radiusX" not in value:
        return None
    if turned:
        raise ValueError(
            f"expected image_rotation 0 of a shape with an outline, found {turned}: turn the "
            "pictures before they are annotated"
        )
    if mask is not None:
        return of_pixels(mask)
    if "radiusX" in value:
        x, y, wide, high = numbers((value.get(key) for key in ("x", "y", "radiusX", "radiusY")), 4)
        turn = float(value.get("rotation") or 0)
        return ellipse(x * across, y * down, wide * across, high * down, turn)
    return polygons([_points(value, across, down)])


def _points(value: dict, across: float, down: float) -> list[tuple[float, float]]:
    """The points (x, y) of a polygon in percent, in pixels."""
    return [(x * across, y * down) for x, y in (numbers(point, 2) for point in value["points"])]
