"""Tables with one box a row to a Listing: any header, any delimiter, shares or pixels."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import PEEK, FolderContents, files_below
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.readers.tables.box_rows import (
    ONE_CLASS,
    PictureRows,
    annotation_of,
    in_shares,
    kind_of,
    picture_rows,
)
from algorithm.data.readers.tables.csv_syntax import TOLD, Table, delimiter_of, open_table
from algorithm.data.readers.tables.table_layout import (
    Layout,
    layout_of_cells,
    layout_of_header,
    names_whole_pictures,
)
from algorithm.data.split_names import WORDS, word_of, word_of_path
from algorithm.errors import DataError

SUFFIXES = (".csv", ".tsv")
MOST_TABLES = 200  # more of them are not looked at
LOOKED_AT = 20  # rows of each
WANTED = (
    "a first line with the columns filename,width,height,class,xmin,ymin,xmax,ymax (or others "
    "that say the same), "
    "or rows of filename,xmin,ymin,xmax,ymax,class"
)
UNSAID = ("unassigned", "none", "nan")  # words of a split that say nothing
OPEN_IMAGES = ("class-descriptions", "image_ids", "with-rotation", "imagelabels", "segmentation")
CODES = ("/m/", "/g/", "/t/")  # how the codes of Open Images begin
KINDS = {"corners": "xmin, ymin, xmax, ymax", "sizes": "xmin, ymin, width, height"}


@dataclass(frozen=True)
class _Sheet:
    """A table with its rows.

    Attributes:
        word: Of the split that its name tells.
    """

    table: Table
    layout: Layout
    word: str | None
    pictures: dict[str, PictureRows]


def recognise(contents: FolderContents) -> Found | None:
    """Find tables with pictures and boxes; of tables without boxes, say why they are no dataset."""
    names = contents.files(*SUFFIXES)[:MOST_TABLES]
    texts = contents.files(".txt")[:MOST_TABLES]
    names += [name for name in texts if _is_table_of_text(contents, name)]
    tables = [name for name in names if _layout(first_rows(contents, name))]
    if tables:
        count = sum(_pictures_told(contents, name) for name in tables)
        sure = Certainty.CERTAIN if count else Certainty.LIKELY
        what = f"{len(tables)} table(s) of boxes"
        return Found(tuple(tables), sure, what, frozenset(_companions(contents)), count)
    if any("with-rotation" in name or "imagelabels" in name for name in names):
        what = "as of Open Images, but without its boxes (...-annotations-bbox.csv): add them"
        return Found(tuple(names[:1]), Certainty.HINT, what)
    for name in names:
        rows = first_rows(contents, name)
        if contents.picture_names and names_whole_pictures(rows):
            what = (
                f"but {name} gives whole pictures their classes (columns {', '.join(rows[0])}) "
                f"and no boxes: "
                f"that is a dataset for classification. Expected {WANTED}"
            )
            return Found((name,), Certainty.HINT, what)
    return _list_of_classes(contents, texts)


def _list_of_classes(contents: FolderContents, names: list[str]) -> Found | None:
    """A text of rows such as `1.jpg dog`: classes of whole pictures."""
    for name in names:
        rows = [line.split() for line in contents.text(name).splitlines()[:LOOKED_AT]]
        classes = rows and all(len(row) == 2 and not row[1].lstrip("-").isdigit() for row in rows)
        if classes and all(contents.pictures.names(row[0]) for row in rows):
            what = (
                f"but {name} gives whole pictures their classes and no boxes: that is a dataset "
                f"for classification. Expected {WANTED}"
            )
            return Found((name,), Certainty.HINT, what)
    return None


def read_tables(found: Found, source: Source) -> Listing:
    """Return the listing of one table, or of one for each split.

    Names or folders of the tables say train, val, test. A column `split` or `usage` gives the split
    where there is one. A row without class and corners names a picture that shows nothing.

    Raises:
        DataError: A table cannot be read, has no known columns, or two that are no sides name the
            same pictures.
    """
    codes = _class_descriptions(source.contents.root)
    sheets, warnings = _sides([_sheet(name, source.contents, codes) for name in found.files])
    rows = []
    for sheet in sheets:
        kind = kind_of(sheet.layout, sheet.pictures.values())
        shares = in_shares(sheet.pictures.values())
        warnings += _remarks(sheet, kind, shares=shares)
        rows += [
            _named(name, picture, sheet, kind, shares=shares)
            for name, picture in sheet.pictures.items()
        ]
    return named_listing(rows, source, tuple(warnings))


READER = Reader("CSV", (*SUFFIXES, ".txt"), recognise, read_tables)


def first_rows(contents: FolderContents, name: str) -> list[list[str]]:
    """Return the cells of the first rows of a table, without the last one, which may be cut."""
    text = contents.text(name)
    lines = text.splitlines()[: LOOKED_AT + 1]
    if len(text) >= PEEK // 2:
        lines = lines[:-1] or lines
    if lines and TOLD.match(lines[0]):
        lines = lines[1:]
    delimiter = delimiter_of(lines[0]) if lines else ","
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        return [found for cells in rows if any(found := [cell.strip() for cell in cells])]
    except csv.Error:
        return []


def _layout(rows: list[list[str]]) -> Layout | None:
    return (layout_of_header(rows[0]) or layout_of_cells(rows)) if rows else None


def _is_table_of_text(contents: FolderContents, name: str) -> bool:
    """Whether a .txt holds rows of a known layout, with a header or without."""
    return _layout(first_rows(contents, name)) is not None


def _pictures_told(contents: FolderContents, name: str) -> int:
    """About how many pictures of the folder a table names, by its first rows and its size."""
    rows = first_rows(contents, name)
    layout, whole = _layout(rows), len(rows) < LOOKED_AT
    if layout is None:
        return 0
    rows = rows[layout.header :]
    names = {cells[layout.picture] for cells in rows if len(cells) > layout.picture}
    known = sum(bool(contents.pictures.names(one)) for one in names)
    if whole:
        return known
    seen = sum(len(",".join(cells)) + 1 for cells in rows)
    return round(known * max(1.0, contents.path(name).stat().st_size / seen))


def _companions(contents: FolderContents) -> Iterator[str]:
    """Tables that belong to others: what Open Images says besides, a list of classes."""
    for name in contents.files(*SUFFIXES)[:MOST_TABLES]:
        base = name.rpartition("/")[2].lower()
        if base == "classes.csv" or any(word in base for word in OPEN_IMAGES):
            yield name


def _class_descriptions(root: Path) -> dict[str, str]:
    """What people call the classes that Open Images writes as codes (/m/01yrx)."""
    files = files_below(root, (".csv",))
    found: dict[str, str] = {}
    for file in files:
        if "class-descriptions" not in file.name.lower():
            continue
        table = open_table(file, file.name)
        found.update(
            (cells[0], cells[1])
            for _, cells in table.rows()
            if len(cells) > 1 and cells[0].startswith(CODES)
        )
    return found


def _sheet(name: str, contents: FolderContents, codes: dict[str, str]) -> _Sheet:
    table = open_table(contents.path(name), name)
    rows = first_rows(contents, name)
    layout = _layout(rows)
    if layout is None:
        shown = ",".join(rows[0])[:100] if rows else "nothing"
        lacks = "a box" if names_whole_pictures(rows) else "a picture or none of a box"
        raise DataError(
            f"expected {WANTED} in {table.path}, found {shown!r}, which names no column of {lacks}"
        )
    word = word_of(name.rpartition("/")[2]) or word_of_path(name)
    return _Sheet(table, layout, word, picture_rows(table, layout, codes))


def _sides(sheets: list[_Sheet]) -> tuple[list[_Sheet], list[str]]:
    """The tables that are read, and lines to log.

    A table of no side is passed over where those of the sides name its pictures too. Two of one
    side that name the same pictures are a question to the user.
    """
    warnings: list[str] = []
    kept: list[_Sheet] = []
    of_sides = {name for sheet in sheets if sheet.word for name in sheet.pictures}
    for sheet in sheets:
        if not sheet.word and of_sides and of_sides >= sheet.pictures.keys():
            warnings.append(
                f"{sheet.table.name} is not read: the tables of the split name the same pictures"
            )
            continue
        for other in kept:
            both = other.pictures.keys() & sheet.pictures.keys()
            if other.word == sheet.word and both:
                raise DataError(
                    f"expected each picture in one table, found {len(both)} ({min(both)}, ...) in "
                    f"{other.table.path} and in {sheet.table.path}: give the path of the one to use"
                )
        kept.append(sheet)
    return kept, warnings


def _remarks(sheet: _Sheet, kind: str, *, shares: bool) -> list[str]:
    """Lines to log about how a table is read."""
    name = sheet.table.name
    lines = list(sheet.table.warnings())
    if sheet.layout.kind == "open":
        lines.append(
            f"the boxes in {name} are read as {KINDS[kind]}: name their columns so, or one column "
            f"bbox_xyxy or "
            "bbox_xywh, if that is wrong"
        )
    if sheet.layout.label is None:
        lines.append(
            f"{name} has no column for the class: all boxes are of one class, '{ONE_CLASS}'"
        )
    if shares:
        lines.append(f"the boxes in {name} are shares of the picture (0..1) and are read as such")
    return lines


def _named(
    name: str, picture: PictureRows, sheet: _Sheet, kind: str, *, shares: bool
) -> NamedPicture:
    file, problem = sheet.table.name, ""
    words = picture.words - {"", *UNSAID}
    if len(words) > 1 or not words <= WORDS.keys():
        found = ", ".join(sorted(words))
        problem = f"expected one split of {', '.join(WORDS)} for a picture, found {found}"
    annotation = None if problem else annotation_of(picture, file, kind, shares=shares)
    return NamedPicture(
        (name,),
        file,
        annotation,
        sheet.word if problem or not words else words.pop(),
        picture.line,
        problem,
        shares and annotation is not None and annotation.width is None,
    )
