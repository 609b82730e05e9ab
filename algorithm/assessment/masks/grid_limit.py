"""How well a mask can fit at most on the grid that the network draws it on."""

from __future__ import annotations

import numpy as np

from algorithm.ops.mask_grid import MASK_STRIDE


def grid_iou(
    mask: np.ndarray, corner: tuple[int, int], picture: tuple[int, int], input_size: tuple[int, int]
) -> float:
    """Return the IoU of a mask with what is left of it on the grid, enlarged again.

    A cell takes the share of it that the mask covers; enlarging is bilinear, and what is above half
    is inside, as in ops.mask_assembly.

    Args:
        mask: bool [h, w], not empty; the part of the picture in which it lies.
        corner: (row, column) of its first pixel in the picture.
        picture: (height, width) of the picture, in pixels.
        input_size: (height, width) of the network's input, in pixels.
    """
    scale = min(side / own for side, own in zip(input_size, picture, strict=True))
    cells = [
        max(int(own * scale), 1) / own / MASK_STRIDE for own in picture
    ]  # to a pixel, along each axis
    (down, up), (left, right) = (
        _weights(start, count, step)
        for start, count, step in zip(corner, mask.shape, cells, strict=True)
    )
    shares = down @ mask.astype(np.float64) @ left.T
    drawn = up @ shares @ right.T > 0.5
    return float((drawn & mask).sum() / (drawn | mask).sum())


def _weights(start: int, count: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """float64 [cells, count] that averages pixels, and [count, cells] that enlarges again."""
    first, last = int(start * step) - 1, int((start + count) * step) + 2
    cells = np.arange(first, last)[:, None]
    edges = (np.arange(count + 1) + start) * step
    shares = np.minimum(edges[1:], cells + 1) - np.maximum(edges[:-1], cells)
    centres = (np.arange(count) + start + 0.5) * step - 0.5
    return shares.clip(0.0), (1 - np.abs(centres[:, None] - cells.T)).clip(0.0)
