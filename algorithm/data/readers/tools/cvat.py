"""CVAT for images: one XML with the shapes of all pictures. CVAT for video is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import told_pictures
from algorithm.data.readers.named_pictures import NamedPicture, named_listing, split_word
from algorithm.data.readers.object_list import (
    Box,
    ObjectList,
    around,
    around_circle,
    around_turned,
    numbers,
)
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.errors import DataError

OPENED = 200  # XML that a recogniser looks into, at most
HOW = "export the task from CVAT as 'CVAT for images 1.1' or 'COCO 1.0', with the pictures"
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

    The box of a polygon, a mask or an ellipse encloses it. Points, lines and cuboids are
    complaints.

    Raises:
        DataError: A file is not such XML, or has the tracks of a video.
    """
    rows = [row for name in found.files for row in _pictures(source.contents, name)]
    return named_listing(rows, source)


READER = Reader("CVAT for images", (".xml",), recognise, read_cvat)


def _pictures(contents: FolderContents, file: str) -> Iterator[NamedPicture]:
    path = contents.path(file)
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
                yield _picture(element, file)
                root.clear()
    except (OSError, LookupError, ValueError, ParseError, DefusedXmlException) as error:
        raise DataError(f"expected XML of CVAT for images, found {path}: {error}") from error


def _picture(image: Element, file: str) -> NamedPicture:
    name, subset = image.get("name") or "", image.get("subset") or ""
    objects = ObjectList(file)
    for shape in image:
        if shape.tag in SHAPES:
            try:
                objects.add(shape.get("label"), _box(shape), ignored=_is_difficult(shape))
            except ValueError as error:
                objects.refuse(str(error), shape.get("label"))
    names = (f"{subset}/{name}", name) if subset else (name,)
    annotation = objects.annotation(image.get("width"), image.get("height"))
    return NamedPicture(names, file, annotation, split_word(subset))


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
        keys = ("left", "top", "width", "height")
        left, top, width, height = numbers((shape.get(key) for key in keys), 4)
        return top, left, top + height, left + width
    if shape.tag == "polygon":
        return around(point.split(",") for point in (shape.get("points") or "").split(";") if point)
    raise ValueError(f"expected a box, polygon, mask or ellipse, found <{shape.tag}>")
