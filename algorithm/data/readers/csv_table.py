"""A CSV table with one box a row (filename, width, height, class, xmin, ymin, xmax, ymax) to a Listing."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from algorithm.data.readers.annotation import (
    Annotation,
    Complaint,
    Entry,
    LazyEntries,
    Listing,
    as_boxes,
)
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.picture_lookup import Pictures
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.split_names import WORDS, usage_of, without_test
from algorithm.errors import DataError

CORNERS = ("ymin", "xmin", "ymax", "xmax")
COLUMNS = ("filename", "class", *CORNERS)  # width and height may be absent
DELIMITERS = ",;\t"
Rows = list[tuple[int, dict[str, str]]]  # (line, cells by column)


def read_csv(files: list[Path], pictures: Pictures) -> Listing:
    """Listing of one table, or of one for each split, whose names then begin with train and with val or test.

    A column `split` or `usage` gives the split where there is one. Pictures are found by name below the table's
    folder. A row without class and corners names a picture that shows nothing; a column `difficult` is heeded.
    Raises DataError when a header lacks a column.
    """
    files, warnings = without_test(files)
    groups: dict[Path, tuple[Path, Rows, str | None]] = {}
    complaints = []
    for file in files:
        for name, rows in _by_picture(file).items():
            try:
                usage = _usage(rows) or (usage_of(file.name) if len(files) > 1 else None)
                path = pictures.one(name, hint=file.stem)
                if groups.setdefault(path, (file, rows, usage))[1] is not rows:
                    raise ValueError(f"expected each picture in one table, found {name} again")
            except ValueError as error:
                complaints.append(Complaint(file.name, str(error), rows[0][0]))
    entries = LazyEntries(
        lambda: (_entry(path, *group, pictures.root) for path, group in groups.items())
    )
    return Listing(entries, tuple(complaints), warnings)


def _header(file: Path) -> tuple[list[str], str]:
    """(column names, delimiter) of a table."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            line = stream.readline(10_000)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"expected a CSV table in UTF-8, found {file}: {error}") from error
    delimiter = max(DELIMITERS, key=line.count)
    return [
        cell.strip().lower() for cell in next(csv.reader([line], delimiter=delimiter), [])
    ], delimiter


def _by_picture(file: Path) -> dict[str, Rows]:
    """The rows of each picture name."""
    header, delimiter = _header(file)
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise DataError(
            f"expected a first line with the columns filename,width,height,class,xmin,ymin,xmax,ymax in "
            f"{file}, found {','.join(header)!r} without {', '.join(missing)}"
        )
    found = defaultdict(list)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=delimiter)
            next(reader)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    row = dict(zip(header, (cell.strip() for cell in cells)))
                    found[row["filename"]].append((reader.line_num, row))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            f"expected a CSV table in UTF-8, found {file}:{reader.line_num + 1}: {error}"
        ) from error
    return found


def _usage(rows: Rows) -> str | None:
    """What the column split or usage says. Raises ValueError for an unknown word, or two for one picture."""
    words = {(row.get("split") or row.get("usage") or "").lower() for _, row in rows}
    if len(words) > 1 or not words <= {"", *WORDS}:
        raise ValueError(
            f"expected one split of {', '.join(WORDS)} for a picture, found {', '.join(sorted(words))}"
        )
    return WORDS.get(words.pop())


def _entry(path: Path, file: Path, rows: Rows, usage: str | None, root: Path) -> Entry:
    kept, complaints = [], []
    for line, row in rows:
        name = row.get("class", "")
        if not name and not any(row.get(side) for side in CORNERS):
            continue
        try:
            if not name:
                raise ValueError("expected a class name, found none")
            box = tuple(_number(row, side) for side in CORNERS)
            kept.append(
                (name, box, row.get("difficult", "").lower() in ("1", "true"), f"'{name}'", line)
            )
        except ValueError as error:
            complaints.append(Complaint(file.name, str(error), line))
    names, boxes, marks, things, lines = zip(*kept) if kept else ((), (), (), (), ())
    first = rows[0][1]
    annotation = Annotation(
        names,
        as_boxes(list(boxes)),
        np.array(marks, bool),
        _length(first.get("width")),
        _length(first.get("height")),
        file.name,
        things,
        lines,
        tuple(complaints),
    )
    source = path.relative_to(root).as_posix()
    return Entry(source, source, path, usage, annotation)


def _number(row: dict[str, str], column: str) -> float:
    try:
        value = float(row.get(column, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"expected a number for {column}, found {row.get(column, '')!r}")
    return value


def _length(text: str | None) -> int | None:
    try:
        length = int(float(text or 0))
    except (ValueError, OverflowError):
        return None
    return length if length > 0 else None


def _recognised(contents: FolderContents) -> Found | None:
    files = [name for name in contents.files(".csv") if set(COLUMNS) <= _columns(contents, name)]
    shown = ", ".join(files[:3])
    return Found(tuple(files), Certainty.CERTAIN, f"boxes in {shown}") if files else None


def _columns(contents: FolderContents, name: str) -> set[str]:
    try:
        return set(_header(contents.path(name))[0])
    except DataError:
        return set()


def _read(found: Found, source: Source) -> Listing:
    return read_csv(source.paths(found), source.contents.pictures)


READER = Reader("CSV", (".csv",), _recognised, _read)
