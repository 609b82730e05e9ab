"""Four pictures in one: more small objects, and objects out of their usual surroundings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from algorithm.data.feeding.outline_views import corners
from algorithm.data.feeding.outline_views import moved as carry

LEAST = 0.25  # of the mosaic's height and width that a picture gets at least, as published
LEAST_VISIBLE = 0.1  # of a box's area; less of an object cannot be recognised


def mosaic(
    pictures: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make one picture of four, each filling a quadrant about a random point.

    A picture keeps its aspect; what does not fit its quadrant is cut off at random.

    Args:
        pictures: Pixels uint8 [H, W, 3], boxes float32 [N, 4] yxyx pixels, labels or
            OutlinedObject [N] of each: top left, top right, bottom left, bottom right.
        size: (height, width) of the mosaic.
        rng: Where all draws come from.

    Returns:
        (pixels, boxes, labels) of the mosaic; boxes are clipped, and left out where less than a
        tenth of them shows.
    """
    y, x = (int(side * rng.uniform(LEAST, 1 - LEAST)) for side in size)
    quadrants = [(0, 0, y, x), (0, x, y, size[1]), (y, 0, size[0], x), (y, x, *size)]
    canvas = np.empty((*size, 3), np.uint8)
    parts = []
    for (pixels, boxes, labels), (top, left, bottom, right) in zip(
        pictures, quadrants, strict=True
    ):
        covering, moved, shown, move = _cover(pixels, boxes, (bottom - top, right - left), rng)
        canvas[top:bottom, left:right] = covering
        move += [[0, 0, left], [0, 0, top]]
        carried = carry(labels[shown], move, corners(top, left, bottom, right))
        parts.append((moved[shown] + np.array([top, left, top, left], np.float32), carried))
    all_boxes, all_labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return canvas, all_boxes, all_labels


def _cover(
    pixels: np.ndarray, boxes: np.ndarray, size: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut a random part of the picture with the aspect of `size` and resize it to it.

    Also return its boxes, which of them show, and the move float64 [2, 3] of (x, y, 1).
    """
    sides = np.array(pixels.shape[:2])
    scale = max(size / sides)
    window = np.minimum(np.array(size) / scale, sides)
    corner = (sides - window) * rng.random(2)
    edges = (*corner[::-1].tolist(), *np.minimum(corner + window, sides)[::-1].tolist())
    covering = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR, box=edges)
    whole = (boxes - np.tile(corner, 2)) * np.tile(size / window, 2)
    moved = np.clip(whole, 0, np.tile(size, 2))
    down, right = size / window
    move = np.array([[right, 0, -corner[1] * right], [0, down, -corner[0] * down]])
    return (
        np.asarray(covering),
        moved.astype(np.float32),
        _area(moved) > LEAST_VISIBLE * _area(whole),
        move,
    )


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
