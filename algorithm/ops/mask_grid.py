"""The grid that masks are learned and predicted on, and the numbers an anchor has for its mask."""

from __future__ import annotations

MASK_STRIDE = 4  # network pixels to a cell
PROTOTYPES = 32  # maps of the picture
SHAPE_DEGREE = 5  # of the polynomials of `box_shapes`, downwards and across
SHAPE_TERMS = (SHAPE_DEGREE + 1) ** 2


def mask_grid(image_size: tuple[int, int]) -> tuple[int, int]:
    """Return (rows, columns) of the grid for a network input of (height, width) pixels."""
    height, width = image_size
    return -(-height // MASK_STRIDE), -(-width // MASK_STRIDE)
