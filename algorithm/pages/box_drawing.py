"""Boxes and class names drawn into a picture, for people."""

from __future__ import annotations

import colorsys
import functools
import zlib
from collections.abc import Sequence
from typing import cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

UNASSIGNED = "\U0010fffe"  # never a character: shows the glyph a font draws for what it lacks
# Fonts that know Chinese, where a machine has one; the font in Pillow does not.
WIDE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "PingFang.ttc",
    "msyh.ttc",
    "simhei.ttf",
)


def draw_detections(
    image: np.ndarray,
    boxes: Sequence[Sequence[float]] | np.ndarray,
    labels: Sequence[str],
    scores: Sequence[float] | None = None,
    label_names: Sequence[str] = (),
) -> np.ndarray:
    """Draw boxes into a copy of a picture, each in the colour of its class.

    Args:
        image: uint8 [H, W, 3].
        boxes: [N, 4] yxyx in pixels.
        labels: N class names. One that no font of this machine can show is replaced by its 1-based
            number in `label_names`.
        scores: N floats for the captions, or None for ground truth.
        label_names: All class names.

    Returns:
        uint8 [H, W, 3].
    """
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    height, width = image.shape[:2]
    line = max(1, round(max(height, width) / 400))
    size = max(10, round(max(height, width) / 50))
    for i, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        ymin, xmin, ymax, xmax = np.clip(
            np.asarray(box, np.float64), 0, [height - 1, width - 1] * 2
        )
        if ymax < ymin or xmax < xmin:
            continue
        pen.rectangle((xmin, ymin, xmax, ymax), outline=class_colour(label), width=line)
        font, text = caption(label, size, tuple(label_names))
        _write_caption(
            pen, (xmin, ymin), text if scores is None else f"{text} {scores[i]:.2f}", font, label
        )
    return np.array(picture)


def class_colour(label: str) -> tuple[int, int, int]:
    """Return the RGB colour of a class name, 0..255, the same in every run."""
    mixed = zlib.crc32(label.encode())
    red, green, blue = colorsys.hsv_to_rgb(mixed % 360 / 360, 0.75 + (mixed >> 16) % 26 / 100, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def caption(
    label: str, size: int, label_names: tuple[str, ...] = ()
) -> tuple[ImageFont.FreeTypeFont, str]:
    """Choose a font and a text that it can show for a class name.

    Args:
        label: The class name.
        size: Height of the font in pixels.
        label_names: All class names.

    Returns:
        The font and the text: the name, else `class N` by its place in `label_names`, else the name
        with ? for unknown characters.
    """
    for font in _fonts(size):
        if all(_shows(font, character) for character in label):
            return font, label
    font = _fonts(size)[0]
    if label in label_names:
        return font, f"class {label_names.index(label) + 1}"
    return font, "".join(character if _shows(font, character) else "?" for character in label)


@functools.lru_cache(maxsize=16)
def _fonts(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    """Pillow's own font first, then those of WIDE_FONTS that this machine has."""
    # With a size it is a FreeType font.
    own = cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))
    return (own, *(font.font_variant(size=size) for font in _wide_fonts()))


@functools.lru_cache(maxsize=1)
def _wide_fonts() -> tuple[ImageFont.FreeTypeFont, ...]:
    found = []
    for name in WIDE_FONTS:
        try:
            found.append(ImageFont.truetype(name))
        except OSError:  # not on this machine
            continue
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def _shows(font: ImageFont.FreeTypeFont, character: str) -> bool:
    return character.isspace() or bytes(font.getmask(character)) != bytes(font.getmask(UNASSIGNED))


def _write_caption(
    pen: ImageDraw.ImageDraw,
    corner: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont,
    label: str,
) -> None:
    """Write on a plate in the colour of the class, above the box's corner or inside at the top."""
    colour = class_colour(label)
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    x, y = corner
    y = y - bottom - 2 if y > bottom + 2 else y
    pen.rectangle((x, y, x + right + 2, y + bottom + 2), fill=colour)
    dark_ink = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 110
    pen.text((x + 1, y), text, fill=(0, 0, 0) if dark_ink else (255, 255, 255), font=font)
