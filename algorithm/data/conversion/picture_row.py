"""One line of the plan: a picture to write, with everything known about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.data.outlines import Outline, RunLengths
from algorithm.data.readers.coco.coco_outlines import outline_of

Box = tuple[float, float, float, float]
SPLITS = {"train": "train", "eval": "val", "test": "test"}  # usage: as folders and files spell it


@dataclass(frozen=True)
class PictureRow:
    """A picture to write, and its objects.

    Attributes:
        path: Of the source picture.
        name: Of the written one, with a stem that no other has.
        usage: A key of SPLITS.
        number: Position in the dataset, from 0.
        width: Of the upright picture.
        height: Of the upright picture.
        names: The class of each object.
        boxes: (ymin, xmin, ymax, xmax) of each object, in pixels.
        ignored: Of each object.
        stamp: Size and time of the source file, to tell whether it changed.
        segmentations: The outline of each object as COCO writes it, None for one without; empty
            where no object has one.
    """

    number: int
    image_id: str
    path: str
    name: str
    usage: str
    width: int
    height: int
    names: tuple[str, ...]
    boxes: tuple[Box, ...]
    ignored: tuple[bool, ...]
    stamp: tuple[int, int]
    segmentations: tuple[Any, ...] = ()

    @property
    def outlines(self) -> tuple[Outline | None, ...]:
        """The outline of each object, None for one without."""
        if not self.segmentations:
            return (None,) * len(self.names)
        return tuple(None if one is None else outline_of(one) for one in self.segmentations)

    @property
    def stem(self) -> str:
        """The written name without its suffix."""
        return Path(self.name).stem

    @property
    def split(self) -> str:
        """The usage as folders and files spell it."""
        return SPLITS[self.usage]

    def to_line(self) -> str:
        """Return the row as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")) + "\n"

    @classmethod
    def from_line(cls, line: str) -> PictureRow:
        """Return the row that to_line wrote."""
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Classes:
    """The classes of a dataset that is written.

    Attributes:
        names: Of all classes in label order.
        ids: Category id of each.
        keep_ids: Whether all image ids are integers.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]
    keep_ids: bool


def segmentations(outlines: Sequence[Outline | None] | None) -> tuple[Any, ...]:
    """Return outlines as COCO writes them, with the coordinates of `shortest`."""
    if not any(one is not None for one in outlines or ()):
        return ()
    return tuple(None if one is None else _segmentation(one) for one in outlines or ())


def _segmentation(outline: Outline) -> Any:
    if isinstance(outline, RunLengths):
        size = [outline.height, outline.width]
        return {"size": size, "counts": outline.counts.decode("ascii")}
    return [[shortest(value) for value in part.ravel().tolist()] for part in outline.parts]


def shortest_boxes(boxes: np.ndarray) -> tuple[Box, ...]:
    """Return boxes [N, 4] with the coordinates of `shortest`."""
    return tuple(
        (shortest(ymin), shortest(xmin), shortest(ymax), shortest(xmax))
        for ymin, xmin, ymax, xmax in boxes.tolist()
    )


def shortest(value: float) -> float | int:
    """Round a coordinate to the thousandth of a pixel; give an int where it is whole."""
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded
