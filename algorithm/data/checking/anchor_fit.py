"""How well a grid of anchors can cover boxes: the best IoU of each box.

It is fast enough for whole datasets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithm.ops.box_arrays import iou, pairwise_iou

PAIRS = 4_000_000  # boxes times anchors compared at a time where the anchors are no grid
ROUNDING = 1e-2  # pixels; centres and shapes closer than this are the same


@dataclass(frozen=True)
class _Shape:
    """Anchors of one height and width.

    Attributes:
        half: [2] of the sides.
        centres: [n, 2].
        rows: The rows of the grid, if it is one.
        columns: The columns of the grid, if it is one.
    """

    half: np.ndarray
    centres: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    @property
    def is_grid(self) -> bool:
        return len(self.rows) * len(self.columns) == len(self.centres)


class AnchorFit:
    """Anchors that are sorted by shape once and compared with boxes as often as wanted.

    Args:
        anchors: [A, 4], yxyx in network pixels.
    """

    def __init__(self, anchors: np.ndarray) -> None:
        anchors = np.asarray(anchors, np.float64).reshape(-1, 4)
        shapes = np.round((anchors[:, 2:] - anchors[:, :2]) / ROUNDING).astype(np.int64)
        _, groups = np.unique(shapes[:, 0] * 2**32 + shapes[:, 1], return_inverse=True)
        order = np.argsort(groups, kind="stable")
        self.shapes = [
            _shape(part) for part in np.split(anchors[order], np.cumsum(np.bincount(groups))[:-1])
        ]

    @property
    def smallest_side(self) -> float:
        """The least side of an anchor, in network pixels."""
        return 2 * float(min(shape.half.min() for shape in self.shapes))

    def best_iou(self, boxes: np.ndarray, factor: float = 1.0) -> np.ndarray:
        """Return the greatest IoU of each box with any anchor.

        Anchors of one shape on a grid overlap a box most at the centre next to its own, by rows and
        columns apart; so one anchor of each shape is compared. Anchors that are no grid are all
        compared.

        Args:
            boxes: [N, 4], yxyx in network pixels.
            factor: What the sides of the anchors are multiplied by.

        Returns:
            float32 [N].
        """
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        best = np.zeros(len(boxes), np.float32)
        for shape in self.shapes:
            compare = _best_on_grid if shape.is_grid else _best_of_all
            best = np.maximum(best, compare(boxes, shape, shape.half * factor))
        return best


def _shape(anchors: np.ndarray) -> _Shape:
    centres = np.round((anchors[:, :2] + anchors[:, 2:]) / 2 / ROUNDING) * ROUNDING
    half = (anchors[0, 2:] - anchors[0, :2]) / 2
    return _Shape(half, centres, np.unique(centres[:, 0]), np.unique(centres[:, 1]))


def _best_on_grid(boxes: np.ndarray, shape: _Shape, half: np.ndarray) -> np.ndarray:
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    nearest = np.stack(
        [_nearest(shape.rows, middle[:, 0]), _nearest(shape.columns, middle[:, 1])], axis=1
    )
    return iou(boxes, np.concatenate([nearest - half, nearest + half], axis=1)).astype(np.float32)


def _nearest(places: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    above = np.searchsorted(places, wanted).clip(0, len(places) - 1)
    below = (above - 1).clip(0)
    return np.where(wanted - places[below] < places[above] - wanted, places[below], places[above])


def _best_of_all(boxes: np.ndarray, shape: _Shape, half: np.ndarray) -> np.ndarray:
    anchors = np.concatenate([shape.centres - half, shape.centres + half], axis=1)
    rows = max(1, PAIRS // len(anchors))
    parts = [
        pairwise_iou(boxes[start : start + rows], anchors).max(axis=1).astype(np.float32)
        for start in range(0, len(boxes), rows)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
