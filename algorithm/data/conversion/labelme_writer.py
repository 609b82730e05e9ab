"""Shards as folders of pictures with a LabelMe JSON beside each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from algorithm.data.conversion.output_files import copy_picture, write_whole
from algorithm.data.conversion.picture_row import Box, Classes, PictureRow

VERSION = "5.5.0"  # of LabelMe, whose files have this form


def write_shard(
    rows: Iterable[PictureRow], output: Path, shard: str, classes: Classes
) -> Iterator[str]:
    """Write train/ or val/, a picture and its JSON side by side; a line for each picture."""
    for row in rows:
        copy_picture(row, output / row.split / row.name)
        text = json.dumps(record(row), ensure_ascii=False, indent=2)
        write_whole(output / row.split / f"{row.stem}.json", text.encode())
        yield f"{row.split}/{row.name}\n"


def finish(parts: list[Path], output: Path, classes: Classes) -> Path:
    """Write labels.txt, which LabelMe takes as --labels; the folder."""
    write_whole(output / "labels.txt", "".join(f"{name}\n" for name in classes.names).encode())
    return output


def record(row: PictureRow) -> dict:
    """Return the content of a LabelMe JSON; the flag `difficult` marks an ignored object."""
    shapes = [
        _shape(name, box, ignored)
        for name, box, ignored in zip(row.names, row.boxes, row.ignored, strict=True)
    ]
    return {
        "version": VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": row.name,
        "imageData": None,
        "imageHeight": row.height,
        "imageWidth": row.width,
    }


def _shape(name: str, box: Box, ignored: bool) -> dict:
    ymin, xmin, ymax, xmax = box
    return {
        "label": name,
        "points": [[xmin, ymin], [xmax, ymax]],
        "group_id": None,
        "description": "",
        "shape_type": "rectangle",
        "flags": {"difficult": True} if ignored else {},
        "mask": None,
    }
