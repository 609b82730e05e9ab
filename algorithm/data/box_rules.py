"""What a box must satisfy to be trained on, one row per rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LEAST_SIDE = 2.0  # pixels
LEAST_INSIDE = 0.5  # of a box's area


def sides(boxes: np.ndarray) -> np.ndarray:
    """[N, 2] heights and widths of yxyx boxes."""
    return boxes[:, 2:] - boxes[:, :2]


def area(boxes: np.ndarray) -> np.ndarray:
    """[N] areas of yxyx boxes, 0 where a side is negative."""
    return sides(boxes).clip(0).prod(axis=1)


@dataclass(frozen=True)
class BoxRule:
    """bad(boxes, clipped): bool [N], which of the float32 [N, 4] boxes, raw and clipped, break the rule."""

    problem: str
    bad: Callable[[np.ndarray, np.ndarray], np.ndarray]
    always: bool  # a complaint also without cleaning


BOX_RULES = (
    BoxRule("expected min <= max, found the corners reversed", lambda raw, clipped: sides(raw).min(1) < 0, True),
    BoxRule("expected a box with an area, found none", lambda raw, clipped: sides(raw).min(1) == 0, True),
    BoxRule("expected a box in the picture, found it wholly outside",
            lambda raw, clipped: sides(clipped).min(1) <= 0, True),
    BoxRule("expected at least half of the box in the picture",
            lambda raw, clipped: area(clipped) < LEAST_INSIDE * area(raw), False),
    BoxRule(f"expected sides of at least {LEAST_SIDE:g} pixels",
            lambda raw, clipped: sides(clipped).min(1) < LEAST_SIDE, False),
)
