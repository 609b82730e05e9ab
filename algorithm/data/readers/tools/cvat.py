"""CVAT for images: one XML with the shapes of all pictures. CVAT for video is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import told_pictures
from algorithm.data.readers.object_list import (
    Box,
    ObjectList,
    around,
    around_circle,
    around_turned,
    enclosing,
    numbers,
)
from algorithm.data.readers.outline_forms import (
    ellipse,
    of_cut_out,
    polygons,
    row_runs_mask,
    size_of,
    united,
)
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing, split_word
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.errors import DataError

OPENED = 200  # XML that a recogniser looks into, at most
HOW = "export the task from CVAT as 'CVAT for images 1.1' or 'COCO 1.0', with the pictures"
PARTS = ("polygon", "mask")  # of one object, where label and group_id are the same
SHAPES = ("box", "polygon", "mask", "ellipse", "polyline", "points", "cuboid", "skeleton")


def recognise(contents: FolderContents) -> Found | None:
    """Find XML whose root element is <annotations>."""
    files = [
        name
        for name in _candidates(contents)
        if b"<annotations" in contents.head(name).replace(b"\0", b"")
    ]
    if not files:
        return None
    head = b"".join(contents.head(name) for name in files)
    if b"<track" in head and b"<image " not in head:
        return Found(tuple(files), Certainty.CERTAIN, "tracks of a video")  # refused when read
    what = f"{len(files)} XML of CVAT for images"
    return Found(
        tuple(files), Certainty.CERTAIN, what, pictures=told_pictures(contents, files, b"<image ")
    )


def _candidates(contents: FolderContents) -> list[str]:
    """Some XML: of many, those that are no picture's own, as VOC's are."""
    names = contents.files(".xml")
    if len(names) > OPENED:
        names = [
            name for name in names if not contents.pictures.of_stem(name.rpartition("/")[2][:-4])
        ]
    return names[:OPENED]


def read_cvat(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of CVAT's XML; its subsets are the split.

    The box of a polygon, a mask or an ellipse encloses it. Polygons and masks of one label and one
    group_id are one object. Points, lines and cuboids are complaints.

    Raises:
        DataError: A file is not such XML, or has the tracks of a video.
    """
    rows = [row for name in found.files for row in _pictures(source, name)]
    return named_listing(rows, source)


READER = Reader("CVAT for images", (".xml",), recognise, read_cvat)


def _pictures(source: Source, file: str) -> Iterator[NamedPicture]:
    path = source.contents.path(file)
    root: Any = None
    try:
        for event, element in iterparse(path, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                root = element if root is None else root
            elif element.tag == "track":
                raise DataError(
                    f"expected pictures in {path}, found the tracks of CVAT for video: {HOW}"
                )
            elif element.tag == "image":
                yield _picture(element, file, source.outlines)
                root.clear()
    except (OSError, LookupError, ValueError, ParseError, DefusedXmlException) as error:
        raise DataError(f"expected XML of CVAT for images, found {path}: {error}") from error


def _picture(image: Element, file: str, outlines: bool) -> NamedPicture:
    name, subset = image.get("name") or "", image.get("subset") or ""
    size = image.get("height"), image.get("width")
    objects = ObjectList(file, outlines)
    for shapes in _grouped(image):
        label = shapes[0].get("label")
        try:
            boxes = [_box(shape) for shape in shapes]
            hard = any(map(_is_difficult, shapes))
            outline = partial(_outline, shapes, size)
            objects.add(label, enclosing(boxes), ignored=hard, outline=outline)
        except ValueError as error:
            objects.refuse(str(error), label)
    names = (f"{subset}/{name}", name) if subset else (name,)
    annotation = objects.annotation(image.get("width"), image.get("height"))
    return NamedPicture(names, file, annotation, split_word(subset))


def _grouped(image: Element) -> list[list[Element]]:
    """The shapes of each object of a picture: several where polygons and masks are its parts."""
    groups: dict[object, list[Element]] = {}
    for shape in image:
        if shape.tag in SHAPES:
            group = shape.get("group_id") if shape.tag in PARTS else None
            key = (shape.get("label"), group) if group not in (None, "", "0") else object()
            groups.setdefault(key, []).append(shape)
    return list(groups.values())


def _outline(shapes: list[Element], size: tuple[str | None, str | None]) -> Outline | None:
    """The outline of the shapes of an object in a picture of (height, width); None of a box."""
    found: list[Outline] = []
    for shape in shapes:
        if shape.tag == "mask":
            left, top, width, height = (int(side) for side in _mask_sides(shape))
            runs = numbers((shape.get("rle") or "").split(","))
            mask = row_runs_mask([int(run) for run in runs], height, width)
            found.append(of_cut_out(mask, left, top, size_of(*size)))
        elif shape.tag == "polygon":
            found.append(polygons([_points(shape)]))
        elif shape.tag == "ellipse":
            x, y, across, down = numbers((shape.get(key) for key in ("cx", "cy", "rx", "ry")), 4)
            found.append(ellipse(x, y, across, down, float(shape.get("rotation") or 0)))
    return united(found) if found else None


def _points(shape: Element) -> list[tuple[float, ...]]:
    """The points (x, y) of a polygon."""
    texts = (shape.get("points") or "").split(";")
    return [numbers(point.split(","), 2) for point in texts if point]


def _mask_sides(shape: Element) -> tuple[float, ...]:
    """(left, top, width, height) of a mask."""
    return numbers((shape.get(key) for key in ("left", "top", "width", "height")), 4)


def _is_difficult(shape: Element) -> bool:
    """Whether it has an attribute `difficult` that is ticked."""
    return any(
        attribute.get("name") == "difficult" and (attribute.text or "").strip().lower() == "true"
        for attribute in shape.iter("attribute")
    )


def _box(shape: Element) -> Box:
    turn = float(shape.get("rotation") or 0)
    if shape.tag == "box":
        ymin, xmin, ymax, xmax = numbers(
            (shape.get(side) for side in ("ytl", "xtl", "ybr", "xbr")), 4
        )
        box = (ymin, xmin, ymax, xmax)
        return around_turned(box, turn) if turn else box
    if shape.tag == "ellipse":
        centre_x, centre_y, across, down = (shape.get(key) for key in ("cx", "cy", "rx", "ry"))
        return around_circle(centre_x, centre_y, across, down, turn)
    if shape.tag == "mask":
        left, top, width, height = _mask_sides(shape)
        return top, left, top + height, left + width
    if shape.tag == "polygon":
        return around(_points(shape))
    raise ValueError(f"expected a box, polygon, mask or ellipse, found <{shape.tag}>")
