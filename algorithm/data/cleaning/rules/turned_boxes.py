"""Boxes of a picture that was annotated as it is stored, before EXIF turns it upright."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from algorithm.data.feeding.decoding import exif_orientation, open_picture

SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that exchange width and height


def stored_orientation(path: Path) -> int:
    """Return the EXIF orientation of a picture, 1..8, from its header."""
    with path.open("rb") as stream:
        return exif_orientation(open_picture(stream, str(path)).info.get("exif", b""))


def upright_boxes(boxes: np.ndarray, width: int, height: int, orientation: int) -> np.ndarray:
    """Turn boxes with their picture.

    Args:
        boxes: float32 [N, 4], yxyx, in pixels of the picture as it is stored.
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        orientation: Of the picture's EXIF, one of SIDEWAYS.

    Returns:
        float32 [N, 4], yxyx, in pixels of the upright picture.
    """
    across, down = boxes[:, [0, 2]], boxes[:, [1, 3]]  # rows become columns
    if orientation in (6, 7):
        across = width - across[:, ::-1]
    if orientation in (7, 8):
        down = height - down[:, ::-1]
    return np.stack([down[:, 0], across[:, 0], down[:, 1], across[:, 1]], axis=1)
