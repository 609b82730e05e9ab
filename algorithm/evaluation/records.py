"""All truths and detections of a set of pictures, laid flat for array operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from algorithm.errors import DataError


@dataclass(frozen=True)
class Records:
    """T truths and D detections of P pictures; boxes are [ymin, xmin, ymax, xmax] in pixels.

    Attributes:
        label_names: K names, label 0 first.
        names: Of the pictures, as the person knows them.
        sizes: float64 [P, 2], height and width, NaN where unknown.
        truth_boxes: float64 [T, 4].
        truth_labels: int64 [T].
        truth_pictures: int64 [T], rising.
        crowd: bool [T]; a crowd counts neither for nor against.
        areas: float64 [T], square pixels.
        boxes: float64 [D, 4].
        labels: int64 [D].
        scores: float64 [D].
        pictures: int64 [D], rising; within a picture by falling score.
    """

    label_names: tuple[str, ...]
    names: tuple[str, ...]
    sizes: np.ndarray
    truth_boxes: np.ndarray
    truth_labels: np.ndarray
    truth_pictures: np.ndarray
    crowd: np.ndarray
    areas: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    pictures: np.ndarray

    @property
    def classes(self) -> int:
        """The number of classes, K."""
        return len(self.label_names)

    def truths_per_class(self) -> np.ndarray:
        """Count the objects of each class that are no crowds, int64 [K]."""
        return np.bincount(self.truth_labels[~self.crowd], minlength=self.classes)

    def kept(self, chosen: np.ndarray) -> Records:
        """Return the same truths with the detections that `chosen`, bool [D], marks."""
        return replace(
            self,
            boxes=self.boxes[chosen],
            labels=self.labels[chosen],
            scores=self.scores[chosen],
            pictures=self.pictures[chosen],
        )


def make_records(
    label_names: Sequence[str],
    names: Sequence[str],
    truths: Sequence[Sequence[Any]],
    found: Sequence[Sequence[Any]],
    sizes: Any = None,
    areas: Sequence[Any] | None = None,
) -> Records:
    """Lay truths and detections flat.

    Args:
        label_names: K names, label 0 first.
        names: Of the pictures.
        truths: For each picture (boxes [n, 4], labels [n]), and crowd [n] as a third part or not.
        found: For each picture (boxes [m, 4], labels [m], scores [m]).
        sizes: [P, 2], height and width; None where unknown.
        areas: For each picture [n] square pixels, or None for those of the boxes.

    Returns:
        Records of the pictures in the given order.

    Raises:
        DataError: Lengths differ, a label is none of the classes, or a number is not finite; the
            picture is named.
    """
    if not len(names) == len(truths) == len(found):
        raise DataError(
            "expected one prediction, one label and one name for each picture, found "
            f"{len(found)} predictions, {len(truths)} labels and {len(names)} names: give lists "
            "of one length"
        )
    truth_parts = [
        _truths(row, f"labels of {name}", len(label_names))
        for name, row in zip(names, truths, strict=True)
    ]
    found_parts = [
        _found(row, f"predictions of {name}", len(label_names))
        for name, row in zip(names, found, strict=True)
    ]
    truth_boxes, truth_labels, crowd = _stacked(truth_parts, (4, 0, 0))
    boxes, labels, scores = _stacked(found_parts, (4, 0, 0))
    return Records(
        tuple(label_names),
        tuple(str(name) for name in names),
        np.full((len(names), 2), np.nan)
        if sizes is None
        else np.asarray(sizes, np.float64).reshape(-1, 2),
        truth_boxes,
        truth_labels.astype(np.int64),
        _owners(truth_parts),
        crowd.astype(bool),
        _areas(truth_boxes, areas, truth_parts),
        boxes,
        labels.astype(np.int64),
        scores,
        _owners(found_parts),
    )


def _areas(
    boxes: np.ndarray, given: Sequence[Any] | None, truth_parts: Sequence[Sequence[np.ndarray]]
) -> np.ndarray:
    """The given area of each object, that of its box where none is given."""
    own = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    if given is None:
        return own
    rows = (
        np.full(len(part[1]), np.nan) if row is None else np.asarray(row, float)
        for row, part in zip(given, truth_parts, strict=True)
    )
    areas = np.concatenate([np.zeros(0), *rows])
    return np.where(np.isnan(areas), own, areas)


def _truths(
    row: Sequence[Any], where: str, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    boxes, labels = _boxes(row[0], where), _labels(row[1], where, classes)
    crowd = np.asarray(row[2], bool).reshape(-1) if len(row) > 2 else np.zeros(len(labels), bool)
    _same_length(where, boxes=boxes, classes=labels, crowd=crowd)
    return boxes, labels, crowd


def _found(
    row: Sequence[Any], where: str, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    boxes, labels = _boxes(row[0], where), _labels(row[1], where, classes)
    scores = np.asarray(row[2], np.float64).reshape(-1)
    _same_length(where, boxes=boxes, classes=labels, scores=scores)
    if not np.isfinite(scores).all():
        raise DataError(f"{where}: expected finite scores, found {scores[~np.isfinite(scores)][0]}")
    order = np.argsort(-scores, kind="stable")
    return boxes[order], labels[order], scores[order]


def _boxes(value: Any, where: str) -> np.ndarray:
    boxes = np.asarray(value, np.float64)
    if boxes.size and boxes.shape[-1] != 4:
        raise DataError(
            f"{where}: expected boxes of 4 numbers, ymin, xmin, ymax, xmax, found shape "
            f"{boxes.shape}"
        )
    boxes = boxes.reshape(-1, 4)
    if not np.isfinite(boxes).all():
        raise DataError(
            f"{where}: expected finite boxes, found "
            f"{boxes[~np.isfinite(boxes).all(axis=1)][0].tolist()}"
        )
    return boxes


def _labels(value: Any, where: str, classes: int) -> np.ndarray:
    labels = np.asarray(value, np.float64).reshape(-1)
    wrong = labels[(labels != np.round(labels)) | (labels < 0) | (labels >= classes)]
    if wrong.size:
        raise DataError(
            f"{where}: expected classes 0 to {classes - 1} (the label map has {classes}), found "
            f"{wrong[0]:g}: do the label map and the model belong together?"
        )
    return labels.astype(np.int64)


def _same_length(where: str, **columns: np.ndarray) -> None:
    if len({len(column) for column in columns.values()}) > 1:
        counts = ", ".join(f"{len(column)} {name}" for name, column in columns.items())
        raise DataError(f"{where}: expected as many of each, found {counts}")


def _stacked(parts: Sequence[tuple[np.ndarray, ...]], widths: tuple[int, ...]) -> list[np.ndarray]:
    return [
        np.concatenate([np.zeros((0, width) if width else 0), *(part[place] for part in parts)])
        for place, width in enumerate(widths)
    ]


def _owners(parts: Sequence[tuple[np.ndarray, ...]]) -> np.ndarray:
    return np.repeat(np.arange(len(parts)), [len(part[1]) for part in parts])
