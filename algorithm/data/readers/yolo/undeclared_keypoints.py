"""Rows of a box and keypoints of two numbers that nothing declares, told from outlines."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

LEAST_ROWS = 5  # different ones: fewer may be outlines that look so by chance
_EDGE = 0.02  # share of the picture by which boxes and points may lie outside
_SPREAD = 0.3  # share of the box that several keypoints fill on the mean, at least


def undeclared_keypoints(rows: Iterable[tuple[float, ...]]) -> int:
    """Return how many keypoints each row has behind its box, 0 where the rows are no such thing.

    Rows of one length are boxes with keypoints where all of them have their first four numbers as a
    box inside the picture, with the points inside that box and spread over it. Of outlines some
    row breaks this: their first two points are neighbours, not a centre and a size.

    Args:
        rows: What follows the class ids, in shares of the picture. Rows of four or five numbers are
            plain boxes and pass over.
    """
    longer = {row for row in rows if len(row) > 5}
    lengths = {len(row) for row in longer}
    if len(longer) < LEAST_ROWS or len(lengths) > 1 or min(lengths) % 2:
        return 0
    numbers = np.array(sorted(longer))
    centre, size = numbers[:, None, :2], numbers[:, None, 2:4]
    points = numbers[:, 4:].reshape(len(numbers), -1, 2)
    there = (points != 0).any(axis=2)  # a keypoint that is not there is 0 0
    low, high = centre - size / 2, centre + size / 2
    outside = ((points < low - _EDGE) | (points > high + _EDGE)).any(axis=2) & there
    if (low < -_EDGE).any() or (high > 1 + _EDGE).any() or (size <= 0).any() or outside.any():
        return 0
    if points.shape[1] > 1:
        shown = np.where(there[:, :, None], points, np.nan)
        rows_with_two = there.sum(axis=1) > 1
        if not rows_with_two.any():
            return 0
        shares = (np.nanmax(shown[rows_with_two], 1) - np.nanmin(shown[rows_with_two], 1)) / size[
            rows_with_two, 0
        ]
        if shares.max(axis=1).mean() < _SPREAD:
            return 0
    return points.shape[1]
