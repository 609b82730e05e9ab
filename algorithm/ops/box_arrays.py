"""Box geometry on NumPy arrays. Every box is [ymin, xmin, ymax, xmax]; a test compares with boxes.

Rooms without TensorFlow use it too.
"""

from __future__ import annotations

import numpy as np


def box_area(boxes: np.ndarray) -> np.ndarray:
    """Return the areas [...] of boxes [..., 4]; a box turned inside out has area 0."""
    height = np.maximum(boxes[..., 2] - boxes[..., 0], 0)
    return height * np.maximum(boxes[..., 3] - boxes[..., 1], 0)


def iou(boxes: np.ndarray, others: np.ndarray, of_first: np.ndarray | None = None) -> np.ndarray:
    """Compute the intersection over union of boxes in the same places.

    Args:
        boxes: float [..., 4].
        others: float [..., 4], of a shape that broadcasts.
        of_first: bool, broadcast against the result: where it is true, the share of `boxes` that
            lies inside the other one (COCO's rule for crowds). None means nowhere.

    Returns:
        float [...], in 0..1; 0 where the union is empty.
    """
    height = np.minimum(boxes[..., 2], others[..., 2]) - np.maximum(boxes[..., 0], others[..., 0])
    width = np.minimum(boxes[..., 3], others[..., 3]) - np.maximum(boxes[..., 1], others[..., 1])
    shared = np.maximum(height, 0) * np.maximum(width, 0)
    areas = box_area(boxes)
    union = areas + box_area(others) - shared
    if of_first is not None:
        union = np.where(of_first, areas, union)
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def pairwise_iou(
    boxes: np.ndarray, others: np.ndarray, crowd: np.ndarray | None = None
) -> np.ndarray:
    """Compute the overlap of every box with every other one.

    Args:
        boxes: float [M, 4].
        others: float [N, 4].
        crowd: bool [N]; for a crowd the overlap is the share of the box that lies inside it.

    Returns:
        float [M, N], in 0..1.
    """
    of_first = None if crowd is None else crowd[None]
    return iou(boxes[:, None], others[None], of_first)
