"""COCO JSON with its pictures to a Listing."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.data.readers.annotation import (
    Annotation,
    Complaint,
    Entry,
    Listing,
    as_boxes,
    no_objects,
)
from algorithm.data.readers.coco.coco_boxes import Box, box_of
from algorithm.data.readers.coco.coco_categories import Categories, categories_of
from algorithm.data.readers.coco.coco_files import (
    KEYS,
    almost_coco,
    file_usages,
    instance_files,
    words_of_files,
)
from algorithm.data.readers.coco.coco_outlines import (
    OUTLINE,
    with_outline,
    without_outline,
)
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.outline_forms import kept_outlines
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.readers.text_file import decoded_bytes
from algorithm.data.split_names import WORDS, stated_usages, word_of_path
from algorithm.errors import DataError

NAMES = ("file_name", "filename", "path")  # what tools call the picture of a row of images


def read_coco(contents: FolderContents, names: list[str], outlines: bool = False) -> Listing:
    """Return the listing of one JSON, or of several whose names or folders state a split.

    Pictures are matched by name below the folder of the data, never opened at a path from the
    file. Crowd objects are ignored ones; image ids become strings.

    Args:
        contents: The folder of the data.
        names: Relative names of the JSON files.
        outlines: Whether outlines are kept; they take most of the memory.

    Raises:
        DataError: A file is no COCO JSON, or the files form no split.
    """
    usages, lines = file_usages(names, contents.root)
    words = words_of_files(names)
    loaded = {name: _load(contents.path(name), outlines) for name in usages}
    categories, remarks = categories_of(
        {str(contents.path(name)): content for name, content in loaded.items()}
    )
    reading = _Reading(contents)
    for name in usages:
        content = loaded.pop(name)
        own = categories.by_file[str(contents.path(name))]
        hint = WORDS.get(words[name] or "") or ""
        _add_file(reading, _File(name, str(contents.path(name)), usages[name], hint, own), content)
    entries, notes = _with_sides_of_folders(reading.entries)
    return Listing(
        entries,
        tuple(reading.complaints),
        (*lines, *remarks, *reading.warnings, *notes),
        categories.ordered,
    )


def _with_sides_of_folders(
    entries: dict[str, Entry],
) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """The entries, in the split of their pictures' folders where no file states one; notes."""
    if any(entry.usage for entry in entries.values()):
        return tuple(entries.values()), ()
    usages, notes = stated_usages({name: word_of_path(name) for name in entries})
    kept = (replace(entries[name], usage=usage) for name, usage in usages.items())
    return tuple(kept), notes


@dataclass(frozen=True)
class _File:
    """A JSON: its relative name, its path, the side it states, its hint for pictures, classes."""

    name: str
    path: str
    usage: str | None
    hint: str
    categories: Categories


@dataclass
class _Reading:
    """What has been read so far: an entry for each picture."""

    contents: FolderContents
    entries: dict[str, Entry] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def _load(file: Path, outlines: bool) -> dict:
    hook = with_outline if outlines else without_outline
    try:
        content = json.loads(decoded_bytes(file.read_bytes(), str(file)), object_hook=hook)
    except OSError as error:
        raise DataError(
            f"expected a readable COCO JSON, found {file}: {error.strerror or error}"
        ) from error
    except ValueError as error:
        raise DataError(
            f"expected COCO JSON in {file}, found a file that is not JSON: {error}"
        ) from error
    missing = [
        key
        for key in KEYS
        if not isinstance(content, dict) or not isinstance(content.get(key), list)
    ]
    if missing:
        raise DataError(
            f"expected COCO JSON with the lists {', '.join(KEYS)} in {file}, found none for "
            f"{', '.join(missing)}: give an instances file, a manifest or a VOC folder"
        )
    strange = next((row for key in KEYS for row in content[key] if not isinstance(row, dict)), None)
    if strange is not None:
        raise DataError(
            f"expected only JSON objects in the lists of {file}, found {str(strange)[:60]!r}"
        )
    return content


def _add_file(reading: _Reading, file: _File, content: dict) -> None:
    objects = defaultdict(list)
    for row in content.pop("annotations"):  # each is let go with its picture
        objects[_id(row.get("image_id"))].append(row)
    images: dict[str, list[dict]] = defaultdict(list)
    for image in content["images"]:
        if image not in images[_id(image.get("id"))]:
            images[_id(image.get("id"))].append(image)
    for number, rows in images.items():
        own = objects.pop(number, [])
        if len(rows) > 1 and own:
            _add_open(reading, file, number, rows, len(own))
            continue
        for image in rows:
            _add_image(reading, file, number, image, own)
    for number, rows in objects.items():
        problem = (
            f"expected annotations of listed images, found {len(rows)} of an image with id {number}"
        )
        reading.complaints.append(Complaint(file.path, problem, usage=file.usage))


