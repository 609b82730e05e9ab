"""VOC's SegmentationObject: pictures that number the objects, as outlines of an annotation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from algorithm.data.outline_geometry import extent, of_pixels
from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import Annotation, Complaint
from algorithm.data.readers.mask_pictures import mask_pixels
from algorithm.data.readers.pictures.picture_lookup import folded, stem_of
from algorithm.ops.box_arrays import pairwise_iou

FOLDER = "segmentationobject"
VOID = 255  # the border between objects, and what nobody marked
SAME_OBJECT = 0.5  # IoU of a box and the extent of a number from which they are one object


def object_masks(pictures: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the names of masks of SegmentationObject by (the folder above it, stem)."""
    masks = {}
    for name in pictures:
        folder, _, last = name.rpartition("/")
        above, _, own = folder.rpartition("/")
        if folded(own) == FOLDER:
            masks[above, folded(stem_of(last))] = name
    return masks


def mask_of(picture: str, masks: dict[tuple[str, str], str]) -> str | None:
    """Return the name of the mask of a picture: in the nearest folder above both."""
    folder, _, last = picture.rpartition("/")
    while True:
        name = masks.get((folder, folded(stem_of(last))))
        if name is not None or not folder:
            return name
        folder = folder.rpartition("/")[0]


def with_masks(annotation: Annotation, path: Path, name: str) -> Annotation:
    """Return an annotation with the outlines of a mask; polygons that it has stay.

    A number belongs to the object whose box fits it best: the order of the objects is not always
    that of the numbers.

    Args:
        annotation: With the boxes.
        path: Of the mask.
        name: Of the mask, as the user knows it.
    """
    try:
        pixels = mask_pixels(path)
    except (OSError, ValueError) as error:
        wrong = Complaint(name, str(error).removeprefix(f"{path}: "))
        return _with(annotation, annotation.outlines, [wrong])
    numbers = [number for number in np.unique(pixels).tolist() if number not in (0, VOID)]
    found = [of_pixels(pixels == number) for number in numbers]
    outlines: list[Outline | None] = list(annotation.outlines or (None,) * len(annotation.names))
    owners = _owners(annotation.boxes, np.array([extent(one) for one in found], np.float32))
    strays = []
    for place, outline in enumerate(found):
        owner = owners.get(place)
        if owner is None:
            problem = "expected an object whose box fits, found none"
            strays.append(Complaint(name, problem, thing=f"instance {numbers[place]}"))
        elif outlines[owner] is None:
            outlines[owner] = outline
    drawn = any(one is not None for one in outlines)
    return _with(annotation, tuple(outlines) if drawn else None, strays)


def _owners(boxes: np.ndarray, extents: np.ndarray) -> dict[int, int]:
    """The object of each extent that has one, the best fit first."""
    owners: dict[int, int] = {}
    if not len(boxes) or not len(extents):
        return owners
    overlap = pairwise_iou(extents, boxes)
    for flat in np.argsort(-overlap, axis=None, kind="stable").tolist():
        place, owner = divmod(flat, len(boxes))
        if overlap[place, owner] < SAME_OBJECT:
            break
        if place not in owners and owner not in owners.values():
            owners[place] = owner
    return owners


def _with(
    annotation: Annotation, outlines: tuple[Outline | None, ...] | None, more: list[Complaint]
) -> Annotation:
    complaints = (*annotation.outline_complaints, *more)
    return replace(annotation, outlines=outlines, outline_complaints=complaints)
