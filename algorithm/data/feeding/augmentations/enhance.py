"""Changes of the values of pixels that leave everything where it is.

Strengths as published for detection policies.
"""

from __future__ import annotations

from PIL import Image, ImageEnhance, ImageOps

GREATEST = 10.0  # the strength the published tables are written for


def enhance(kind: type, picture: Image.Image, strength: float) -> Image.Image:
    """RGB picture with `kind` of ImageEnhance at 0.1 (strength 0) to 1.9 (strength 10); 1.0
    changes nothing.
    """
    return kind(picture).enhance(strength / GREATEST * 1.8 + 0.1)


def color(picture: Image.Image, strength: float) -> Image.Image:
    """From nearly grey to more than full colour."""
    return enhance(ImageEnhance.Color, picture, strength)


def contrast(picture: Image.Image, strength: float) -> Image.Image:
    """From nearly the mean grey to nearly twice the contrast."""
    return enhance(ImageEnhance.Contrast, picture, strength)


def brightness(picture: Image.Image, strength: float) -> Image.Image:
    """From nearly black to nearly twice as bright."""
    return enhance(ImageEnhance.Brightness, picture, strength)


def sharpness(picture: Image.Image, strength: float) -> Image.Image:
    """From smoothed to sharpened."""
    return enhance(ImageEnhance.Sharpness, picture, strength)


def auto_contrast(picture: Image.Image, _: float) -> Image.Image:
    """Each channel stretched to the whole range."""
    return ImageOps.autocontrast(picture)


def equalize(picture: Image.Image, _: float) -> Image.Image:
    """Each channel with all values about equally frequent."""
    return ImageOps.equalize(picture)


def posterize(picture: Image.Image, strength: float) -> Image.Image:
    """Only the highest 1 to 4 bits of each value."""
    return ImageOps.posterize(picture, max(1, int(strength / GREATEST * 4)))


def solarize(picture: Image.Image, strength: float) -> Image.Image:
    """Values from a threshold on inverted: all of them at strength 0, none at 10."""
    threshold = int(strength / GREATEST * 256)
    return picture.point([value if value < threshold else 255 - value for value in range(256)] * 3)


def solarize_add(picture: Image.Image, strength: float) -> Image.Image:
    """Values below 128 raised by up to 110."""
    addition = int(strength / GREATEST * 110)
    return picture.point(
        [min(value + addition, 255) if value < 128 else value for value in range(256)] * 3
    )
