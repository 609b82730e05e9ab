"""Masks laid over a picture, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from algorithm.pages.box_drawing import class_colour

_STRENGTH = 0.45  # of the colour over the picture


def draw_masks(
    image: np.ndarray, masks: Iterable[np.ndarray | None], labels: Sequence[str]
) -> np.ndarray:
    """Lay masks over a copy of a picture, each in the colour of its class.

    Args:
        image: uint8 [H, W, 3].
        masks: N masks, bool or uint8 [H, W], or None for an object without one.
        labels: N class names.

    Returns:
        uint8 [H, W, 3].
    """
    picture = image.copy()
    for mask, label in zip(masks, labels, strict=True):
        if mask is None:
            continue
        inside = mask.astype(bool)
        colour = np.array(class_colour(label), np.float32)
        mixed = picture[inside] * (1 - _STRENGTH) + colour * _STRENGTH
        picture[inside] = (mixed + 0.5).astype(np.uint8)
    return picture
