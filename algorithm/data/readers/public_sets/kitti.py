"""KITTI: label_2/*.txt with `type truncated occluded alpha left top right bottom ...`."""

from __future__ import annotations

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.object_list import ObjectList, numbers
from algorithm.data.readers.pictures.named_pictures import named_listing
from algorithm.data.readers.public_sets.label_texts import named_pictures, texts_like
from algorithm.data.readers.reader import Certainty, Found, Reader, Source

FIELDS = (15, 16)  # the last one is the score of a detection
NO_OBJECT = "DontCare"


def recognise(contents: FolderContents) -> Found | None:
    """Find texts whose lines have KITTI's 15 or 16 fields."""
    files = tuple(texts_like(contents, _fits))
    if not files:
        return None
    return Found(
        files, Certainty.CERTAIN, f"{len(files)} label files of KITTI", pictures=len(files)
    )


def read_kitti(found: Found, source: Source) -> Listing:
    """Return the listing of KITTI; regions called DontCare are left out, with a warning."""
    left_out = 0

    def add(objects: ObjectList, row: str, line: int) -> None:
        nonlocal left_out
        kind, *others = row.split()
        if kind == NO_OBJECT:
            left_out += 1
            return
        left, top, right, bottom = numbers(others[3:7], 4)
        objects.add(kind, (top, left, bottom, right), line=line)

    rows = list(named_pictures(found.files, source.contents, add))
    note = f"{left_out} region(s) of KITTI called {NO_OBJECT} are no objects and are left out"
    return named_listing(rows, source, (note,) * bool(left_out))


READER = Reader("KITTI", (), recognise, read_kitti)


def _fits(line: str) -> bool:
    kind, *others = line.split()
    try:
        numbers(others)
    except ValueError:
        return False
    return len(others) + 1 in FIELDS and not kind[0].isdigit()
