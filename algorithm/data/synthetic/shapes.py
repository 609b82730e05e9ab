"""The object classes, distractors and backgrounds that rendered scenes are made of."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

CANVAS = 192  # every shape is drawn this large and reduced later, which smooths its edges
OWN_HUE_SHARE = (
    0.75  # of the objects of a class have about its usual hue: colour helps but does not decide
)
Colour = tuple[int, int, int]


def draw_ball(rng: np.random.Generator) -> Image.Image:
    """Draw an RGBA beach ball: alternating sectors around an off-centre pole, lit from one side."""
    image, pen = _blank()
    first, second = _colours(rng, hue=0.02)
    pen.ellipse((4, 4, 188, 188), fill=first)
    start, pole = rng.uniform(0, 60), rng.uniform(-22, 22, 2)
    for sector in range(3):
        begin = start + 120 * sector
        arc = [
            (
                96 + 96 * math.cos(math.radians(begin + step)),
                96 + 96 * math.sin(math.radians(begin + step)),
            )
            for step in range(0, 61, 10)
        ]
        pen.polygon([(96 + pole[0], 96 + pole[1]), *arc], fill=second)
    pen.ellipse((82 + pole[0], 82 + pole[1], 110 + pole[0], 110 + pole[1]), fill=first)
    inside = Image.new("L", image.size, 0)
    ImageDraw.Draw(inside).ellipse((4, 4, 188, 188), fill=255)
    image = _lit(image, rng)
    image.putalpha(inside)
    return image


def draw_box(rng: np.random.Generator) -> Image.Image:
    """Draw an RGBA carton: three faces in three shades, a strip of tape over front and lid."""
    image, pen = _blank()
    base, tape = _colours(rng, hue=0.10)
    depth, top = int(rng.integers(36, 66)), int(rng.integers(30, 56))
    left, right, bottom, lid = 6, 186 - depth, 186, 6 + top
    pen.polygon([(left, lid), (right, lid), (right, bottom), (left, bottom)], fill=base)
    pen.polygon(
        [(left, lid), (left + depth, 6), (right + depth, 6), (right, lid)], fill=_shade(base, 1.3)
    )
    pen.polygon(
        [(right, lid), (right + depth, 6), (right + depth, bottom - top), (right, bottom)],
        fill=_shade(base, 0.55),
    )
    middle, half = (left + right) / 2, (right - left) / 12
    pen.polygon(
        [
            (middle - half, lid),
            (middle - half + depth, 6),
            (middle + half + depth, 6),
            (middle + half, lid),
        ],
        fill=_shade(tape, 1.15),
    )
    pen.rectangle((middle - half, lid, middle + half, lid + (bottom - lid) * 0.45), fill=tape)
    return image


def draw_ring(rng: np.random.Generator) -> Image.Image:
    """Draw an RGBA ring with a see-through hole and evenly spaced marks, like a lifebuoy."""
    image, pen = _blank()
    base, mark = _colours(rng, hue=0.58)
    pen.ellipse((4, 4, 188, 188), fill=base)
    start, marks = rng.uniform(0, 90), int(rng.integers(4, 7))
    for turn in range(marks):
        begin = start + 360 * turn / marks
        pen.pieslice((4, 4, 188, 188), begin, begin + 140 / marks, fill=mark)
    image = _lit(image, rng)
    hole = rng.uniform(46, 58)
    body = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(body)
    pen.ellipse((4, 4, 188, 188), fill=255)
    pen.ellipse((96 - hole, 96 - hole, 96 + hole, 96 + hole), fill=0)
    image.putalpha(body)
    return image


def draw_star(rng: np.random.Generator) -> Image.Image:
    """Draw an RGBA five-pointed star with a second, smaller star on it."""
    image, pen = _blank()
    base, inner = _colours(rng, hue=0.33)
    ratio = rng.uniform(0.40, 0.50)
    pen.polygon(_star(92, ratio), fill=base)
    pen.polygon(_star(54, ratio), fill=inner)
    return image


DRAWINGS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "ball": draw_ball,
    "box": draw_box,
    "ring": draw_ring,
    "star": draw_star,
}


def draw_distractor(rng: np.random.Generator) -> Image.Image:
    """Draw an RGBA shape of no class: a triangle, a cross, a zigzag, a blade or a bar."""
    image, pen = _blank()
    colour = _colours(rng, hue=rng.random())[0]
    kind = rng.integers(5)
    if kind == 0:
        pen.polygon([tuple(point) for point in rng.uniform(4, 188, (3, 2))], fill=colour)
    elif kind == 1:
        pen.rectangle((80, 4, 112, 188), fill=colour)
        pen.rectangle((4, 80, 188, 112), fill=colour)
    elif kind == 2:
        pen.line(
            [(4 + 30 * step, 60 + 70 * (step % 2)) for step in range(7)], fill=colour, width=14
        )
    elif kind == 3:
        pen.chord((4, 4, 188, 188), 200, 330, fill=colour)
    else:
        pen.rectangle((4, 84, 188, 108), fill=colour)
    return image


def draw_background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Draw a colour gradient under cloudy texture, sometimes striped.

    Args:
        rng: Where all draws come from.
        width: In pixels.
        height: In pixels.

    Returns:
        float32 [height, width, 3], 0..255.
    """
    corners = rng.uniform(40, 215, (2, 2, 3)).astype(np.float32)
    ground = _stretched(_muted(corners), width, height)
    cells = int(rng.integers(5, 24))
    grain = rng.normal(0, rng.uniform(6, 22), (cells, cells, 3)).astype(np.float32)
    clouds = _stretched(_muted(grain), width, height)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, pitch = rng.uniform(0, math.pi), rng.uniform(9, 40)
    wave = np.sin((rows * math.sin(angle) + columns * math.cos(angle)) * 2 * math.pi / pitch)
    stripes = wave[..., None] * rng.uniform(5, 25) * (rng.random() < 0.4)
    return np.clip(ground + clouds + stripes, 0, 255).astype(np.float32)


