"""What a picture file is, against what training and the platform expect; one row per rule."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, Jpeg2KImagePlugin, PpmImagePlugin, TiffImagePlugin

from algorithm.data.feeding.decoding import (
    MAX_PIXELS,
    MAX_SIDE,
    PictureError,
    decode_image,
    exif_orientation,
    open_picture,
)

SUFFIXES = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "BMP": (".bmp",)}  # the platform's formats
# Formats that nothing of ours decodes in training, but that can be converted.
CONVERTIBLE: dict[bytes, Any] = {
    b"II*\0": TiffImagePlugin.TiffImageFile,
    b"MM\0*": TiffImagePlugin.TiffImageFile,
    b"P5": PpmImagePlugin.PpmImageFile,
    b"P6": PpmImagePlugin.PpmImageFile,
    b"\0\0\0\x0cjP  ": Jpeg2KImagePlugin.Jpeg2KImageFile,
    b"\xff\x4f\xff\x51": Jpeg2KImagePlugin.Jpeg2KImageFile,
}
PNG_MODES = ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")
DARK = 1 / 16  # of the range of 16 bits: values of 12 bits do not reach beyond it


@dataclass(frozen=True)
class PictureFacts:
    """What is known of an encoded picture.

    Attributes:
        kind: Format by content, as Pillow names it.
        mode: Of its pixels, as Pillow names it.
        orientation: Of EXIF, 1..8.
        deep: More than 8 bits a channel.
        suffix: Of the file name, in lower case.
        brightest: The greatest value in a deep picture, as a share of the range of 16 bits; 0 where
            it is not deep.
    """

    kind: str
    mode: str
    orientation: int
    animated: bool
    deep: bool
    suffix: str
    brightest: float = 0.0

    @property
    def dark(self) -> bool:
        """Whether it holds 12 bits or fewer in 16, of which training sees the high byte: black."""
        return 0 < self.brightest < DARK

    @property
    def sideways(self) -> bool:
        """Whether width and height change places when the picture is turned upright."""
        return self.orientation in (5, 6, 7, 8)

    @property
    def right_suffix(self) -> str:
        """The suffix that a file of this content has."""
        known = SUFFIXES.get(self.kind, SUFFIXES["JPEG"])
        return self.suffix if self.suffix in known else known[0]


@dataclass(frozen=True)
class PictureRule:
    """A rule over the facts of a picture.

    Attributes:
        applies: Whether facts break the rule.
        problem: What to say, a template over the facts.
        as_read: What is done about it where the picture is only read.
        as_written: What is done about it where a copy is written.
        new_pixels: Whether the copy is encoded anew.
    """

    name: str
    applies: Callable[[PictureFacts], bool]
    problem: str
    as_read: str
    as_written: str
    new_pixels: bool = True


PICTURE_RULES = (
    PictureRule(
        "turned by EXIF",
        lambda facts: facts.orientation in range(2, 9),
        "expected an upright picture, found EXIF orientation {0.orientation}",
        "read upright",
        "written upright",
    ),
    PictureRule(
        "16 bits",
        lambda facts: facts.deep,
        "expected 8 bits a channel, found 16",
        "read with 8 bits",
        "written with 8 bits",
    ),
    PictureRule(
        "12 bits in 16",
        lambda facts: facts.dark,
        "expected values of 16 bits, found none above {0.brightest:.1%} of their range",
        "read nearly black",
        "written nearly black",
    ),
    PictureRule(
        "not RGB",
        lambda facts: facts.mode != "RGB",
        "expected RGB, found {0.mode}",
        "read as RGB",
        "written as RGB",
    ),
    PictureRule(
        "animated",
        lambda facts: facts.animated,
        "expected one picture, found an animation",
        "first frame read",
        "first frame written",
    ),
    PictureRule(
        "format",
        lambda facts: facts.kind not in SUFFIXES,
        "expected a JPEG, PNG or BMP picture, found {0.kind}",
        "read as it is",
        "converted to JPEG",
    ),
    PictureRule(
        "suffix",
        lambda facts: facts.kind in SUFFIXES and facts.suffix != facts.right_suffix,
        "expected the suffix {0.right_suffix} of a {0.kind} picture, found '{0.suffix}'",
        "read by its content",
        "copied with the right suffix",
        new_pixels=False,
    ),
)


@dataclass(frozen=True)
class PictureHeader:
    """What the header of a picture says.

    Attributes:
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        deep: More than 8 bits a channel.
    """

    width: int
    height: int
    deep: bool


def picture_header(path: Path) -> PictureHeader:
    """Return what the header of a picture says.

    Raises:
        PictureError: As of `look`, also when the file cannot be opened.
    """
    try:
        with path.open("rb") as stream:
            image = open_picture(stream, str(path))
            refuse_float(image, str(path))
            turned = exif_orientation(image.info.get("exif", b"")) in (5, 6, 7, 8)
            width, height = image.size[::-1] if turned else image.size
            return PictureHeader(width, height, _is_deep(image))
    except OSError as error:
        raise PictureError(
            f"{path}: the picture cannot be read: {error.strerror or error}"
        ) from error


def look(
    data: bytes, name: str, suffix: str, *, convert: bool = False
) -> tuple[PictureFacts, Image.Image]:
    """Return the facts of an encoded picture, and the picture, decoded, not yet turned upright.

    It has the mode of the file; decode_image gives its RGB pixels.

    Args:
        data: The encoded picture.
        name: What errors call it.
        suffix: Of its file.
        convert: Take the formats of CONVERTIBLE too.

    Raises:
        PictureError: Where decode_image raises it.
    """
    foreign = (
        next((plugin for mark, plugin in CONVERTIBLE.items() if data.startswith(mark)), None)
        if convert
        else None
    )
    image = open_picture(io.BytesIO(as_png(data, name) if foreign else data), name)
    refuse_float(image, name)
    orientation = exif_orientation(image.info.get("exif", b""))
    deep = _is_deep(image)
    try:
        animated = bool(getattr(image, "is_animated", False))
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # decoders fail on hostile bytes in more ways than they declare
        raise PictureError(f"{name}: the picture is damaged or truncated: {error}") from error
    kind = (foreign.format if foreign else image.format) or ""
    brightest = _brightest(image) if deep else 0.0
    facts = PictureFacts(kind, image.mode, orientation, animated, deep, suffix.lower(), brightest)
    return facts, image


def _is_deep(image: Image.Image) -> bool:
    tiles = getattr(image, "tile", ())  # of a file that is open
    rawmode = str(tiles[0][3]) if tiles else ""
    return image.mode.startswith("I") or "16" in rawmode and image.format == "PNG"


def refuse_float(image: Image.Image, name: str) -> None:
    """Refuse float pixels, whose range no file says: 0..1 would become black.

    Raises:
        PictureError: The image has float pixels; the error names `name`.
    """
    if image.mode == "F":
        raise PictureError(
            f"{name}: expected 8 or 16 bits a channel, found 32-bit float pixels: convert the "
            "picture "
            "to 8 bits"
        )


def _brightest(image: Image.Image) -> float:
    """The greatest value of a picture of 16 bits as a share of their range.

    Pillow keeps the high byte of colours.
    """
    extrema = image.getextrema()
    if isinstance(extrema[0], tuple):
        colours = extrema[:3] if len(extrema) > 2 else extrema[:1]
        return max(high for _, high in colours) / 255
    return float(extrema[1]) / 65535


def plain_pixels(data: bytes, name: str) -> np.ndarray:
    """Decode a picture, also in one of the CONVERTIBLE formats.

    Returns:
        uint8 [H, W, 3], RGB, upright.

    Raises:
        PictureError: As of decode_image.
    """
    return decode_image(as_png(data, name) if data.startswith(tuple(CONVERTIBLE)) else data, name)


def as_png(data: bytes, name: str) -> bytes:
    """Return the first picture of a file in a CONVERTIBLE format as PNG, its orientation kept.

    Raises:
        PictureError: It is damaged or over the limits of size.
    """
    plugin = next(plugin for mark, plugin in CONVERTIBLE.items() if data.startswith(mark))
    encoded = io.BytesIO()
    try:
        image = plugin(io.BytesIO(data), name)
        refuse_float(image, name)
        if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
            raise PictureError(
                f"{name}: the picture has {image.width}x{image.height} pixels; the limit is "
                f"{MAX_PIXELS // 1_000_000} million pixels and {MAX_SIDE} on a side: make it "
                "smaller"
            )
        exif = Image.Exif()
        exif[0x0112] = image.getexif().get(0x0112, 1)
        image.load()
        plain = image if image.mode in PNG_MODES else image.convert("RGB")
        plain.save(encoded, "PNG", compress_level=1, exif=exif)
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # decoders fail on hostile bytes in more ways than they declare
        raise PictureError(f"{name}: the picture is damaged or truncated: {error}") from error
    return encoded.getvalue()
