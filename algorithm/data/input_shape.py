"""The network input that suits the shape of the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algorithm.data.sample import Sample
from algorithm.ops.anchors import BACKBONE_STRIDE

_MOST_PIXELS = 1.08  # of the square's, so that it costs about the same
_LEAST_GAIN = 1.05  # less is not worth another shape
_MOST_ELONGATED = 3.0


def best_shape(samples: Sequence[Sample], side: int) -> tuple[tuple[int, int], float]:
    """Choose, of the inputs with about as many pixels as a square, the one that shows most.

    A picture is scaled to fit into the input; what it does not cover is computed for nothing. Of
    320 x 320 a picture of 640 x 480 covers three quarters; into 384 x 288 it fits as a whole, a
    fifth larger.

    Args:
        samples: The pictures, at least one.
        side: Of the square, in pixels.

    Returns:
        (height, width) in pixels, and how many times larger the pictures are in it than in the
        square: the geometric mean over them. The square and 1.0 where no other gains 5 %.
    """
    heights = np.array([sample.height for sample in samples], float)
    widths = np.array([sample.width for sample in samples], float)
    in_square = side / np.maximum(heights, widths)
    sides = range(BACKBONE_STRIDE, int(side * _MOST_ELONGATED) + 1, BACKBONE_STRIDE)
    gains = {
        (height, width): float(
            np.exp(np.log(np.minimum(height / heights, width / widths) / in_square).mean())
        )
        for height in sides
        for width in sides
        if height * width <= _MOST_PIXELS * side * side
        and max(height, width) <= _MOST_ELONGATED * min(height, width)
    }
    if not gains or max(gains.values()) < _LEAST_GAIN:
        return (side, side), 1.0
    # Several shapes may show the pictures as large: the smallest of them.
    enough = max(gains.values()) - 1e-6
    shape = min((shape for shape in gains if gains[shape] >= enough), key=lambda s: s[0] * s[1])
    return shape, gains[shape]