def _muted(colours: np.ndarray) -> np.ndarray:
    """The colours half-way to grey."""
    return (colours + colours.mean(axis=-1, keepdims=True)) / 2


def _blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (CANVAS, CANVAS), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)


def _star(radius: float, ratio: float) -> list[tuple[float, float]]:
    corners = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * ratio
        angle = math.pi * (corner / 5 - 0.5)
        corners.append((96 + reach * math.cos(angle), 96 + reach * math.sin(angle)))
    return corners


def _colours(rng: np.random.Generator, hue: float) -> tuple[Colour, Colour]:
    """A main colour near `hue` (or, now and then, any) and one that stands out against it."""
    hue = hue + rng.normal(0, 0.03) if rng.random() < OWN_HUE_SHARE else rng.random()
    main = colorsys.hsv_to_rgb(hue % 1, rng.uniform(0.55, 0.95), rng.uniform(0.6, 0.95))
    other = colorsys.hsv_to_rgb(
        (hue + rng.uniform(0.1, 0.9)) % 1, rng.uniform(0.0, 0.35), rng.uniform(0.85, 1.0)
    )
    return _bytes(main), _bytes(other)


def _bytes(colour: Sequence[float]) -> Colour:
    red, green, blue = (int(255 * part) for part in colour)
    return red, green, blue


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(part * factor)) for part in colour)
    return red, green, blue


def _lit(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The image darkened away from a light at a random place above it."""
    rows, columns = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32) / CANVAS
    distance = np.hypot(rows - rng.uniform(0.15, 0.45), columns - rng.uniform(0.2, 0.8))
    pixels = np.asarray(image, np.float32).copy()
    pixels[..., :3] *= np.clip(1.2 - 0.75 * distance, 0.3, 1.2)[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGBA")


def _stretched(grid: np.ndarray, width: int, height: int) -> np.ndarray:
    planes = [
        Image.fromarray(grid[..., channel]).resize((width, height), Image.Resampling.BICUBIC)
        for channel in range(3)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)
