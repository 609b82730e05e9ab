"""Shards as a YOLO folder: images/, labels/ and data.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from algorithm.data.conversion.output_files import copy_picture, write_whole
from algorithm.data.conversion.picture_row import Box, Classes, PictureRow
from algorithm.data.outline_corners import single_polygon
from algorithm.data.outlines import Outline

SIDE_DIGITS = 8
CORNER_DIGITS = 12  # so that the corner that is read is the very one: a hair decides on a pixel


def write_shard(
    rows: Iterable[PictureRow], output: Path, shard: str, classes: Classes
) -> Iterator[str]:
    """Write images/SPLIT, labels/SPLIT and, for difficult and crowd objects, ignored/SPLIT.

    Args:
        rows: The pictures.
        output: The folder of the dataset.
        shard: The shard's name.
        classes: The classes.

    Yields:
        A line for each picture.
    """
    numbers = {name: number for number, name in enumerate(classes.names)}
    for row in rows:
        copy_picture(row, output / "images" / row.split / row.name)
        lines = [
            (_line(row, numbers[name], box, outline), ignored)
            for name, box, ignored, outline in zip(
                row.names, row.boxes, row.ignored, row.outlines, strict=True
            )
        ]
        for kind, wanted in (("labels", False), ("ignored", True)):
            text = "".join(line for line, ignored in lines if ignored == wanted)
            if text or kind == "labels":
                write_whole(output / kind / row.split / f"{row.stem}.txt", text.encode())
        yield f"{row.split}/{row.name}\n"


def finish(parts: list[Path], output: Path, classes: Classes) -> Path:
    """Write data.yaml as Ultralytics and YOLOv5 open it.

    YOLOv5 looks for a relative `path` in its own folder, so `path` is absolute; the readers here
    find the folders of one that was moved by the end of their addresses. Older releases take
    `names` as a list only.

    Args:
        parts: The files with the lines of the shards.
        output: The folder of the dataset.
        classes: The classes.

    Returns:
        The path of data.yaml.
    """
    splits = [
        split for split in ("train", "val") if any(part.name.startswith(split) for part in parts)
    ]
    content: dict[str, object] = {"path": str(output.resolve())}
    content |= {split: f"images/{split}" for split in splits}
    content |= {"nc": len(classes.names), "names": list(classes.names)}
    write_whole(
        output / "data.yaml", yaml.safe_dump(content, allow_unicode=True, sort_keys=False).encode()
    )
    return output / "data.yaml"


def _line(row: PictureRow, number: int, box: Box, outline: Outline | None) -> str:
    """The row of an object: its outline as one polygon, or its box where it has none."""
    corners = None if outline is None else single_polygon(outline, row.height, row.width)
    if corners is not None:
        shares = (corners / [row.width, row.height]).ravel().tolist()
        return _row(number, shares, CORNER_DIGITS)
    ymin, xmin, ymax, xmax = box
    sides = (
        (xmin + xmax) / 2 / row.width,
        (ymin + ymax) / 2 / row.height,
        (xmax - xmin) / row.width,
        (ymax - ymin) / row.height,
    )
    return _row(number, sides, SIDE_DIGITS)


def _row(number: int, shares: Iterable[float], digits: int) -> str:
    return " ".join([str(number), *(f"{share:.{digits}f}" for share in shares)]) + "\n"
