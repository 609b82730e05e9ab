"""A JSON file as people have them, and the objects in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.text_file import read_text
from algorithm.errors import DataError

MOST_FILES = 50  # that are opened to recognise a form with one file for all pictures


def read_json(path: Path, what: str) -> object:
    """Return the content of a JSON file.

    Args:
        path: The file.
        what: What it is to be, for the message: `a CreateML JSON`.

    Raises:
        DataError: It cannot be read, or is not JSON.
    """
    text, _ = read_text(path, what)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"expected {what}, found {path}, which is not JSON: {error}") from error


def likely_files(contents: FolderContents) -> list[str]:
    """Return the JSON files that may describe a whole dataset, by relative name: the least deep."""
    return sorted(contents.files(".json"), key=lambda name: name.count("/"))[:MOST_FILES]


def told_pictures(contents: FolderContents, names: Iterable[str], *marks: bytes) -> int:
    """Estimate how many pictures files describe by how often one of the marks occurs in them."""
    count = 0
    for name in names:
        before = b""
        with contents.path(name).open("rb") as stream:
            while block := stream.read(1 << 20):
                text = before + block
                count += max(text.count(mark) - before.count(mark) for mark in marks)
                before = block[-max(map(len, marks)) :]
    return min(count, len(contents.picture_names))


def rows_of(value: object) -> list[dict]:
    """Return the objects in a list, or the values of an object that are objects."""
    if isinstance(value, dict):
        value = list(value.values())
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def part(row: object, *keys: str) -> dict:
    """Return the object at a path of keys, empty where there is none."""
    for key in keys:
        row = row.get(key) if isinstance(row, dict) else None
    return row if isinstance(row, dict) else {}
