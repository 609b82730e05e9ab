"""VisDrone: annotations/*.txt with `left,top,width,height,score,category,...`."""

from __future__ import annotations

import re

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.object_list import ObjectList, numbers
from algorithm.data.readers.pictures.named_pictures import named_listing
from algorithm.data.readers.public_sets.label_texts import named_pictures, texts_like
from algorithm.data.readers.reader import Certainty, Found, Reader, Source

CLASSES = (
    *("pedestrian", "people", "bicycle", "car", "van", "truck"),
    *("tricycle", "awning-tricycle", "bus", "motor", "others"),
)  # from 1; 0 is a region to ignore
ROW = re.compile(r"(-?\d+,){7}-?\d+,?")


def recognise(contents: FolderContents) -> Found | None:
    """Find texts whose lines are eight integers."""
    files = tuple(texts_like(contents, lambda line: bool(ROW.fullmatch(line.replace(" ", "")))))
    if not files:
        return None
    return Found(files, Certainty.CERTAIN, f"{len(files)} files of VisDrone", pictures=len(files))


def read_visdrone(found: Found, source: Source) -> Listing:
    """Return the listing of VisDrone.

    Rows of score 0 are ignored objects; regions to ignore are none.
    """
    regions = 0

    def add(objects: ObjectList, row: str, line: int) -> None:
        nonlocal regions
        left, top, width, height, score, category, *_ = numbers(row.strip(",").split(","), 8)
        if category == 0:
            regions += 1
            return
        if not 1 <= category <= len(CLASSES):
            raise ValueError(f"expected a category of 0..{len(CLASSES)}, found {category:g}")
        box = (top, left, top + height, left + width)
        objects.add(CLASSES[int(category) - 1], box, line=line, ignored=score == 0)

    rows = list(named_pictures(found.files, source.contents, add))
    note = f"{regions} region(s) to ignore of VisDrone are no objects and are left out"
    return named_listing(rows, source, (note,) * bool(regions))


READER = Reader("VisDrone", (), recognise, read_visdrone)
