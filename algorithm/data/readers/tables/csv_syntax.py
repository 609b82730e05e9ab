"""A CSV table as a spreadsheet, a script or a tool writes it: its cells and their lines."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from algorithm.data.readers.text_file import GUESSED, encoding_of
from algorithm.errors import DataError

DELIMITERS = ",;\t|"
HEAD = 1 << 16
TOLD = re.compile(r"sep=(.)\s*$")
csv.field_size_limit(1 << 27)  # one cell may hold all outlines of a picture


@dataclass(frozen=True)
class Table:
    """A table that is open for reading.

    Attributes:
        path: Its file.
        name: Its name as the user knows it.
        encoding: Of its text.
        delimiter: Between its cells.
        told: Whether a line before the table says the delimiter, as Excel writes it (`sep=;`).
    """

    path: Path
    name: str
    encoding: str
    delimiter: str
    told: bool = False

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, cells without blanks around them) of each row that is not empty.

        Raises:
            DataError: The text is damaged.
        """
        try:
            with self.path.open(encoding=self.encoding, newline="") as stream:
                reader = csv.reader(stream, delimiter=self.delimiter, skipinitialspace=True)
                if self.told:
                    next(reader, None)
                for cells in reader:
                    cells = [cell.strip() for cell in cells]
                    if any(cells):
                        yield reader.line_num, cells
        except (csv.Error, OSError, UnicodeDecodeError) as error:
            raise DataError(f"expected a CSV table, found {self.path}: {error}") from error

    def warnings(self) -> tuple[str, ...]:
        """Return a line to log where the encoding is a guess."""
        if self.encoding != GUESSED:
            return ()
        return (f"{self.name} is not in UTF-8 and is read as GBK: check the names of its classes",)


def open_table(path: Path, name: str) -> Table:
    """Open a table; find its encoding and its delimiter.

    Raises:
        DataError: It cannot be read, or is neither UTF-8, UTF-16 nor GBK.
    """
    try:
        with path.open("rb") as stream:
            encoding = _encoding(stream)
        with path.open(encoding=encoding, newline="") as stream:
            first = stream.readline(HEAD)
    except OSError as error:
        raise DataError(f"expected a CSV table, found {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected a CSV table in UTF-8, UTF-16 or GBK, found {path}, which is in none of "
            f"them: save it as UTF-8 ({error.reason})"
        ) from error
    told = TOLD.match(first)
    return Table(path, name, encoding, told[1] if told else delimiter_of(first), bool(told))


def delimiter_of(line: str) -> str:
    """Return the sign that stands most often in a line, outside of quotes and brackets."""
    depth, counts, quoted = 0, dict.fromkeys(DELIMITERS, 0), False
    for sign in line:
        quoted ^= sign == '"'
        depth += (sign in "[{(") - (sign in ")}]")
        if sign in counts and not quoted and depth <= 0:
            counts[sign] += 1
    return max(DELIMITERS, key=counts.__getitem__)


def _encoding(stream: BinaryIO) -> str:
    """Reads the whole file block by block where its beginning does not tell."""
    head = stream.read(HEAD)
    encoding = encoding_of(head, whole=len(head) < HEAD)
    if encoding != "utf-8":
        return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while head:
            decoder.decode(head)
            head = stream.read(1 << 20)
        decoder.decode(b"", True)
        return encoding
    except UnicodeDecodeError:
        return GUESSED
