"""LabelMe: one JSON beside each picture, with its shapes."""

from __future__ import annotations

import base64
import itertools
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import Annotation, Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import read_json, rows_of
from algorithm.data.readers.mask_pictures import numbered_pixels
from algorithm.data.readers.object_list import (
    Box,
    ObjectList,
    around,
    around_circle,
    enclosing,
    numbers,
)
from algorithm.data.readers.outline_forms import (
    ellipse,
    of_cut_out,
    polygons,
    size_of,
    united,
)
from algorithm.data.readers.pictures.embedded_pictures import laid_out
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.errors import DataError

WHAT = "a LabelMe JSON"
MARKS = (b'"shapes"', b'"imagePath"', b'"imageData"', b'"flags"')
AREAS = (
    "rectangle",
    "polygon",
    "rotation",
    "mask",
    "cuboid",
    "quad",
)  # the box encloses their points
LOOKED_AT = 3  # files that are opened to recognise the form


def recognise(contents: FolderContents) -> Found | None:
    """Find JSON files of LabelMe, told by the first of them with a picture of the same name."""
    names = contents.files(".json")
    paired = itertools.islice((name for name in names if _pair(contents, name)), LOOKED_AT)
    if not any(_is_labelme(contents, name) for name in list(paired) or names[:LOOKED_AT]):
        return None
    return Found(tuple(names), Certainty.CERTAIN, f"{len(names)} JSON files", pictures=len(names))


def read_labelme(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of LabelMe's files.

    The box of an outline encloses it; shapes of one class and one group_id are one object. Points
    and lines have no area and are complaints. A picture that lies only inside its JSON is laid out
    in the work folder.
    """
    strangers: list[str] = []
    rows = list(_pictures(found, source, strangers))
    notes: tuple[str, ...] = ()
    if strangers:
        shown = ", ".join(strangers[:3]) + (" ..." if len(strangers) > 3 else "")
        notes = (f"{len(strangers)} JSON file(s) are not of LabelMe and are not read: {shown}",)
    return named_listing(rows, source, notes)


READER = Reader("LabelMe JSON", (), recognise, read_labelme)


def _pair(contents: FolderContents, name: str) -> list[str]:
    """The pictures that have the name of a JSON."""
    return contents.pictures.names(name[:-5], near=name.rpartition("/")[0])


def _is_labelme(contents: FolderContents, name: str) -> bool:
    head = contents.head(name).replace(b"\0", b"")
    return MARKS[0] in head and any(mark in head for mark in MARKS[1:])


def _pictures(found: Found, source: Source, strangers: list[str]) -> Iterator[NamedPicture]:
    """What each file says; those that are of something else join the strangers."""
    contents, work_dir = source.contents, source.work_dir
    for name in found.files:
        stem = name[:-5]
        try:
            content = read_json(contents.path(name), WHAT)
            if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
                raise DataError(f"expected {WHAT} with a list 'shapes', found {name} without one")
        except DataError as error:
            if not _pair(contents, name):
                strangers.append(name)
                continue
            yield NamedPicture((stem,), name, None, problem=str(error))
            continue
        names = (str(content.get("imagePath") or stem), stem)
        path = None
        if content.get("imageData") and not any(map(contents.pictures.names, names)):
            work_dir = work_dir or Path(tempfile.mkdtemp(prefix="efficientdet-"))
            path = _embedded(content["imageData"], work_dir)
        annotation = annotation_of(content, name, source.outlines)
        yield NamedPicture(names, name, annotation, path=path)


def _embedded(text: object, work_dir: Path) -> Path | None:
    """The picture inside a JSON, laid out as a file; None where it is damaged."""
    try:
        return laid_out(base64.b64decode(str(text), validate=True), work_dir)
    except ValueError:
        return None


def annotation_of(content: dict, file: str, outlines: bool = False) -> Annotation:
    """Return the objects of one JSON, with their outlines if they are wanted."""
    objects = ObjectList(file, outlines)
    groups: dict[tuple[str, Any], _Object] = {}
    for shape in rows_of(content["shapes"]):
        label = str(shape.get("label") or "").strip()
        flags = shape.get("flags")
        flagged = isinstance(flags, dict) and bool(flags.get("difficult"))
        hard = flagged or bool(shape.get("difficult"))
        try:
            box = _box(shape)
        except ValueError as error:
            objects.refuse(str(error), label)
            continue
        group = shape.get("group_id")
        key = (label, group) if group is not None else (label, object())
        before = groups.get(key, _Object(box, False, ()))
        shapes = (*before.shapes, shape)
        groups[key] = _Object(enclosing([before.box, box]), before.hard or hard, shapes)
    size = content.get("imageHeight"), content.get("imageWidth")
    for (label, _), found in groups.items():
        outline = partial(_outline, found.shapes, size)
        objects.add(label, found.box, ignored=found.hard, outline=outline)
    return objects.annotation(content.get("imageWidth"), content.get("imageHeight"))


@dataclass(frozen=True)
class _Object:
    """The shapes of one object, the box around them, whether one is difficult."""

    box: Box
    hard: bool
    shapes: tuple[dict, ...]


def _outline(shapes: tuple[dict, ...], size: tuple[Any, Any]) -> Outline | None:
    """The outline of the shapes of an object in a picture of (height, width).

    None where all of them are boxes.
    """
    found: list[Outline] = []
    for shape in shapes:
        kind, points = _kind(shape), shape.get("points") or []
        if kind == "polygon":
            found.append(polygons([points]))
        elif kind == "circle":
            (x, y), (edge_x, edge_y) = (numbers(point, 2) for point in points)
            radius = math.hypot(edge_x - x, edge_y - y)
            found.append(ellipse(x, y, radius, radius))
        elif kind == "mask":
            left, top = (round(side) for side in numbers(points[0], 2))
            found.append(of_cut_out(_mask(shape.get("mask")), left, top, size_of(*size)))
    return united(found) if found else None


def _mask(text: object) -> np.ndarray:
    """The pixels of a mask in a JSON.

    Raises:
        ValueError: It is no picture of one channel.
    """
    try:
        return numbered_pixels(base64.b64decode(str(text or ""), validate=True))
    except ValueError as error:
        raise ValueError(f"expected the PNG of a mask in base64: {error}") from error


def _kind(shape: dict) -> str:
    return str(shape.get("shape_type") or "polygon").lower().replace(" ", "_")


def _box(shape: dict) -> Box:
    kind, points = _kind(shape), shape.get("points") or []
    if kind == "circle" and len(points) == 2:
        (x, y), (edge_x, edge_y) = (numbers(point, 2) for point in points)
        radius = ((edge_x - x) ** 2 + (edge_y - y) ** 2) ** 0.5
        return around_circle(x, y, radius, radius)
    if kind in AREAS or kind == "oriented_rectangle":
        return around(points)
    raise ValueError(f"expected a shape with an area ({', '.join(AREAS)}, circle), found a {kind}")
