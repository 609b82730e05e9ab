"""YOLO folders (data.yaml, or darknet's obj.data) to a Listing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from algorithm.data.feeding.decoding import PictureError, picture_size
from algorithm.data.readers.annotation import (
    Annotation,
    Complaint,
    Entry,
    LazyEntries,
    Listing,
    no_objects,
)
from algorithm.data.readers.picture_lookup import inside
from algorithm.data.readers.folder_contents import FolderContents, files_below
from algorithm.data.readers.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.reader import Certainty, Found, Reader
from algorithm.data.readers.yolo_labels import parse_labels
from algorithm.data.readers.yolo_settings import YoloSettings, read_settings
from algorithm.errors import DataError

IGNORED = "ignored"  # beside labels/: rows of objects that YOLO's own files cannot mark as difficult or crowd


@dataclass(frozen=True, slots=True)
class _Picture:
    path: Path
    usage: str | None


def read_yolo(path: Path) -> Listing:
    """Listing of the pictures that a data.yaml or obj.data names, labels read when entries are asked for.

    A label file stands where images/ is exchanged for labels/ in the picture's path, or beside the picture; a picture
    without one shows nothing. Rows are `class x y width height` in shares of the picture, or a polygon, which becomes
    its enclosing box. Paths that leave the folder are refused. Raises DataError when the file is not what it should
    be, names no picture, or no picture has a label file.
    """
    settings = read_settings(path)
    pictures: dict[Path, _Picture] = {}
    complaints = []
    for usage, addresses in settings.splits.items():
        for address in addresses:
            found, wrong = _pictures(settings, address)
            complaints += wrong
            for picture in found:
                if pictures.setdefault(picture, _Picture(picture, usage)).usage != usage:
                    problem = f"expected each picture in one split, found {picture} again"
                    complaints.append(Complaint(str(path), problem))
    if not any(map(label_file, pictures)):
        raise DataError(
            f"expected pictures with label files (.txt) of the same name, in labels/ or beside them, as "
            f"{path} says, found {len(pictures)} picture(s) and no label file: check its paths"
        )
    entries = LazyEntries(lambda: (_entry(picture, settings) for picture in pictures.values()))
    categories = tuple((name, number) for number, name in enumerate(settings.names, start=1))
    return Listing(entries, tuple(complaints), settings.warnings, categories)


def label_file(picture: Path, kind: str = "labels") -> Path | None:
    """The label file of a picture, None if there is none. kind: "labels", or "ignored" for the rows not trained on."""
    before, found, after = str(picture.with_suffix(".txt")).rpartition(f"{os.sep}images{os.sep}")
    places = [Path(f"{before}{os.sep}{kind}{os.sep}{after}")] if found else []
    if kind == "labels":
        places.append(picture.with_suffix(".txt"))
    return next((place for place in places if place.is_file()), None)


def _pictures(settings: YoloSettings, address: str) -> tuple[list[Path], list[Complaint]]:
    """The pictures in a folder, or those that a .txt lists, and complaints about its lines."""
    place = settings.place(address)
    if place.is_dir():
        return list(files_below(place, PICTURE_SUFFIXES)), []
    if place.suffix.lower() != ".txt":
        return [place], []
    found, complaints = [], []
    for number, text in enumerate(place.read_text(encoding="utf-8-sig").splitlines(), start=1):
        try:
            if text.strip():
                found.append(_listed(settings.root, place, text.strip()))
        except ValueError as error:
            complaints.append(
                Complaint(place.relative_to(settings.root).as_posix(), str(error), number)
            )
    return found, complaints


def _listed(root: Path, listing: Path, text: str) -> Path:
    """The picture that a line means: from the list's folder, from the root, or the end of a path of another machine."""
    if not Path(text).is_absolute():
        for base in (root, listing.parent):
            candidate = _existing(base, root, text)
            if candidate:
                return candidate
    parts = Path(text).parts
    if ".." not in parts:
        for start in range(1, len(parts)):
            candidate = root.joinpath(*parts[start:])
            if candidate.is_file():
                return candidate
    inside(root, text.lstrip("/"))
    raise ValueError(f"expected the path of a picture below {root}, found {text!r}")


def _existing(base: Path, root: Path, text: str) -> Path | None:
    relative = os.path.relpath(base / text, root)
    path = root / relative
    return path if not relative.startswith("..") and path.is_file() else None


def _entry(picture: _Picture, settings: YoloSettings) -> Entry:
    path = picture.path
    source = path.relative_to(settings.root).as_posix()
    entry = Entry(source, source, path, picture.usage, no_objects())
    try:
        width, height = picture_size(path)
    except PictureError:  # told by whoever checks the pictures
        return entry
    parts = [
        _read(file, settings, width, height, ignored=kind == IGNORED)
        for kind in ("labels", IGNORED)
        if (file := label_file(path, kind)) is not None
    ]
    return Entry(
        source, source, path, picture.usage, Annotation.joined(parts or [no_objects(width, height)])
    )


def _read(
    file: Path, settings: YoloSettings, width: int, height: int, *, ignored: bool
) -> Annotation:
    name = file.relative_to(settings.root).as_posix()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        wrong = Complaint(
            name, f"expected a text file of labels, found one that cannot be read: {error}"
        )
        return no_objects(width, height, name, (wrong,))
    names, boxes, marks, things, lines, complaints = parse_labels(
        text, name, settings.names, width, height
    )
    return Annotation(names, boxes, marks | ignored, width, height, name, things, lines, complaints)


def yolo_files(contents: FolderContents) -> list[str]:
    """Names of files that describe a YOLO dataset: a YAML with `names` and `train` or `val`, or a .data file."""
    found = []
    for name in contents.files(".yaml", ".yml", ".data"):
        lines = contents.text(name).splitlines()
        keys = {line.replace("=", ":").partition(":")[0].strip(" \t'\"\ufeff") for line in lines}
        if "names" in keys and keys & {"train", "val", "valid"}:
            found.append(name)
    return found


def _recognised(contents: FolderContents) -> Found | None:
    files = yolo_files(contents)
    return Found(tuple(files), Certainty.DECLARED, files[0]) if files else None


READER = Reader(
    "YOLO",
    (".yaml", ".yml", ".data"),
    _recognised,
    lambda found, source: read_yolo(source.only_path(found, "YOLO")),
)
