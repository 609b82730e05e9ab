"""Shards as TFRecord files in the schema of the TensorFlow Object Detection API."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from algorithm.data.conversion.coco_writer import line, write_instances
from algorithm.data.conversion.output_files import beside, replaced, write_whole
from algorithm.data.conversion.picture_row import Classes, PictureRow
from algorithm.data.feeding.decoding import decode_image, exif_orientation, open_picture
from algorithm.data.outline_geometry import covered_pixels
from algorithm.data.outlines import Outline, rasterised

SIDES = ("ymin", "xmin", "ymax", "xmax")
GROUND_TRUTH = (
    "instances_val2017.json"  # the name that the published tools look for beside the records
)
AS_THEY_ARE = {"JPEG": ("jpeg", ("L", "RGB")), "PNG": ("png", ("1", "L", "LA", "P", "RGB", "RGBA"))}


def write_shard(
    rows: Iterable[PictureRow], output: Path, shard: str, classes: Classes
) -> Iterator[str]:
    """Write one TFRecord file, which appears when it is whole.

    Args:
        rows: The pictures.
        output: The folder of the dataset.
        shard: The shard's name.
        classes: The classes.

    Yields:
        A line [image, annotations] for each picture, after the file is whole.
    """
    import tensorflow as tf  # here, so that only the processes that write records load it

    classes = _from_one(classes)
    ids = dict(zip(classes.names, classes.ids, strict=True))
    lines = []
    with beside(output / f"{shard}.tfrecord") as part, tf.io.TFRecordWriter(str(part)) as writer:
        for row in rows:
            writer.write(example(row, Path(row.path).read_bytes(), ids))
            lines.append(line(row, classes))
    yield from lines


def finish(parts: list[Path], output: Path, classes: Classes) -> Path:
    """Write label_map.pbtxt, and of the pictures for evaluation their COCO ground truth.

    Args:
        parts: The files with the lines of the shards.
        output: The folder of the dataset.
        classes: The classes.

    Returns:
        The folder.
    """
    classes = _from_one(classes)
    items = [
        f"item {{\n  id: {number}\n  name: {json.dumps(name, ensure_ascii=False)}\n}}\n"
        for number, name in zip(classes.ids, classes.names, strict=True)
    ]
    write_whole(output / "label_map.pbtxt", "".join(items).encode())
    evaluated = [part for part in parts if part.name.startswith("val")]
    if evaluated:
        with replaced(output / GROUND_TRUTH) as stream:
            write_instances(stream, evaluated, classes)
    return output


def _from_one(classes: Classes) -> Classes:
    """The classes with ids from 1: readers of records take 0 for the background."""
    if min(classes.ids, default=1) >= 1:
        return classes
    return replace(classes, ids=tuple(range(1, len(classes.names) + 1)))


def example(row: PictureRow, data: bytes, ids: dict[str, int]) -> bytes:
    """Return the serialized tf.train.Example of a row and its picture.

    The same input gives the same bytes.

    Args:
        row: The picture.
        data: The bytes of its file.
        ids: The id of each class.
    """
    import tensorflow as tf

    data, form = portable(data, row.path)
    boxes = np.array(row.boxes, np.float64).reshape(-1, 4)
    shares = boxes / ([row.height, row.width] * 2)
    marks = [int(ignored) for ignored in row.ignored]
    integers = {
        "image/height": [row.height],
        "image/width": [row.width],
        "image/object/class/label": [ids[name] for name in row.names],
        "image/object/is_crowd": marks,
        "image/object/difficult": marks,
    }
    floats: dict[str, Any] = {
        f"image/object/bbox/{side}": shares[:, place] for place, side in enumerate(SIDES)
    }
    floats["image/object/area"] = _areas(row, boxes)
    texts = {
        "image/encoded": [data],
        "image/format": [form.encode()],
        "image/filename": [row.name.encode()],
        "image/source_id": [row.image_id.encode()],
        "image/key/sha256": [hashlib.sha256(data).hexdigest().encode()],
        "image/object/class/text": [name.encode() for name in row.names],
    }
    if row.segmentations:
        texts["image/object/mask"] = [_mask(row, outline) for outline in row.outlines]
    kinds = (
        (integers, lambda value: tf.train.Feature(int64_list=tf.train.Int64List(value=value))),
        (floats, lambda value: tf.train.Feature(float_list=tf.train.FloatList(value=value))),
        (texts, lambda value: tf.train.Feature(bytes_list=tf.train.BytesList(value=value))),
    )
    feature = {key: make(value) for values, make in kinds for key, value in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(
        deterministic=True
    )


def _areas(row: PictureRow, boxes: np.ndarray) -> list[float]:
    """The area of each object in square pixels: of its outline, or of its box."""
    of_boxes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1).tolist()
    return [
        area if outline is None else covered_pixels(outline, row.height, row.width)
        for area, outline in zip(of_boxes, row.outlines, strict=True)
    ]


def _mask(row: PictureRow, outline: Outline | None) -> bytes:
    """The PNG of an object's pixels, 1 inside; of an object without an outline all are 0."""
    size = (row.height, row.width)
    pixels = np.zeros(size, np.uint8) if outline is None else rasterised(outline, *size)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()


def portable(data: bytes, name: str) -> tuple[bytes, str]:
    """Return a picture in a form that every reader of records shows alike.

    Upright JPEG and PNG stay as they are. What EXIF turns, CMYK, 16 bits and other formats become
    PNG, without loss of what training sees.

    Returns:
        (bytes, "jpeg" or "png").

    Raises:
        PictureError: As of decode_image.
    """
    image = open_picture(io.BytesIO(data), name)
    form, modes = AS_THEY_ARE.get(image.format or "", ("", ()))
    if image.mode in modes and exif_orientation(image.info.get("exif", b"")) not in range(2, 9):
        return data, form
    encoded = io.BytesIO()
    Image.fromarray(decode_image(data, name)).save(encoded, "PNG")
    return encoded.getvalue(), "png"
