"""Lists of keras-yolo3 and its kin: a line for each picture, `a.jpg xmin,ymin,xmax,ymax,id ...`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents, files_below
from algorithm.data.readers.object_list import ObjectList, numbers
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing, sided
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.readers.text_file import read_text
from algorithm.errors import DataError

BOX = r"-?[\d.]+(?:,-?[\d.]+){3},\d+"
ROW = re.compile(rf"(?P<picture>.+?)(?P<boxes>(?:\s+{BOX})*)\s*")
SUFFIXES = "|".join(re.escape(suffix) for suffix in PICTURE_SUFFIXES)
TOLD = re.compile(rf".+({SUFFIXES})\s+{BOX}(\s+{BOX})*\s*", re.IGNORECASE)
LOOKED_AT = 5  # lines of a text


def recognise(contents: FolderContents) -> Found | None:
    """Find texts whose first lines are a picture and boxes with the id of a class."""
    files = [name for name in contents.files(".txt")[:200] if _is_list(contents, name)]
    if not files:
        return None
    belongs = frozenset(name for name in contents.files(".txt") if "classes" in name.lower())
    count = len(contents.picture_names)
    what = f"{len(files)} list(s) of pictures with boxes"
    return Found(tuple(files), Certainty.CERTAIN, what, belongs, count)


def read_lists(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of one list, or of one for each split.

    Raises:
        DataError: No list of classes is beside, or several are, or a text cannot be read.
    """
    lists = _class_lists(source.contents.root)
    if len(lists) != 1:
        raise DataError(
            f"expected one text of class names ({', '.join(found.files)} give ids only), one a "
            f"line, called "
            f"classes.txt, found {', '.join(lists) or 'none'} in {source.contents.root}"
        )
    text, _ = read_text(source.contents.path(lists[0]), "a list of classes")
    names = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [row for name in found.files for row in _pictures(source.contents, name, names)]
    return named_listing(sided(rows, found.files), source)


READER = Reader("list of boxes", (".txt",), recognise, read_lists)


def _is_list(contents: FolderContents, name: str) -> bool:
    lines = [line for line in contents.text(name).splitlines()[:LOOKED_AT] if line.strip()]
    return any(map(TOLD.fullmatch, lines)) and all(map(ROW.fullmatch, lines))


def _class_lists(root: Path) -> list[str]:
    """Relative names of the texts that are called after classes, also where one text is given."""
    texts = files_below(root, (".txt",))
    return [text.relative_to(root).as_posix() for text in texts if "classes" in text.name.lower()]


def _pictures(contents: FolderContents, file: str, names: list[str]) -> Iterator[NamedPicture]:
    text, _ = read_text(contents.path(file), "a list of pictures with boxes")
    for line, row in enumerate(text.splitlines(), start=1):
        match = ROW.fullmatch(row)
        if not row.strip() or match is None:
            continue
        objects = ObjectList(file)
        for box in match["boxes"].split():
            xmin, ymin, xmax, ymax, number = numbers(box.split(","), 5)
            if number >= len(names):
                problem = f"expected a class id of 0..{len(names) - 1}, found {number:g}"
                objects.refuse(problem, line=line)
            else:
                objects.add(names[int(number)], (ymin, xmin, ymax, xmax), line=line)
        yield NamedPicture((match["picture"].strip(),), file, objects.annotation(), line=line)
