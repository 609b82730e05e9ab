"""The grid that masks are learned and predicted on."""

from __future__ import annotations

MASK_STRIDE = 4  # network pixels to a cell


def mask_grid(image_size: tuple[int, int]) -> tuple[int, int]:
    """Return (rows, columns) of the grid for a network input of (height, width) pixels."""
    height, width = image_size
    return -(-height // MASK_STRIDE), -(-width // MASK_STRIDE)
