"""Annotations under the names that files give their pictures, to a Listing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from algorithm.data.feeding.decoding import PictureError, picture_size
from algorithm.data.readers.annotation import Annotation, Complaint, Entry, LazyEntries, Listing
from algorithm.data.readers.reader import Source
from algorithm.data.split_names import WORDS, stated_usages, word_of, word_of_path


@dataclass(frozen=True)
class NamedPicture:
    """What a file says of one picture.

    Attributes:
        names: What the picture may be called, the likeliest first.
        file: Relative name of the file that says so.
        annotation: Its objects; None where they cannot be used, and `problem` says why.
        word: The word of a split, a key of WORDS, that the file gives it.
        line: Where it stands in the file.
        problem: What was expected and what was found.
        shares: Whether the boxes are shares of a picture of unknown size; it is read from the
            picture's header when the entry is asked for.
        path: The picture, where it lies inside the file and is laid out elsewhere.
    """

    names: tuple[str, ...]
    file: str
    annotation: Annotation | None
    word: str | None = None
    line: int | None = None
    problem: str = ""
    shares: bool = False
    path: Path | None = None


def split_word(text: object) -> str | None:
    """Return the word of a split in what a file gives a picture (Train, VALIDATION), else None."""
    word = str(text or "").strip().lower()
    return word if word in WORDS else None


def sided(rows: Iterable[NamedPicture], files: Collection[str]) -> list[NamedPicture]:
    """Return the rows with the split that several files tell by name or folder (valid/a.json)."""
    words = {
        file: word_of(file.rpartition("/")[2]) or word_of_path(file)
        for file in (files if len(files) > 1 else ())
    }
    return [replace(row, word=row.word or words.get(row.file)) for row in rows]


def named_listing(
    rows: Iterable[NamedPicture], source: Source, warnings: tuple[str, ...] = ()
) -> Listing:
    """Return the listing of the pictures that rows name.

    Each is found by the longest tail of its name. The split is the words of the rows; where no row
    has one, the folders of the pictures, else of the files. A picture named twice and a name
    without a picture are complaints; pictures that no row names are left out with a warning.

    Args:
        rows: What the files of the dataset say of each picture.
        source: The dataset.
        warnings: Lines to log that the listing begins with.
    """
    entries: dict[str, Entry] = {}
    words: dict[str, str | None] = {}
    files: dict[str, str] = {}
    shares: set[str] = set()
    complaints = []
    for row in rows:
        try:
            name = row.names[0] if row.path else _picture(row, source)
        except ValueError as error:
            complaints.append(Complaint(row.file, str(error), row.line))
            continue
        if name in entries:
            problem = f"expected each picture once, found {name} again"
            complaints.append(Complaint(row.file, problem, row.line))
            continue
        wrong = (Complaint(row.file, row.problem, row.line, name),) if row.problem else ()
        path = row.path or source.contents.path(name)
        entries[name] = Entry(name, name, path, None, row.annotation, wrong)
        words[name], files[name] = row.word, row.file
        if row.shares:
            shares.add(name)
    usages, notes = stated_usages(_words(words, files))
    kept = tuple(
        replace(entry, usage=usages[name]) for name, entry in entries.items() if name in usages
    )
    entries_as_pixels = (
        LazyEntries(
            lambda: (_in_pixels(entry) if entry.image_id in shares else entry for entry in kept)
        )
        if shares
        else kept
    )
    return Listing(
        entries_as_pixels,
        tuple(complaints),
        (*warnings, *notes, *_empty(kept), *unnamed(entries, source)),
    )


def _in_pixels(entry: Entry) -> Entry:
    try:
        width, height = picture_size(entry.path)
    except PictureError:  # told by whoever checks the pictures
        return entry
    annotation = entry.objects
    boxes = annotation.boxes * np.array([height, width, height, width], np.float32)
    return replace(entry, annotation=replace(annotation, boxes=boxes, width=width, height=height))


def _empty(entries: Iterable[Entry]) -> tuple[str, ...]:
    """A line to log about pictures that are named and have no object."""
    names = [
        entry.source
        for entry in entries
        if entry.annotation and not entry.annotation.names and not entry.annotation.complaints
    ]
    if not names:
        return ()
    shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
    return (f"{len(names)} picture(s) have no object and count as empty ones: {shown}",)


def unnamed(names: Collection[str], source: Source) -> tuple[str, ...]:
    """Return a line to log about pictures in the folder that the dataset does not name."""
    others = [name for name in source.contents.picture_names if name not in names]
    if not others:
        return ()
    shown = ", ".join(others[:3]) + (" ..." if len(others) > 3 else "")
    return (f"{len(others)} picture(s) that no annotation names are left out: {shown}",)


def _words(words: dict[str, str | None], files: dict[str, str]) -> dict[str, str | None]:
    """The words of a split that the rows give, or, where none does, the folders."""
    if any(words.values()):
        return words
    return {name: word_of_path(name) or word_of_path(files[name]) for name in words}


def _picture(row: NamedPicture, source: Source) -> str:
    """Return the relative name of the picture.

    Raises:
        ValueError: There is none, or there are several.
    """
    near = row.file.rpartition("/")[0]
    hint = WORDS.get(row.word or "") or ""
    for name in row.names or ("",):
        found = source.contents.pictures.names(name, hint, near)
        if len(found) == 1:
            return found[0]
    place = source.contents.pictures.one((*row.names, "")[0], hint, near)
    return place.relative_to(source.contents.root).as_posix()