def _add_open(reading: _Reading, file: _File, number: str, images: list[dict], count: int) -> None:
    """Pictures that share an id: whose the annotations are is open, so none of them can be used."""
    names = " and ".join(_name(image) for image in images[:3])
    problem = (
        f"expected an id for each image, found id {number} for {names}: which of them its {count} "
        "annotation(s) belong to is open; number the images anew"
    )
    for image in images:
        wrong = Complaint(file.path, problem, thing=f"image {number}", usage=file.usage)
        found = reading.contents.pictures.names(_name(image), file.hint, _folder(file.name))
        if len(found) != 1:
            reading.complaints.append(wrong)
            continue
        path = reading.contents.path(found[0])
        entry = Entry(f"{number} {found[0]}", found[0], path, file.usage, None, (wrong,))
        reading.entries[found[0]] = entry


def _add_image(reading: _Reading, file: _File, number: str, image: dict, rows: list[dict]) -> None:
    thing = f"image {number}"
    annotation = _annotation(image, rows, file)
    try:
        path = reading.contents.pictures.one(_name(image), file.hint, _folder(file.name))
    except ValueError as error:
        wrong = Complaint(file.path, str(error), thing=thing, usage=file.usage)
        reading.complaints.append(wrong)
        return
    name = path.relative_to(reading.contents.root).as_posix()
    entry = Entry(number, name, path, file.usage, annotation)
    before = reading.entries.get(name)
    if before is None:
        reading.entries[name] = entry
    elif before.usage != entry.usage:
        problem = f"expected each picture in one split, found {name} in both: it evaluates"
        reading.complaints.append(Complaint(file.path, problem, thing=thing, repeated=True))
        reading.entries[name] = before if before.usage == "eval" else entry
    elif before.annotation is not None:
        joined = Annotation.joined([before.annotation, annotation])
        reading.entries[name] = Entry(before.image_id, name, path, entry.usage, joined)
        reading.warnings.append(
            f"{file.name} lists {name} with the ids {before.image_id} and {number}: its "
            "annotations are put together"
        )


def _annotation(image: dict, rows: list[dict], file: _File) -> Annotation:
    width, height = (_length(image.get(side)) for side in ("width", "height"))
    if not rows:
        return no_objects(width, height, file.path)
    names, boxes, ignored, filled, things, complaints = [], [], [], [], [], []
    found = []
    for row in rows:
        thing = f"annotation {row.get('id')} of image {image.get('id')}"
        try:
            box, name = box_of(row.get("bbox")), file.categories.name(row.get("category_id"))
        except ValueError as error:
            complaints.append(Complaint(file.path, str(error), thing=thing))
            continue
        boxes.append(box)
        names.append(name)
        ignored.append(_is_true(row.get("iscrowd")) or _is_true(row.get("ignore")))
        filled.append(_filled(row.get("area"), box))
        things.append(f"{thing} '{name}'")
        found.append(row.get(OUTLINE))
    outlines, outline_complaints = kept_outlines(found, things, file.path)
    return Annotation(
        tuple(names),
        as_boxes(boxes),
        np.array(ignored, bool),
        width,
        height,
        file.path,
        tuple(things),
        (None,) * len(names),
        tuple(complaints),
        np.array(filled, np.float32),
        outlines,
        outline_complaints,
    )


def _name(image: dict) -> str:
    return next((str(image[key]) for key in NAMES if image.get(key)), "")


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _id(number: object) -> str:
    """An id as text: 1, 1.0 and "1" are the same."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    return str(number).strip()


def _is_true(mark: object) -> bool:
    return mark not in (None, 0, False, "", "0", "false", "False")


def _filled(area: object, box: Box) -> float:
    """The share of its box that an object with this recorded area covers; 1 without an area."""
    whole = (box[2] - box[0]) * (box[3] - box[1])
    if not isinstance(area, int | float) or not 0 < area < math.inf or whole <= 0:
        return 1.0
    return min(area / whole, 1.0)


def _length(number: Any) -> int | None:
    try:
        length = float(number or 0)
    except (TypeError, ValueError):
        return None
    return int(length) if 0 < length < math.inf else None


def _recognised(contents: FolderContents) -> Found | None:
    files, count = instance_files(contents)
    if files:
        return Found(tuple(files), Certainty.CERTAIN, ", ".join(files[:3]), pictures=count)
    almost = almost_coco(contents)
    if almost is None:
        return None
    name, missing = almost
    lacks = (
        f"but with the lists {', '.join(KEYS)} expected in {name}, found none for "
        f"{', '.join(missing)}: export it again, whole"
    )
    return Found((name,), Certainty.HINT, lacks)


def _read(found: Found, source: Source) -> Listing:
    return read_coco(source.contents, list(found.files), source.outlines)


READER = Reader("COCO", (".json",), _recognised, _read)
