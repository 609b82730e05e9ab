"""WIDER FACE: one text for each split, with `left top width height` and six marks of each face."""

from __future__ import annotations

from collections.abc import Iterator

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import told_pictures
from algorithm.data.readers.object_list import ObjectList, numbers
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.readers.text_file import read_text
from algorithm.data.split_names import word_of
from algorithm.errors import DataError

NAME = "_bbx_gt"
CLASS_NAME = "face"
INVALID = 7  # place of the mark of a face that is too unclear to count


def recognise(contents: FolderContents) -> Found | None:
    """Find texts called wider_face_train_bbx_gt.txt and the like."""
    files = [name for name in contents.files(".txt") if NAME in name.rpartition("/")[2]]
    files = [name for name in files if word_of(name.rpartition("/")[2]) != "test"]
    if not files:
        return None
    what, count = f"{len(files)} text(s) of WIDER FACE", told_pictures(contents, files, b".jpg")
    return Found(tuple(files), Certainty.CERTAIN, what, pictures=count)


def read_wider_face(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of WIDER FACE; faces marked invalid are ignored.

    Raises:
        DataError: A text breaks off, or a line is not what it should be.
    """
    rows = [row for name in found.files for row in _pictures(source.contents, name)]
    return named_listing(rows, source)


READER = Reader("WIDER FACE", (), recognise, read_wider_face)


def _pictures(contents: FolderContents, file: str) -> Iterator[NamedPicture]:
    path = contents.path(file)
    lines = read_text(path, "a text of WIDER FACE")[0].splitlines()
    word, place = word_of(file.rpartition("/")[2]), 0
    while place < len(lines):
        name = lines[place].strip()
        if not name:
            place += 1
            continue
        count = lines[place + 1].strip() if place + 1 < len(lines) else ""
        if not name.lower().endswith(PICTURE_SUFFIXES) or not count.isdigit():
            raise DataError(
                f"expected the name of a picture and the number of its faces at "
                f"{path}:{place + 1}, found "
                f"{name[:60]!r} and {count[:60]!r}"
            )
        first, number = place + 2, int(count)
        if first + number > len(lines):
            raise DataError(
                f"expected {number} faces of {name} in {path}, found the end of the file"
            )
        objects = ObjectList(file)
        for line in range(first, first + number):
            _add(objects, lines[line], line + 1)
        folder = f"WIDER_{word}/images/" if word else ""
        yield NamedPicture((folder + name, name), file, objects.annotation(), word, place + 1)
        empty = number == 0 and first < len(lines) and set(lines[first].split()) == {"0"}
        place = first + number + empty  # a picture without faces has a line of zeros


def _add(objects: ObjectList, row: str, line: int) -> None:
    cells = row.split()
    try:
        left, top, width, height = numbers(cells[:4], 4)
    except ValueError as error:
        objects.refuse(str(error), line=line)
        return
    hard = cells[INVALID : INVALID + 1] == ["1"]
    objects.add(CLASS_NAME, (top, left, top + height, left + width), line=line, ignored=hard)
