"""Measures of a picture and of the places its boxes mark: light, sharpness, colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

COLOUR_STEP = 2  # colour is measured on every other pixel, because a mean does not need them all


@dataclass(frozen=True)
class PictureMeasures:
    """What was measured of a picture.

    Attributes:
        height: In pixels.
        width: In pixels.
        brightness: 0..255.
        clarity: The variance of the Laplacian.
        saturation: 0..255.
        colourfulness: As in Hasler and Suesstrunk 2003.
        box_brightness: float64 [N], the brightness inside each box.
        box_clarity: float64 [N], the clarity inside each box.
    """

    height: int
    width: int
    brightness: float
    clarity: float
    saturation: float
    colourfulness: float
    box_brightness: np.ndarray
    box_clarity: np.ndarray


def measure_picture(pixels: np.ndarray, boxes: np.ndarray) -> PictureMeasures:
    """Measure a picture and the places that its boxes mark.

    Args:
        pixels: uint8 [H, W, 3].
        boxes: [N, 4], [ymin, xmin, ymax, xmax] in pixels. A box of no pixel gets the picture's
            figures.

    Returns:
        The measures.
    """
    height, width = pixels.shape[:2]
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    edges = laplacian(grey)
    brightness, clarity = float(grey.mean()), float(edges.var())
    inside = np.array(
        [
            _inside(grey, edges, box) or (brightness, clarity)
            for box in np.asarray(boxes).reshape(-1, 4)
        ]
    )
    inside = inside.reshape(-1, 2)
    saturation, colourfulness = _colour(pixels[::COLOUR_STEP, ::COLOUR_STEP])
    return PictureMeasures(
        height, width, brightness, clarity, saturation, colourfulness, inside[:, 0], inside[:, 1]
    )


def laplacian(grey: np.ndarray) -> np.ndarray:
    """Return four neighbours less four times the pixel; the border repeats itself outwards.

    Args:
        grey: uint8 [H, W].

    Returns:
        float32 [H, W].
    """
    wide = np.pad(grey.astype(np.float32), 1, mode="edge")
    return (
        wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * wide[1:-1, 1:-1]
    )


def _inside(grey: np.ndarray, edges: np.ndarray, box: np.ndarray) -> tuple[float, float] | None:
    top, left, bottom, right = np.clip(np.round(box).astype(int), 0, [*grey.shape, *grey.shape])
    if bottom <= top or right <= left:
        return None
    return float(grey[top:bottom, left:right].mean()), float(edges[top:bottom, left:right].var())


def _colour(pixels: np.ndarray) -> tuple[float, float]:
    """Return the mean saturation of HSV on 0..255, and the colourfulness."""
    red, green, blue = (pixels[..., channel].astype(np.float32) for channel in range(3))
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    saturation = 255 * np.divide(most - least, most, out=np.zeros_like(most), where=most > 0).mean()
    first, second = red - green, (red + green) / 2 - blue
    spread = np.hypot(first.std(), second.std())
    return float(saturation), float(spread + 0.3 * np.hypot(first.mean(), second.mean()))
