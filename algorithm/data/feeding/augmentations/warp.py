"""Moving, shearing and turning a whole picture together with its boxes."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

GREY = (128, 128, 128)  # where nothing of the picture is left, as published


def warp(picture: Image.Image, source: np.ndarray) -> Image.Image:
    """Warp a picture.

    Args:
        picture: The picture.
        source: float [2, 3], pixel edges: pixel (x, y) of the result shows what was at
            source @ (x, y, 1).

    Returns:
        A picture of the same size.
    """
    return picture.transform(
        picture.size,
        Image.Transform.AFFINE,
        tuple(source.ravel()),
        Image.Resampling.NEAREST,
        fillcolor=GREY,
    )


def warped_boxes(boxes: np.ndarray, source: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Move boxes along with a warped picture.

    Args:
        boxes: float32 [N, 4] yxyx pixels.
        source: As of `warp`.
        size: (width, height) of the picture.

    Returns:
        float32 [N, 4], the boxes that enclose the moved ones, clipped to the picture; one that left
        it has no area.
    """
    turn = np.linalg.inv(source[:, :2])
    corners = boxes[:, [[1, 0], [1, 2], [3, 0], [3, 2]]]  # [N, 4, 2], x before y
    corners = (corners - source[:, 2]) @ turn.T
    enclosing = np.concatenate([corners.min(axis=1)[:, ::-1], corners.max(axis=1)[:, ::-1]], axis=1)
    width, height = size
    return np.clip(enclosing, 0, [height, width] * 2).astype(np.float32)


def move_from(source: np.ndarray) -> np.ndarray:
    """Return what takes (x, y, 1) of the picture to (x, y) of the warped one, float64 [2, 3]."""
    turn = np.linalg.inv(source[:, :2])
    return np.c_[turn, -turn @ source[:, 2]]


def translation(dx: float, dy: float) -> np.ndarray:
    """Return the `source` of warp that moves everything dx pixels to the right and dy down."""
    return np.array([[1, 0, -dx], [0, 1, -dy]], float)


def shear(x_by_y: float, y_by_x: float) -> np.ndarray:
    """Return the `source` of warp that shears a picture.

    A row moves left by x_by_y times its y, a column up by y_by_x times its x.
    """
    return np.array([[1, x_by_y, 0], [y_by_x, 1, 0]], float)


def rotation(degrees: float, size: tuple[int, int]) -> np.ndarray:
    """Return the `source` of warp for a turn about the centre, clockwise where degrees > 0.

    Args:
        degrees: The turn.
        size: (width, height) of the picture.
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    centre = np.array(size) / 2
    return np.c_[turn, centre - turn @ centre]
