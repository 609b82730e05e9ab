"""Boxes and class names drawn into a picture, for people."""

from __future__ import annotations

import colorsys
import functools
import math
import zlib
from collections.abc import Sequence
from typing import cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LEAST_TEXT = 12  # height of a caption in pixels, also in a small picture
Rectangle = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax in pixels
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
    size = max(LEAST_TEXT, round(max(height, width) / 40))
    captions = []
    for i, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        ymin, xmin, ymax, xmax = np.clip(
            np.asarray(box, np.float64), 0, [height - 1, width - 1] * 2
        ).tolist()
        if ymax < ymin or xmax < xmin:
            continue
        pen.rectangle((xmin, ymin, xmax, ymax), outline=class_colour(label), width=line)
        captions.append(((xmin, ymin, xmax, ymax), label, "" if scores is None else scores[i]))
    plates: list[Rectangle] = []
    for place, label, score in captions:  # after all lines, so that none runs through a text
        font, text = caption(label, size, tuple(label_names))
        text = text if score == "" else f"{text} {score:.2f}"
        plates.append(_write_caption(pen, place, text, font, class_colour(label), plates))
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
    box: Rectangle,
    text: str,
    font: ImageFont.FreeTypeFont,
    colour: tuple[int, int, int],
    taken: Sequence[Rectangle],
) -> Rectangle:
    """Write on a plate of a colour, and return where the plate lies: inside the picture.

    It is above the box, inside at its top, or below, wherever no plate lies yet.
    """
    _, _, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = pen.im.size
    wide, high = math.ceil(right) + 3, math.ceil(bottom) + 3
    xmin, ymin, _, ymax = map(round, box)  # on whole pixels a text is sharp
    x = max(0, min(xmin, width - wide))
    heights = [y for y in (ymin - high, ymin, ymax + 1) if 0 <= y <= height - high]
    places = [(x, y, x + wide - 1, y + high - 1) for y in heights or [max(0, height - high)]]
    plate = next((place for place in places if not _meets(place, taken)), places[0])
    pen.rectangle(plate, fill=colour)
    pen.text((x + 1, plate[1]), text, fill=ink_on(colour), font=font)
    return plate


def ink_on(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return black or white, RGB 0..255, whichever stands out more on a colour (WCAG 2)."""
    parts = (value / 255 for value in colour)
    linear = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    luminance = sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)


def _meets(place: Rectangle, others: Sequence[Rectangle]) -> bool:
    xmin, ymin, xmax, ymax = place
    return any(
        xmin <= right and left <= xmax and ymin <= bottom and top <= ymax
        for left, top, right, bottom in others
    )
