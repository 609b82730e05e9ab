"""Shards as pictures and COCO instance files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from algorithm.data.conversion.output_files import copy_picture, replaced
from algorithm.data.conversion.picture_row import Classes, PictureRow, shortest
from algorithm.data.outline_geometry import covered_pixels


def write_shard(
    rows: Iterable[PictureRow], output: Path, shard: str, classes: Classes
) -> Iterator[str]:
    """Write images/train or images/val.

    Args:
        rows: The pictures.
        output: The folder of the dataset.
        shard: The shard's name.
        classes: The classes.

    Yields:
        For each picture a line [image, annotations without ids].
    """
    for row in rows:
        copy_picture(row, output / "images" / row.split / row.name)
        yield line(row, classes)


def line(row: PictureRow, classes: Classes) -> str:
    """Return [image, annotations without ids] of a picture, as a line of JSON."""
    ids = dict(zip(classes.names, classes.ids, strict=True))
    number = int(row.image_id) if classes.keep_ids else row.number + 1
    image = {"id": number, "file_name": row.name, "width": row.width, "height": row.height}
    annotations = []
    for index, (name, (ymin, xmin, ymax, xmax), ignored) in enumerate(
        zip(row.names, row.boxes, row.ignored, strict=True)
    ):
        width, height = shortest(xmax - xmin), shortest(ymax - ymin)
        annotation = {
            "image_id": number,
            "category_id": ids[name],
            "bbox": [xmin, ymin, width, height],
            "area": shortest(width * height),
            "iscrowd": int(ignored),
        }
        if row.segmentations:
            annotation["segmentation"] = row.segmentations[index] or []
        if (outline := row.outlines[index]) is not None:
            annotation["area"] = covered_pixels(outline, row.height, row.width)
        annotations.append(annotation)
    return json.dumps([image, annotations], ensure_ascii=False) + "\n"


def finish(parts: list[Path], output: Path, classes: Classes) -> Path:
    """Join the lines into annotations/instances_train.json and instances_val.json.

    Args:
        parts: The files with the lines of the shards.
        output: The folder of the dataset.
        classes: The classes.

    Returns:
        The folder.
    """
    first_id = 1
    for split in ("train", "val"):
        own = [part for part in parts if part.name.startswith(split)]
        if own:
            with replaced(output / "annotations" / f"instances_{split}.json") as stream:
                first_id += write_instances(stream, own, classes, first_id)
    return output


def write_instances(
    stream: BinaryIO, parts: list[Path], classes: Classes, first_id: int = 1
) -> int:
    """Write the JSON, one image or annotation a line; it is never all in memory.

    Args:
        stream: Gets the JSON.
        parts: The files with the lines of the shards.
        classes: The classes.
        first_id: The id of the first annotation.

    Returns:
        The number of annotations.
    """
    categories = [
        {"id": number, "name": name}
        for number, name in zip(classes.ids, classes.names, strict=True)
    ]
    stream.write(b'{"images": [')
    _write_list(stream, (image for image, _ in _lines(parts)))
    stream.write(b'],\n"annotations": [')
    annotations = (row for _, rows in _lines(parts) for row in rows)
    count = _write_list(
        stream, ({"id": number, **row} for number, row in enumerate(annotations, start=first_id))
    )
    stream.write(b'],\n"categories": ' + _encoded(categories) + b"}\n")
    return count


def _write_list(stream: BinaryIO, items: Iterable[dict]) -> int:
    count = 0
    for count, item in enumerate(items, start=1):
        stream.write((b"\n" if count == 1 else b",\n") + _encoded(item))
    return count


def _lines(parts: list[Path]) -> Iterator[tuple[dict, list[dict]]]:
    for part in parts:
        with part.open(encoding="utf-8") as stream:
            yield from map(json.loads, stream)


def _encoded(item: object) -> bytes:
    return json.dumps(item, ensure_ascii=False).encode()
