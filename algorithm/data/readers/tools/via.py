"""VGG Image Annotator: its JSON, its projects (versions 2 and 3) and its CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import (
    likely_files,
    part,
    read_json,
    rows_of,
    told_pictures,
)
from algorithm.data.readers.object_list import Box, ObjectList, around, around_circle, numbers
from algorithm.data.readers.outline_forms import ellipse, polygons
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing, sided
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.readers.tables.csv_syntax import open_table
from algorithm.data.readers.tables.table_layout import folded_header
from algorithm.errors import DataError

WHAT = "a JSON or CSV of VGG Image Annotator"
COLUMNS = ("filename", "regionshapeattributes", "regionattributes")
KINDS = {
    **{"1": "point", "2": "rect", "3": "circle", "4": "ellipse"},
    **{"5": "line", "6": "polyline", "7": "polygon"},
}
KEYS = {
    "rect": ("x", "y", "width", "height"),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
}
CLASS_KEYS = ("class", "label", "name", "type", "category", "object")  # of several attributes


def recognise(contents: FolderContents) -> Found | None:
    """Find files of VGG Image Annotator, told by the names of their parts."""
    json_files = [name for name in likely_files(contents) if _is_json(contents, name)]
    csv_files = [name for name in contents.files(".csv") if _is_csv(contents, name)]
    files = (*json_files, *csv_files)
    if not files:
        return None
    count = told_pictures(contents, json_files, b'"filename"', b'"fname"')
    count += told_pictures(contents, csv_files, b"\n")
    what = f"{len(files)} file(s) of VGG Image Annotator"
    return Found(files, Certainty.CERTAIN, what, pictures=count)


def read_via(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of one file, or of one for each split.

    The class is the only attribute of a region, or the one called class, label, name, type,
    category or object.

    Raises:
        DataError: A file cannot be read.
    """
    rows = [
        row
        for name in found.files
        for row in (_of_csv if name.lower().endswith(".csv") else _of_json)(source, name)
    ]
    return named_listing(sided(rows, found.files), source)


READER = Reader("VGG Image Annotator", (".json", ".csv"), recognise, read_via)


def _is_json(contents: FolderContents, name: str) -> bool:
    head = contents.head(name)
    if b'"vid_list"' in head or (b'"fid_list"' in head and b'"metadata"' in head):
        return True
    return b'"_via_img_metadata"' in head or (b'"regions"' in head and b'"filename"' in head)


def _is_csv(contents: FolderContents, name: str) -> bool:
    return b"region_shape_attributes" in contents.head(name).replace(b"\0", b"")[:4096]


def _of_json(source: Source, name: str) -> Iterator[NamedPicture]:
    content: Any = read_json(source.contents.path(name), WHAT)
    if "metadata" in part({"": content}, "") and "view" in content:
        yield from _of_version_3(content, name, source.outlines)
        return
    pictures = part(content, "_via_img_metadata") or content
    for picture in rows_of(pictures):
        if "filename" not in picture:
            continue
        objects = ObjectList(name, source.outlines)
        for region in rows_of(picture.get("regions")):
            _add(objects, part(region, "shape_attributes"), part(region, "region_attributes"))
        yield NamedPicture((str(picture["filename"]),), name, objects.annotation())


def _of_version_3(content: dict, name: str, outlines: bool) -> Iterator[NamedPicture]:
    """The pictures of a project of version 3, whose parts refer to each other by ids."""
    attributes = part(content, "attribute")
    objects = {key: ObjectList(name, outlines) for key in part(content, "view")}
    for row in rows_of(part(content, "metadata")):
        shape = _named_numbers(row.get("xy") or [])
        if str(row.get("vid")) in objects and shape:
            values = {
                str(part(attributes, key).get("aname", key)): part(attributes, key, "options").get(
                    str(value), value
                )
                for key, value in part(row, "av").items()
            }
            _add(objects[str(row["vid"])], shape, values)
    for key, found in objects.items():
        files = part(content, "view", key).get("fid_list")
        file = part(content, "file", str(files[0]) if isinstance(files, list) and files else key)
        called = str(file.get("fname") or file.get("src") or "")
        yield NamedPicture((called,), name, found.annotation())


