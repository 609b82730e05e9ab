"""COCO JSON with its pictures to a Listing."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from algorithm.data.readers.annotation import Annotation, Complaint, Entry, Listing, as_boxes
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.picture_lookup import Pictures
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.split_names import usage_of
from algorithm.errors import DataError

KEYS = ("images", "annotations", "categories")
SPLITS = {"train": "train", "val": "eval"}  # instances_<first word>...json


def instance_files(contents: FolderContents) -> list[str]:
    """Names of the COCO JSON: instances_*.json, else those that show the words of a COCO file."""
    names = contents.files(".json")
    named = [name for name in names if name.rpartition("/")[2].lower().startswith("instances_")]
    return named or [name for name in names if _has_words(contents.path(name))]


def _has_words(file: Path) -> bool:
    missing, before = {f'"{key}"'.encode() for key in KEYS}, b""
    with file.open("rb") as stream:
        while missing and (block := stream.read(1 << 20)):
            missing -= {word for word in missing if word in before + block}
            before = block[-20:]
    return not missing


def read_coco(files: list[Path], pictures: Pictures) -> Listing:
    """Listing of one JSON, or of instances_train*.json and instances_val*.json, which then give the split.

    Pictures are matched by name below the folder that holds the JSON (or holds its annotations/ folder), never
    opened at a path from the file. Crowd objects are ignored ones; image ids become strings.
    Raises DataError when a file is no COCO JSON, the files do not form a split, or their categories disagree.
    """
    usages = _usages(files)
    loaded = {file: _load(file) for file in files}
    categories = {file: _categories(content, file) for file, content in loaded.items()}
    if any(found != categories[files[0]] for found in categories.values()):
        raise DataError(
            f"expected the same categories in {' and '.join(map(str, files))}, found different ones"
        )
    entries, complaints = [], []
    for file, content in loaded.items():
        more, wrong = _entries(content, file, usages[file], categories[file], pictures)
        entries += more
        complaints += wrong
    ordered = tuple((name, number) for number, name in sorted(categories[files[0]].items()))
    return Listing(tuple(entries), tuple(complaints), categories=ordered)


def _usages(files: list[Path]) -> dict[Path, str | None]:
    if len(files) == 1:
        return {files[0]: None}
    usages = {
        file: next(
            (usage for word, usage in SPLITS.items() if file.name.startswith(f"instances_{word}")),
            None,
        )
        for file in files
    }
    if sorted(map(str, usages.values())) != ["eval", "train"]:
        names = ", ".join(file.name for file in files)
        raise DataError(
            f"expected one COCO JSON, or instances_train*.json and instances_val*.json, found {names} "
            f"in {files[0].parent}: give the path of the one to use"
        )
    return usages


def _load(file: Path) -> dict:
    try:
        content = json.loads(file.read_bytes(), object_hook=_without_outline)
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


def _without_outline(row: dict) -> dict:
    """An object of the JSON as it is parsed, less the outline, which takes most of the memory and is not used."""
    row.pop("segmentation", None)
    return row


def _categories(content: dict, file: Path) -> dict[int, str]:
    try:
        categories = {int(row["id"]): str(row["name"]) for row in content["categories"]}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"expected an integer 'id' and a 'name' in every category of {file}, found one without"
        ) from error
    if len(set(categories.values())) < len(content["categories"]):
        raise DataError(
            f"expected every category of {file} to have its own id and name, found one twice"
        )
    return categories


def _entries(
    content: dict, file: Path, usage: str | None, categories: dict[int, str], pictures: Pictures
) -> tuple[list[Entry], list[Complaint]]:
    objects = defaultdict(list)
    for row in content["annotations"]:
        objects[str(row.get("image_id"))].append(row)
    entries, complaints = [], []
    for image in content["images"]:
        number, name = image.get("id"), str(image.get("file_name") or "")
        annotation = _annotation(image, objects.pop(str(number), []), file, categories)
        try:
            picture = pictures.one(name, hint=usage or usage_of(file.stem) or "")
        except ValueError as error:
            complaints.append(Complaint(str(file), str(error), thing=f"image {number}"))
            continue
        entries.append(
            Entry(
                str(number),
                picture.relative_to(pictures.root).as_posix(),
                picture,
                usage,
                annotation,
            )
        )
    for number, rows in objects.items():
        problem = (
            f"expected annotations of listed images, found {len(rows)} of an image with id {number}"
        )
        complaints.append(Complaint(str(file), problem))
    return entries, complaints


def _annotation(
    image: dict, rows: list[dict], file: Path, categories: dict[int, str]
) -> Annotation:
    names, boxes, ignored, filled, things, complaints = [], [], [], [], [], []
    for row in rows:
        thing = f"annotation {row.get('id')} of image {image.get('id')}"
        try:
            boxes.append(_box(row.get("bbox")))
            names.append(_category(row.get("category_id"), categories))
        except ValueError as error:
            del boxes[len(names) :]
            complaints.append(Complaint(str(file), str(error), thing=thing))
            continue
        ignored.append(bool(row.get("iscrowd") or row.get("ignore")))
        filled.append(_filled(row.get("area"), boxes[-1]))
        things.append(f"{thing} '{names[-1]}'")
    return Annotation(
        tuple(names),
        as_boxes(boxes),
        np.array(ignored, bool),
        _length(image.get("width")),
        _length(image.get("height")),
        str(file),
        tuple(things),
        (None,) * len(names),
        tuple(complaints),
        np.array(filled, np.float32),
    )


def _filled(area: object, box: tuple[float, float, float, float]) -> float:
    """The share of its box that an object with this recorded area covers; 1 where no area is recorded."""
    whole = (box[2] - box[0]) * (box[3] - box[1])
    recorded = isinstance(area, int | float) and 0 < area < math.inf and whole > 0
    return min(area / whole, 1.0) if recorded else 1.0


def _box(numbers: object) -> tuple[float, float, float, float]:
    """(ymin, xmin, ymax, xmax) of a COCO [x, y, width, height]."""
    try:
        x, y, width, height = (float(number) for number in numbers)
    except (TypeError, ValueError):
        x = y = width = height = math.nan
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError(f"expected bbox [x, y, width, height], found {numbers!r}")
    return y, x, y + height, x + width


def _category(number: object, categories: dict[int, str]) -> str:
    if not isinstance(number, int) or number not in categories:
        raise ValueError(f"expected a category_id of the file's categories, found {number!r}")
    return categories[number]


def _length(number: object) -> int | None:
    return int(number) if isinstance(number, int | float) and 0 < number < math.inf else None


def _recognised(contents: FolderContents) -> Found | None:
    files = instance_files(contents)
    return Found(tuple(files), Certainty.CERTAIN, ", ".join(files[:3])) if files else None


def _read(found: Found, source: Source) -> Listing:
    return read_coco(source.paths(found), source.contents.pictures)


READER = Reader("COCO", (".json",), _recognised, _read)
