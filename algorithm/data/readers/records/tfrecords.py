"""TFRecords in the schema of the TensorFlow Object Detection API to a Listing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from algorithm.data.feeding.decoding import PictureError, picture_size
from algorithm.data.outline_geometry import of_pixels
from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import (
    Annotation,
    Complaint,
    Entry,
    LazyEntries,
    Listing,
    no_objects,
)
from algorithm.data.readers.mask_pictures import numbered_pixels
from algorithm.data.readers.outline_forms import kept_outlines
from algorithm.data.readers.pictures.embedded_pictures import laid_out
from algorithm.data.readers.records.label_map_file import LabelMap, read_label_maps
from algorithm.data.readers.records.tfrecord_files import missing_shards
from algorithm.data.readers.text_file import decoded_bytes
from algorithm.data.split_names import stated_usages, word_of, word_of_path
from algorithm.errors import DataError

CORNERS = ("ymin", "xmin", "ymax", "xmax")
BOX, CLASS, OBJECT = "image/object/bbox/", "image/object/class/", "image/object/"
MASK = "image/object/mask"
FAR = 2.0  # a share of the picture beyond it is no box over the edge but pixels


def read_tfrecords(
    files: list[Path],
    work_dir: Path,
    root: Path | None = None,
    maps: Sequence[Path] = (),
    outlines: bool = False,
) -> Listing:
    """Return the listing of the records in `files`; each pass over it reads them one by one.

    Pictures are laid in work_dir/pictures, named after their content, so that another pass finds
    them there. Names of files and of folders below `root` give the split where there are both sides
    (train-*, val/a.record). Class names are those of a label map (*.pbtxt beside the files), found
    by image/object/class/text or image/object/class/label; without a label map the text itself.

    Args:
        files: The TFRecord files.
        work_dir: Gets the pictures.
        root: The folder below which names of folders count for the split.
        maps: The label maps of the dataset, used where none lies beside the files.
        outlines: Whether the masks of objects are kept.

    Raises:
        DataError: Shards are missing, or label maps differ; on a pass: a file is truncated or its
            checksums do not fit, the label map lacks a class, or boxes are pixels.
    """
    missing = missing_shards(files)
    if missing:
        raise DataError(
            f"expected all shards in {files[0].parent}, found no {', '.join(missing[:5])}"
        )
    words = {file: _word(file, root) for file in files}
    usages, warnings = stated_usages(words, "TFRecord file(s)")
    label_map = read_label_maps(_beside(files, maps))
    settings = _Settings(label_map, work_dir, outlines)
    entries = LazyEntries(
        lambda: (
            entry for file, usage in usages.items() for entry in _entries(file, usage, settings)
        )
    )
    categories = tuple((name, number) for number, name in sorted(label_map.names.items()))
    return Listing(entries, (), warnings, categories)


def _beside(files: list[Path], maps: Sequence[Path]) -> list[Path]:
    """The label maps in the folders of the records, else all of the dataset."""
    folders = dict.fromkeys(file.parent for file in files)
    own = [file for folder in folders for file in sorted(folder.glob("*.pbtxt"))]
    return own or list(maps)


def _word(file: Path, root: Path | None) -> str | None:
    """The word of a split in the name of a file, or in a folder between it and the root."""
    own = word_of(file.name)
    if own or root is None or not file.is_relative_to(root):
        return own
    return word_of_path(file.relative_to(root).as_posix())


@dataclass(frozen=True)
class _Settings:
    """The label map, where pictures are laid, whether masks are kept."""

    label_map: LabelMap
    work_dir: Path
    outlines: bool


def _entries(file: Path, usage: str | None, settings: _Settings) -> Iterator[Entry]:
    number = -1
    try:
        for number, record in enumerate(tf.data.TFRecordDataset([str(file)]).as_numpy_iterator()):
            yield _entry(record, f"{file.name}#{number}", usage, settings)
    except tf.errors.OpError as error:
        raise DataError(
            f"expected whole records in {file}, found damage after record {number}: write the "
            f"file again "
            f"({error.message.splitlines()[0][:120]})"
        ) from error


def _entry(record: bytes, place: str, usage: str | None, settings: _Settings) -> Entry:
    work_dir = settings.work_dir
    try:
        feature = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        return Entry(
            place,
            place,
            work_dir,
            usage,
            None,
            (Complaint(place, f"expected a tf.train.Example: {error}"),),
        )
    data = _bytes(feature, "image/encoded")
    image_id = _bytes(feature, "image/source_id").decode("utf-8", "replace")
    name = _bytes(feature, "image/filename").decode("utf-8", "replace") or image_id or place
    if not data:
        wrong = Complaint(place, "expected a picture in image/encoded, found none")
        return Entry(image_id or place, name, work_dir, usage, None, (wrong,))
    path = laid_out(data, work_dir)
    width, height = (
        next(iter(_integers(feature, f"image/{side}")), None) for side in ("width", "height")
    )
    if not width or not height:
        width, height = _real_size(path)
    annotation = _annotation(feature, place, settings, width, height)
    return Entry(image_id or name, name, path, usage, annotation)


def _real_size(path: Path) -> tuple[int | None, int | None]:
    try:
        return picture_size(path)
    except PictureError:  # told by whoever checks the pictures
        return None, None


def _annotation(
    feature: dict, place: str, settings: _Settings, width: int | None, height: int | None
) -> Annotation:
    sides = [list(feature[BOX + side].float_list.value) for side in CORNERS]
    file = place.partition("#")[0]
    try:
        texts = [decoded_bytes(text, file) for text in feature[CLASS + "text"].bytes_list.value]
    except UnicodeDecodeError as error:
        problem = f"expected names of classes in UTF-8, found {error.object[:40]!r}"
        return no_objects(file=place, complaints=(Complaint(place, problem),))
    numbers = _integers(feature, CLASS + "label")
    count = max(map(len, sides))
    classes = [
        settings.label_map.class_of(*pair, place) for pair in itertools.zip_longest(texts, numbers)
    ]
    marks = [_integers(feature, OBJECT + key) or [0] * count for key in ("is_crowd", "difficult")]
    lengths = {*map(len, sides), len(texts or numbers), len(classes), *map(len, marks)}
    if lengths != {count} or (count and not (width and height)):
        problem = (
            f"expected as many classes and marks as boxes, and the size, found lengths "
            f"{sorted(lengths)} and "
            f"{width}x{height}"
        )
        return no_objects(file=place, complaints=(Complaint(place, problem),))
    _refuse_pixels(sides, place)
    boxes = np.array(sides, np.float32).T.reshape(-1, 4) * np.array(
        [height or 1, width or 1] * 2, np.float32
    )
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
    things = tuple(f"object {index + 1} '{classes[index]}'" for index in good)
    masks = [_mask(feature, index, count) if settings.outlines else None for index in good]
    outlines, wrong = kept_outlines(masks, things, place)
    return Annotation(
        tuple(classes[index] for index in good),
        boxes[good],
        np.logical_or.reduce(np.array(marks, bool), axis=0)[good],
        width,
        height,
        place,
        things,
        (None,) * len(good),
        complaints,
        outlines=outlines,
        outline_complaints=wrong,
    )


def _mask(feature: dict, index: int, count: int) -> Outline | str | None:
    """The outline of an object, whose mask is a PNG; why it cannot be used; None without one.

    An empty mask stands for an object without one, as each has a mask where any has.
    """
    masks = feature[MASK].bytes_list.value if MASK in feature else ()
    if not masks:
        return None
    if len(masks) != count:
        return f"expected as many masks as boxes in {MASK}, found {len(masks)} for {count}"
    try:
        pixels = numbered_pixels(masks[index])
    except ValueError as error:
        return str(error)
    return of_pixels(pixels) if pixels.any() else None


def _refuse_pixels(sides: list[list[float]], place: str) -> None:
    """Refuse boxes in pixels.

    Raises:
        DataError: A corner is far outside of the picture as a share of it.
    """
    far = next((side for row in sides for side in row if FAR < abs(side) < math.inf), None)
    if far is not None:
        raise DataError(
            f"expected shares of the picture's width and height (0..1) in {BOX}*, found {far:g} "
            f"in {place}: these "
            "are pixels; divide them by the size of the picture when the records are written"
        )


def _bytes(feature: dict, key: str) -> bytes:
    return next(iter(feature[key].bytes_list.value), b"") if key in feature else b""


def _integers(feature: dict, key: str) -> list[int]:
    return list(feature[key].int64_list.value) if key in feature else []
