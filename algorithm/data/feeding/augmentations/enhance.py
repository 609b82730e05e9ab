"""Changes of the values of pixels that leave everything where it is.

Strengths as published for detection policies.
"""

from __future__ import annotations

from PIL import Image, ImageEnhance, ImageOps

GREATEST = 10.0  # the strength the published tables are written for


def enhance(kind: type, picture: Image.Image, strength: float) -> Image.Image:
    """Enhance an RGB picture by a factor of 0.1 (strength 0) to 1.9 (strength 10).

    A factor of 1.0 changes nothing.

    Args:
        kind: A class of ImageEnhance.
        picture: RGB.
        strength: 0 to 10.

    Returns:
        RGB picture.
    """
    return kind(picture).enhance(strength / GREATEST * 1.8 + 0.1)


def color(picture: Image.Image, strength: float) -> Image.Image:
    """Take colour away until nearly grey, or give more than the full colour."""
    return enhance(ImageEnhance.Color, picture, strength)


def contrast(picture: Image.Image, strength: float) -> Image.Image:
    """Change contrast: from nearly the mean grey to nearly twice the contrast."""
    return enhance(ImageEnhance.Contrast, picture, strength)


def brightness(picture: Image.Image, strength: float) -> Image.Image:
    """Change brightness: from nearly black to nearly twice as bright."""
    return enhance(ImageEnhance.Brightness, picture, strength)


def sharpness(picture: Image.Image, strength: float) -> Image.Image:
    """Smooth or sharpen."""
    return enhance(ImageEnhance.Sharpness, picture, strength)


def auto_contrast(picture: Image.Image, _: float) -> Image.Image:
    """Stretch each channel to the whole range."""
    return ImageOps.autocontrast(picture)


def equalize(picture: Image.Image, _: float) -> Image.Image:
    """Give each channel all values about equally often."""
    return ImageOps.equalize(picture)


def posterize(picture: Image.Image, strength: float) -> Image.Image:
    """Keep only the highest 1 to 4 bits of each value."""
    return ImageOps.posterize(picture, max(1, int(strength / GREATEST * 4)))


def solarize(picture: Image.Image, strength: float) -> Image.Image:
    """Invert values from a threshold on: all of them at strength 0, none at 10."""
    threshold = int(strength / GREATEST * 256)
    return picture.point([value if value < threshold else 255 - value for value in range(256)] * 3)


def solarize_add(picture: Image.Image, strength: float) -> Image.Image:
    """Raise values below 128 by up to 110."""
    addition = int(strength / GREATEST * 110)
    return picture.point(
        [min(value + addition, 255) if value < 128 else value for value in range(256)] * 3
    )
