"""DOTA: labelTxt/*.txt with turned boxes, `x1 y1 x2 y2 x3 y3 x4 y4 class difficult`."""

from __future__ import annotations

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.object_list import ObjectList, around, numbers
from algorithm.data.readers.pictures.named_pictures import named_listing
from algorithm.data.readers.public_sets.label_texts import named_pictures, texts_like
from algorithm.data.readers.reader import Certainty, Found, Reader, Source

HEADERS = ("imagesource", "gsd")  # first lines of a file, `imagesource:GoogleEarth`
NOTE = "the turned boxes of DOTA become the upright boxes around them"


def recognise(contents: FolderContents) -> Found | None:
    """Find texts whose lines are eight numbers, a class and a mark."""
    files = tuple(texts_like(contents, lambda line: _is_header(line) or _fits(line)))
    if not files or all(map(_is_header, contents.text(files[0]).splitlines())):
        return None
    own = all("/labelTxt" in f"/{name}" for name in files)  # a folder that only DOTA has
    sure = Certainty.DECLARED if own else Certainty.CERTAIN
    return Found(files, sure, f"{len(files)} files of DOTA", pictures=len(files))


def read_dota(found: Found, source: Source) -> Listing:
    """Return the listing of DOTA: boxes around the four corners; difficult ones are ignored."""

    def add(objects: ObjectList, row: str, line: int) -> None:
        if _is_header(row):
            return
        cells = row.split()
        corners = numbers(cells[:8], 8)
        name = cells[8] if len(cells) > 8 else ""
        hard = cells[9:10] not in ([], ["0"])
        objects.add(
            name, around(zip(corners[::2], corners[1::2], strict=False)), line=line, ignored=hard
        )

    return named_listing(named_pictures(found.files, source.contents, add), source, (NOTE,))


READER = Reader("DOTA", (), recognise, read_dota)


def _is_header(line: str) -> bool:
    return line.partition(":")[0].strip().lower() in HEADERS


def _fits(line: str) -> bool:
    cells = line.split()
    try:
        numbers(cells[:8], 8)
    except ValueError:
        return False
    marks = cells[9:]
    return (
        len(cells) in (9, 10) and not cells[8][0].isdigit() and marks in ([], ["0"], ["1"], ["2"])
    )
