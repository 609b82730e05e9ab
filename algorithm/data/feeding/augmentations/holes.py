"""Parts of a picture painted over: boxes stay, and the network must do without what was there."""

from __future__ import annotations

import numpy as np
from PIL import Image

from algorithm.data.feeding.augmentations.warp import GREY

GRID_RATIO = 0.6  # of a grid's period that stays visible along each axis, as published


def cut_out(picture: Image.Image, half: int, rng: np.random.Generator) -> Image.Image:
    """Lay a grey square about a random point, less where it reaches over the edge.

    Args:
        picture: The picture.
        half: Half the side of the square, in pixels.
        rng: Where the point comes from.

    Returns:
        The picture with the hole.
    """
    x, y = (int(rng.integers(side)) for side in picture.size)
    return _painted(picture, (x - half, y - half, x + half, y + half))


def cut_out_in_box(
    picture: Image.Image, boxes: np.ndarray, share: float, rng: np.random.Generator
) -> Image.Image:
    """Lay a grey rectangle about a random point in one of the boxes.

    Args:
        picture: The picture.
        boxes: float32 [N, 4] yxyx pixels.
        share: Of the box's height and width that the rectangle takes.
        rng: Where the box and the point come from.

    Returns:
        The picture with the hole.
    """
    if not len(boxes):
        return picture
    top, left, bottom, right = boxes[rng.integers(len(boxes))].tolist()
    x, y = int(rng.uniform(left, right)), int(rng.uniform(top, bottom))
    across, along = int(share * (right - left) / 2), int(share * (bottom - top) / 2)
    return _painted(picture, (x - across, y - along, x + across, y + along))


def grid_mask(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Blacken all but rows and columns of a random grid.

    0.6 of each period along either axis stays visible. What is visible in rows or in columns stays:
    the black squares are 0.4 of a period on a side. The period is drawn between 0.5 of the height
    and 0.3 of the width.
    """
    width, height = picture.size
    low, high = sorted((int(height * 0.5), int(width * 0.3)))
    period = max(2, int(rng.integers(low, max(high, low + 1))))
    length = min(max(int(period * GRID_RATIO + 0.5), 1), period - 1)
    rows, columns = (
        (np.arange(side) + rng.integers(period)) % period < length for side in (height, width)
    )
    return Image.fromarray(
        np.asarray(picture) * (rows[:, None] | columns)[..., None].astype(np.uint8)
    )


def _painted(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """box: left, top, right, bottom."""
    left, top, right, bottom = (
        min(max(edge, 0), side) for edge, side in zip(box, picture.size * 2, strict=False)
    )
    painted = picture.copy()
    painted.paste(GREY, (left, top, right, bottom))
    return painted
