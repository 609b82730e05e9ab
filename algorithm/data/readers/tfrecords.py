"""TFRecords in the schema of the TensorFlow Object Detection API to a Listing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from algorithm.data.readers.annotation import (
    Annotation,
    Complaint,
    Entry,
    LazyEntries,
    Listing,
    no_objects,
)
from algorithm.data.readers.tfrecord_files import missing_shards
from algorithm.data.split_names import usage_of, without_test
from algorithm.errors import DataError, first_line
from algorithm.storage.atomic_files import write_bytes

CORNERS = ("ymin", "xmin", "ymax", "xmax")
BOX, CLASS, OBJECT = "image/object/bbox/", "image/object/class/", "image/object/"
FOLDER = "pictures"
SUFFIXES = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PN": ".png",
    b"GIF": ".gif",
    b"RIF": ".webp",
    b"BM": ".bmp",
}
ITEM = re.compile(r"item\s*\{(.*?)\n?\s*\}(?=\s*(?:item|$))", re.DOTALL)
FIELD = re.compile(r"""(\w+)\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\d+))""")


def read_tfrecords(files: list[Path], work_dir: Path) -> Listing:
    """Listing of the records in `files`; each pass over its entries reads them one by one.

    Pictures are laid in work_dir/pictures, named after their content, so that another pass finds them there.
    Names of the files give the split where there are both sides (train-*, val-*). Class names are
    image/object/class/text, or those of a label map (*.pbtxt beside the files) by image/object/class/label.
    Raises DataError when shards are missing; on a pass, when a file is truncated or its checksums do not fit.
    """
    missing = missing_shards(files)
    if missing:
        raise DataError(
            f"expected all shards in {files[0].parent}, found no {', '.join(missing[:5])}"
        )
    files, warnings = without_test(files)
    label_map = _label_map(files[0].parent)
    usages = {file: usage_of(file.name) for file in files}
    if len(set(usages.values())) == 1:  # one side of a split is no split
        usages = dict.fromkeys(files)
    entries = LazyEntries(
        lambda: (
            entry
            for file in files
            for entry in _entries(file, usages[file], label_map, work_dir / FOLDER)
        )
    )
    return Listing(
        entries, (), warnings, tuple((name, number) for number, name in sorted(label_map.items()))
    )


def _label_map(folder: Path) -> dict[int, str]:
    """Class name of each id in the label map of a folder, empty without one. Raises DataError for several."""
    files = sorted(folder.glob("*.pbtxt"))
    if len(files) > 1:
        raise DataError(
            f"expected one label map in {folder}, found {', '.join(file.name for file in files)}"
        )
    names: dict[int, str] = {}
    for item in ITEM.findall(files[0].read_text(encoding="utf-8-sig")) if files else ():
        fields = {
            key: re.sub(r"\\(.)", r"\1", one or two or number)
            for key, one, two, number in FIELD.findall(item)
        }
        if not fields.get("id", "").isdigit() or not fields.get("name"):
            raise DataError(
                f"expected an id and a name in each item of {files[0]}, found {' '.join(item.split())!r}"
            )
        names[int(fields["id"])] = fields["name"]
    return names


def _entries(
    file: Path, usage: str | None, label_map: dict[int, str], folder: Path
) -> Iterator[Entry]:
    number = -1
    try:
        for number, record in enumerate(tf.data.TFRecordDataset([str(file)]).as_numpy_iterator()):
            yield _entry(record, f"{file.name}#{number}", usage, label_map, folder)
    except tf.errors.OpError as error:
        raise DataError(
            f"expected whole records in {file}, found damage after record {number}: write the file again "
            f"({first_line(error)[:120]})"
        ) from error


def _entry(
    record: bytes, place: str, usage: str | None, label_map: dict[int, str], folder: Path
) -> Entry:
    try:
        feature = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        return Entry(
            place,
            place,
            folder,
            usage,
            None,
            (Complaint(place, f"expected a tf.train.Example: {error}"),),
        )
    data = _bytes(feature, "image/encoded")
    image_id = _bytes(feature, "image/source_id").decode("utf-8", "replace")
    name = _bytes(feature, "image/filename").decode("utf-8", "replace") or image_id or place
    if not data:
        wrong = Complaint(place, "expected a picture in image/encoded, found none")
        return Entry(image_id or place, name, folder, usage, None, (wrong,))
    path = folder / (hashlib.sha256(data).hexdigest()[:32] + _suffix(data))
    if not path.exists():
        write_bytes(path, data)
    return Entry(image_id or name, name, path, usage, _annotation(feature, place, label_map))


def _annotation(feature: dict, place: str, label_map: dict[int, str]) -> Annotation:
    width, height = (
        next(iter(_integers(feature, f"image/{side}")), None) for side in ("width", "height")
    )
    sides = [list(feature[BOX + side].float_list.value) for side in CORNERS]
    texts = [text.decode("utf-8", "replace") for text in feature[CLASS + "text"].bytes_list.value]
    numbers = _integers(feature, CLASS + "label")
    count = max(map(len, sides))
    classes = texts or [label_map.get(number, "") for number in numbers]
    marks = [_integers(feature, OBJECT + key) or [0] * count for key in ("is_crowd", "difficult")]
    lengths = {*map(len, sides), len(classes), *map(len, marks)}
    if lengths != {count} or (count and not (width and height)):
        problem = (
            f"expected as many classes and marks as boxes, and the size, found lengths {sorted(lengths)} and "
            f"{width}x{height}"
        )
        return no_objects(file=place, complaints=(Complaint(place, problem),))
    boxes = np.array(sides, np.float32).T.reshape(-1, 4) * np.float32([height or 1, width or 1] * 2)
    good = [index for index in range(count) if classes[index] and np.isfinite(boxes[index]).all()]
    complaints = tuple(
        Complaint(
            place,
            "expected a class name and four numbers, found "
            f"{classes[index]!r} and {boxes[index].tolist()}",
            None,
            f"object {index + 1}",
        )
        for index in range(count)
        if index not in set(good)
    )
    return Annotation(
        tuple(classes[index] for index in good),
        boxes[good],
        np.array(marks, bool).any(axis=0)[good],
        width,
        height,
        place,
        tuple(f"object {index + 1} '{classes[index]}'" for index in good),
        (None,) * len(good),
        complaints,
    )


def _bytes(feature: dict, key: str) -> bytes:
    return next(iter(feature[key].bytes_list.value), b"") if key in feature else b""


def _integers(feature: dict, key: str) -> list[int]:
    return list(feature[key].int64_list.value) if key in feature else []


def _suffix(data: bytes) -> str:
    return next((suffix for mark, suffix in SUFFIXES.items() if data.startswith(mark)), ".jpg")
