"""The edge of a mask: bands along it, and how well two of them agree.

Boundary IoU as in Cheng, Girshick, Dollár, Berg, Kirillov 2021, "Boundary IoU: Improving
Object-Centric Image Segmentation Evaluation" (arXiv 2103.16562), section 4.
"""

from __future__ import annotations

import math

import numpy as np

BAND = 0.02  # of the picture's diagonal, as the paper takes it
NARROW_BAND = 0.005  # what counts as along the edge


def band_width(height: int, width: int, share: float = BAND) -> int:
    """Return the width of a band in pixels, 1 at least.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        share: Of the picture's diagonal.
    """
    return max(1, round(share * math.hypot(height, width)))


def inner_band(mask: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels of a mask that lie within `width` of its edge, bool [H, W].

    Distance goes along rows, columns or diagonals alike, a pixel a step. Beyond the array is
    outside of the mask.

    Args:
        mask: bool [H, W].
        width: Of the band, in pixels.
    """
    return mask & (_set_around(mask, width) < (2 * width + 1) ** 2)


def along_edge(mask: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels within `width` of a mask's edge, inside and outside, bool [H, W]."""
    around = _set_around(mask, width)
    return (around > 0) & (around < (2 * width + 1) ** 2)


def boundary_iou(first: np.ndarray, second: np.ndarray, width: int) -> float:
    """Return the IoU of the inner bands of two masks.

    Args:
        first: bool [H, W].
        second: bool [H, W], not both of them empty.
        width: Of the bands, in pixels.
    """
    one, other = inner_band(first, width), inner_band(second, width)
    return float((one & other).sum() / (one | other).sum())


def _set_around(mask: np.ndarray, width: int) -> np.ndarray:
    """int32 [H, W]: how many pixels are set in the square of side 2 * width + 1 about each."""
    sums = np.pad(mask, ((width + 1, width), (width + 1, width))).astype(np.int32)
    side = 2 * width + 1
    for axis in (0, 1):
        sums = np.cumsum(sums, axis=axis, dtype=np.int32)
        count = sums.shape[axis]
        ends = np.arange(side, count)
        sums = np.take(sums, ends, axis=axis) - np.take(sums, ends - side, axis=axis)
    return sums
