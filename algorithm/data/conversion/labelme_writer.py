"""Shards as folders of pictures with a LabelMe JSON beside each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from algorithm.data.conversion.output_files import copy_picture, write_whole
from algorithm.data.conversion.picture_row import Box, Classes, PictureRow, shortest
from algorithm.data.outline_corners import single_polygon
from algorithm.data.outlines import Outline

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
        _shape(name, box, ignored, _corners(row, outline))
        for name, box, ignored, outline in zip(
            row.names, row.boxes, row.ignored, row.outlines, strict=True
        )
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


def _corners(row: PictureRow, outline: Outline | None) -> list[list[float]]:
    """The corners (x, y) of an outline as one polygon; none without one."""
    corners = None if outline is None else single_polygon(outline, row.height, row.width)
    return [] if corners is None else [[shortest(x), shortest(y)] for x, y in corners.tolist()]


def _shape(name: str, box: Box, ignored: bool, corners: list[list[float]]) -> dict:
    ymin, xmin, ymax, xmax = box
    return {
        "label": name,
        "points": corners or [[xmin, ymin], [xmax, ymax]],
        "group_id": None,
        "description": "",
        "shape_type": "polygon" if corners else "rectangle",
        "flags": {"difficult": True} if ignored else {},
        "mask": None,
    }
