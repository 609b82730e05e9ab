"""Pictures with instance masks in the Penn-Fudan layout (PNGImages, PedMasks) to a Listing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from algorithm.data.outline_geometry import of_pixels
from algorithm.data.readers.annotation import (
    Annotation,
    Complaint,
    Entry,
    LazyEntries,
    Listing,
    as_boxes,
)
from algorithm.data.readers.folder_contents import FolderContents, files_below
from algorithm.data.readers.mask_pictures import mask_pixels
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.reader import Certainty, Found, Reader
from algorithm.errors import DataError

PICTURES, MASKS = "PNGImages", "PedMasks"
MASK_MARK = "_mask"  # FudanPed00001.png has the mask FudanPed00001_mask.png
CLASS_NAME = "pedestrian"  # the only class; the set's own text files call it PASpersonWalking


def mask_folder(folder: Path) -> Path | None:
    """Return the folder with PNGImages and PedMasks: this one, or the only one in it with both."""
    found = [
        place
        for place in (folder, *sorted(folder.iterdir()))
        if (place / PICTURES).is_dir() and (place / MASKS).is_dir()
    ]
    return found[0] if len(found) == 1 or found[:1] == [folder] else None


def read_masks(folder: Path, outlines: bool = False) -> Listing:
    """Return the listing of a Penn-Fudan folder; masks are read when entries are asked for.

    The box of an instance encloses its pixels.

    Args:
        folder: Has the two folders.
        outlines: Whether the pixels of each instance are kept as its outline.

    Raises:
        DataError: There is no picture.
    """
    pictures = list(files_below(folder / PICTURES, PICTURE_SUFFIXES))
    if not pictures:
        raise DataError(f"expected pictures in {folder / PICTURES}, found none")
    masks = {file.stem: file for file in files_below(folder / MASKS, PICTURE_SUFFIXES)}
    stray = sorted(masks.keys() - {picture.stem + MASK_MARK for picture in pictures})
    complaints = [
        Complaint(
            f"{MASKS}/{masks[stem].name}",
            "expected a picture of the same name without '_mask', found none",
        )
        for stem in stray
    ]
    return Listing(
        LazyEntries(
            lambda: (
                _entry(picture, masks.get(picture.stem + MASK_MARK), folder, outlines)
                for picture in pictures
            )
        ),
        tuple(complaints),
    )


def boxes_of_mask(mask: np.ndarray) -> dict[int, tuple[int, int, int, int]]:
    """Return the boxes of the instances in an integer [H, W] mask.

    They are (ymin, xmin, ymax, xmax), pixel edges, of each number but 0.
    """
    boxes = {}
    for number in np.unique(mask[mask != 0]):
        rows, columns = (
            np.flatnonzero((mask == number).any(1)),
            np.flatnonzero((mask == number).any(0)),
        )
        boxes[int(number)] = (
            int(rows[0]),
            int(columns[0]),
            int(rows[-1]) + 1,
            int(columns[-1]) + 1,
        )
    return boxes


def _entry(picture: Path, mask: Path | None, folder: Path, outlines: bool) -> Entry:
    source = f"{PICTURES}/{picture.relative_to(folder / PICTURES).as_posix()}"
    if mask is None:
        wrong = Complaint(
            source, f"expected the mask {MASKS}/{picture.stem}{MASK_MARK}.png, found none"
        )
        return Entry(source, source, picture, None, None, (wrong,))
    name = mask.relative_to(folder).as_posix()
    try:
        numbers = mask_pixels(mask)
    except (OSError, ValueError) as error:
        wrong = Complaint(name, str(error).removeprefix(f"{mask}: "))
        return Entry(source, source, picture, None, None, (wrong,))
    boxes = boxes_of_mask(numbers)
    height, width = numbers.shape
    things = tuple(f"instance {number}" for number in boxes)
    annotation = Annotation(
        (CLASS_NAME,) * len(boxes),
        as_boxes(list(boxes.values())),
        np.zeros(len(boxes), bool),
        width,
        height,
        name,
        things,
        (None,) * len(boxes),
        outlines=tuple(of_pixels(numbers == number) for number in boxes) if outlines else None,
    )
    return Entry(source, source, picture, None, annotation)


def _recognised(contents: FolderContents) -> Found | None:
    if not any(name.rpartition("/")[2] in (PICTURES, MASKS) for name in contents.folders):
        return None
    place = mask_folder(contents.root)
    if place is None:
        return None
    name = place.relative_to(contents.root).as_posix()
    return Found((name,), Certainty.CERTAIN, f"{PICTURES} and {MASKS}")


READER = Reader(
    "Penn-Fudan masks",
    (),
    _recognised,
    lambda found, source: read_masks(source.paths(found)[0], source.outlines),
)