def _named_numbers(xy: object) -> dict:
    """The shape of version 3, [kind, numbers...], as older versions write it; {} for none."""
    if not isinstance(xy, list) or not xy:
        return {}
    kind, *values = xy
    kind = KINDS.get(str(kind), str(kind))
    if kind == "polygon":
        return {"name": kind, "all_points_x": values[::2], "all_points_y": values[1::2]}
    return {"name": kind, **dict(zip(KEYS.get(kind, ()), values, strict=False))}


def _of_csv(source: Source, name: str) -> Iterator[NamedPicture]:
    table = open_table(source.contents.path(name), name)
    rows = table.rows()
    _, header = next(rows)
    names = folded_header(header)
    if not set(COLUMNS) <= set(names):
        raise DataError(f"expected {WHAT} in {table.path}, found the columns {', '.join(header)}")
    places = [names.index(column) for column in COLUMNS]
    found: dict[str, tuple[int, ObjectList]] = {}
    for line, cells in rows:
        picture, shape, region = (cells[place] if place < len(cells) else "" for place in places)
        _, objects = found.setdefault(picture, (line, ObjectList(name, source.outlines)))
        try:
            shape, region = (json.loads(text or "{}") for text in (shape, region))
        except ValueError as error:
            objects.refuse(f"expected JSON in the columns of a region, found {error}", line=line)
            continue
        if shape:
            _add(objects, shape, region, line)
    for picture, (line, objects) in found.items():
        yield NamedPicture((picture,), name, objects.annotation(), line=line)


def _add(objects: ObjectList, shape: dict, attributes: dict, line: int | None = None) -> None:
    label = class_of(attributes)
    try:
        objects.add(label, _box(shape), line=line, outline=partial(_outline, shape))
    except ValueError as error:
        objects.refuse(str(error), label, line=line)


def class_of(attributes: dict) -> str:
    """Return the class in the attributes of a region; "" where they leave it open."""
    keys = {str(key).strip().lower(): value for key, value in attributes.items()}
    key = next((key for key in CLASS_KEYS if keys.get(key)), None)
    value = keys[key] if key else next(iter(keys.values())) if len(keys) == 1 else ""
    if isinstance(value, dict):  # a checkbox: {"cat": true, "dog": false}
        chosen = [str(name) for name, mark in value.items() if mark]
        return chosen[0] if len(chosen) == 1 else ""
    return str(value).strip()


def _box(shape: dict) -> Box:
    kind = str(shape.get("name") or "")
    if kind == "rect":
        x, y, width, height = numbers((shape.get(key) for key in ("x", "y", "width", "height")), 4)
        return y, x, y + height, x + width
    if kind in ("circle", "ellipse"):
        across, down = (
            (shape.get("r"),) * 2 if kind == "circle" else (shape.get("rx"), shape.get("ry"))
        )
        turn = _degrees(shape)
        return around_circle(shape.get("cx"), shape.get("cy"), across, down, turn)
    if kind == "polygon":
        return around(_points(shape))
    raise ValueError(f"expected a rect, polygon, circle or ellipse, found {kind or 'no shape'}")


def _outline(shape: dict) -> Outline | None:
    """The outline of a polygon, a circle or an ellipse."""
    kind = str(shape.get("name") or "")
    if kind == "polygon":
        return polygons([list(_points(shape))])
    if kind == "circle":
        x, y, radius = numbers((shape.get(key) for key in KEYS[kind]), 3)
        return ellipse(x, y, radius, radius)
    if kind == "ellipse":
        x, y, across, down = numbers((shape.get(key) for key in KEYS[kind]), 4)
        return ellipse(x, y, across, down, _degrees(shape))
    return None


def _points(shape: dict) -> Iterator[tuple[float, float]]:
    return zip(shape.get("all_points_x") or (), shape.get("all_points_y") or (), strict=True)


def _degrees(shape: dict) -> float:
    return float(shape.get("theta") or 0) * 57.29577951308232
