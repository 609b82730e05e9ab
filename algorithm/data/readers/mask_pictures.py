"""Pictures whose pixels say which object they belong to."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from algorithm.data.feeding.decoding import PictureError, open_picture

MODES = ("1", "L", "P", "I", "I;16")  # one channel, whose value is the number of the instance


def mask_pixels(path: Path) -> np.ndarray:
    """Return the pixels of a mask file; as numbered_pixels."""
    return numbered_pixels(path.read_bytes(), str(path))


def numbered_pixels(data: bytes, name: str = "mask") -> np.ndarray:
    """Return the pixels of a mask, bool or integer [H, W]; of a palette its indices.

    Args:
        data: The encoded picture.
        name: What errors call it.

    Raises:
        PictureError: It is no picture, or is damaged.
        ValueError: It has more than one channel, or its numbers were blurred by JPEG.
    """
    image = open_picture(io.BytesIO(data), name)
    if image.mode not in MODES:
        raise ValueError(
            f"expected a mask of one channel that numbers the instances, found mode {image.mode}"
        )
    if image.format == "JPEG":
        raise ValueError("expected a mask without loss, as PNG, found JPEG: its noise is no object")
    try:
        return np.asarray(image)
    except OSError as error:
        raise PictureError(f"{name}: the mask is damaged or truncated: {error}") from error
