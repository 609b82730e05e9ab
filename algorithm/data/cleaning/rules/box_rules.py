"""What a box must satisfy to be trained on, one row per rule; and boxes that say the same twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from algorithm.ops.box_arrays import box_area, pairwise_iou

LEAST_SIDE = 2.0  # pixels
LEAST_INSIDE = 0.5  # of a box's area
SAME_OBJECT = 0.95  # IoU beyond which two boxes of a class are taken for one object annotated twice
ROWS = 256  # boxes compared with all others at a time


def sides(boxes: np.ndarray) -> np.ndarray:
    """Return the heights and widths of yxyx boxes, [N, 2]."""
    return boxes[:, 2:] - boxes[:, :2]


@dataclass(frozen=True)
class BoxRule:
    """bad(raw, clipped): bool [N], which of the float32 [N, 4] boxes break the rule."""

    name: str
    problem: str
    bad: Callable[[np.ndarray, np.ndarray], np.ndarray]
    always: bool  # a complaint also without cleaning


BOX_RULES = (
    BoxRule(
        "corners reversed",
        "expected min <= max, found the corners reversed",
        lambda raw, clipped: sides(raw).min(1) < 0,
        True,
    ),
    BoxRule(
        "no area",
        "expected a box with an area, found none",
        lambda raw, clipped: sides(raw).min(1) == 0,
        True,
    ),
    BoxRule(
        "in shares of the picture",
        "expected pixels, found numbers of 0..1, as shares of the picture: multiply them by its "
        "size",
        # Whole numbers alone may be a box of one pixel at the corner.
        lambda raw, clipped: (raw.min(1) >= 0) & (raw.max(1) <= 1) & (raw % 1 != 0).any(1),
        True,
    ),
    BoxRule(
        "outside the picture",
        "expected a box in the picture, found it wholly outside",
        lambda raw, clipped: sides(clipped).min(1) <= 0,
        True,
    ),
    BoxRule(
        "mostly outside the picture",
        "expected at least half of the box in the picture",
        lambda raw, clipped: box_area(clipped) < LEAST_INSIDE * box_area(raw),
        False,
    ),
    BoxRule(
        "too thin",
        f"expected sides of at least {LEAST_SIDE:g} pixels",
        lambda raw, clipped: sides(clipped).min(1) < LEAST_SIDE,
        False,
    ),
)


def repeated(names: Sequence[str], boxes: np.ndarray, ignored: np.ndarray) -> dict[int, int]:
    """Find objects that repeat an earlier one of the same class, box and mark.

    Args:
        names: The class of each object.
        boxes: [N, 4].
        ignored: The mark of each object.

    Returns:
        Index -> index of the first.
    """
    first: dict[tuple, int] = {}
    again = {}
    for index, (name, box, mark) in enumerate(zip(names, boxes, ignored, strict=True)):
        original = first.setdefault((name, box.tobytes(), bool(mark)), index)
        if original != index:
            again[index] = original
    return again


def nearly_repeated(names: Sequence[str], boxes: np.ndarray) -> list[tuple[int, int]]:
    """Return (earlier, later) objects of a class whose boxes overlap over SAME_OBJECT.

    Args:
        names: The class of each object.
        boxes: float32 [N, 4].
    """
    if len(boxes) < 2:
        return []
    pairs = []
    for start in range(0, len(boxes), ROWS):
        alike = pairwise_iou(boxes[start : start + ROWS], boxes) > SAME_OBJECT
        for row, column in np.argwhere(alike).tolist():
            if start + row < column and names[start + row] == names[column]:
                pairs.append((start + row, column))
    return pairs
