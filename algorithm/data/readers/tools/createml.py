"""Create ML: a JSON list of pictures, each with the centres and sizes of its boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from algorithm.data.feeding.decoding import PictureError, picture_size
from algorithm.data.readers.annotation import Annotation, Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import (
    likely_files,
    part,
    read_json,
    rows_of,
    told_pictures,
)
from algorithm.data.readers.object_list import ObjectList, numbers
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing, sided
from algorithm.data.readers.reader import Certainty, Found, Reader, Source

WHAT = "a Create ML JSON"
PICTURE = ("image", "imagefilename", "filename")
OBJECTS = ("annotations", "annotation")
OVER_THE_EDGE = 0.02  # share of a box that a hand may draw outside of the picture
MANY = 0.1  # share of the boxes


def recognise(contents: FolderContents) -> Found | None:
    """Find JSON files with `coordinates` of labels."""
    files = [name for name in likely_files(contents) if _is_createml(contents, name)]
    if not files:
        return None
    what = f"{len(files)} JSON of Create ML"
    count = told_pictures(contents, files, *(f'"{key}"'.encode() for key in OBJECTS))
    return Found(tuple(files), Certainty.CERTAIN, what, pictures=count)


def read_createml(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of one file, or of one for each split.

    x and y are the centre of a box. Some tools write its corner instead; that is read so where many
    boxes would leave their picture as centres and none as corners, and a warning says it.

    Raises:
        DataError: A file cannot be read.
    """
    rows = [row for name in found.files for row in _pictures(source.contents, name)]
    listing = named_listing(sided(rows, found.files), source)
    if not _are_corners(listing):
        return listing
    entries = tuple(replace(entry, annotation=_moved(entry.objects)) for entry in listing.entries)
    note = (
        "x and y in the Create ML JSON are read as the corner of a box, not as its centre: as "
        "centres, many boxes "
        "would leave their pictures"
    )
    return replace(listing, entries=entries, warnings=(*listing.warnings, note))


READER = Reader("Create ML JSON", (".json",), recognise, read_createml)


def _is_createml(contents: FolderContents, name: str) -> bool:
    head = contents.head(name)
    return (
        b'"coordinates"' in head
        and b'"label"' in head
        and head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[")
    )


def _pictures(contents: FolderContents, name: str) -> list[NamedPicture]:
    found = []
    for picture in rows_of(read_json(contents.path(name), WHAT)):
        objects = ObjectList(name)
        for row in rows_of(next((picture[key] for key in OBJECTS if key in picture), [])):
            box, label = part(row, "coordinates"), row.get("label")
            try:
                x, y, width, height = numbers(
                    (box.get(key) for key in ("x", "y", "width", "height")), 4
                )
            except ValueError as error:
                objects.refuse(str(error), label)
                continue
            objects.add(label, (y - height / 2, x - width / 2, y + height / 2, x + width / 2))
        called = next((str(picture[key]) for key in PICTURE if picture.get(key)), "")
        found.append(NamedPicture((called,), name, objects.annotation()))
    return found


def _are_corners(listing: Listing) -> bool:
    """Whether all boxes fit their pictures as corners, and many do not as centres."""
    boxes = np.concatenate(
        [np.zeros((0, 4), np.float32), *(entry.objects.boxes for entry in listing.entries)]
    )
    sizes = boxes[:, 2:] - boxes[:, :2]
    leaving = (boxes[:, :2] < -np.maximum(OVER_THE_EDGE * sizes, 0.1)).any(axis=1)
    if not leaving.any() or leaving.mean() <= MANY:
        return False
    return all(_fits(entry.path, _moved(entry.objects).boxes) for entry in listing.entries)


def _fits(path: Path, boxes: np.ndarray) -> bool:
    try:
        width, height = picture_size(path)
    except PictureError:  # told by whoever checks the pictures
        return True
    return bool(
        (boxes >= -1).all() and (boxes[:, 2:] <= np.array([height, width], np.float32) + 1).all()
    )


def _moved(annotation: Annotation) -> Annotation:
    """The annotation with each box moved by half its size."""
    half = (annotation.boxes[:, 2:] - annotation.boxes[:, :2]) / 2
    return replace(annotation, boxes=annotation.boxes + np.concatenate([half, half], axis=1))
