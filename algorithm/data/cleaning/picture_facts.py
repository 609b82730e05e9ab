"""What is known of a picture file once it is opened, or decoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, Jpeg2KImagePlugin, PpmImagePlugin

from algorithm.data.feeding.decoding import (
    FULL_DEPTH,
    MAX_PIXELS,
    MAX_SIDE,
    PictureError,
    decode_image,
    exif_orientation,
    grey_of_floats,
    is_deep,
    open_picture,
)

SUFFIXES = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "BMP": (".bmp",)}  # the platform's formats
# Formats that nothing of ours decodes in training, but that can be converted.
CONVERTIBLE: dict[bytes, Any] = {
    b"P5": PpmImagePlugin.PpmImageFile,
    b"P6": PpmImagePlugin.PpmImageFile,
    b"\0\0\0\x0cjP  ": Jpeg2KImagePlugin.Jpeg2KImageFile,
    b"\xff\x4f\xff\x51": Jpeg2KImagePlugin.Jpeg2KImageFile,
}
PNG_MODES = ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")
LEAST_RANGE = 1 / 4  # of the range of the pixels' type; a picture that stays below is nearly black
_MEASURED = ("L", "LA", "RGB", "RGBA")  # 8-bit modes whose values are brightness


@dataclass(frozen=True)
class Reading:
    """How pictures are read.

    Attributes:
        bit_depth: The bits that 16-bit pictures use, as of decode_image.
        floats: Whether float pixels of 0..1 are read. Where pictures are written as they are, they
            are not: others read them in ways of their own, most as black.
    """

    bit_depth: int = FULL_DEPTH
    floats: bool = True


AS_TRAINED = Reading()
AS_WRITTEN = Reading(floats=False)


@dataclass(frozen=True)
class PictureFacts:
    """What is known of an encoded picture.

    Attributes:
        kind: Format by content, as Pillow names it.
        mode: Of its pixels, as Pillow names it.
        orientation: Of EXIF, 1..8.
        deep: More than 8 bits a channel, in whole numbers.
        suffix: Of the file name, in lower case.
        bits: The bits that the pixels are read with.
        brightest: The greatest value, as a share of what `bits` hold; 1 where it is not known.
    """

    kind: str
    mode: str
    orientation: int
    animated: bool
    deep: bool
    suffix: str
    bits: int = 8
    brightest: float = 1.0

    @property
    def dark(self) -> bool:
        """Whether it uses less than a quarter of its range, such as 12 bits in 16: nearly black."""
        return self.brightest < LEAST_RANGE

    @property
    def too_bright(self) -> bool:
        """Whether it has values beyond its bits, which are read as white."""
        return self.brightest > 1

    @property
    def used_bits(self) -> int:
        """How many bits its greatest value needs."""
        return round(self.brightest * (2**self.bits - 1)).bit_length()

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
class PictureHeader:
    """What the header of a picture says.

    Attributes:
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        deep: More than 8 bits a channel: only its pixels tell whether it can be used.
    """

    width: int
    height: int
    deep: bool


def picture_header(path: Path, reading: Reading = AS_TRAINED) -> PictureHeader:
    """Return what the header of a picture says.

    Raises:
        PictureError: As of `look`, also when the file cannot be opened.
    """
    try:
        with path.open("rb") as stream:
            image = open_picture(stream, str(path))
            _refuse_floats(image, str(path), reading)
            turned = exif_orientation(image.info.get("exif", b"")) in (5, 6, 7, 8)
            width, height = image.size[::-1] if turned else image.size
            return PictureHeader(width, height, is_deep(image) or image.mode == "F")
    except OSError as error:
        raise PictureError(
            f"{path}: the picture cannot be read: {error.strerror or error}"
        ) from error


def look(
    data: bytes, name: str, suffix: str, *, convert: bool = False, reading: Reading = AS_TRAINED
) -> tuple[PictureFacts, Image.Image]:
    """Return the facts of an encoded picture, and the picture, decoded, not yet turned upright.

    It has the mode of the file, L for float pixels; decode_image gives its RGB pixels.

    Args:
        data: The encoded picture.
        name: What errors call it.
        suffix: Of its file.
        convert: Take the formats of CONVERTIBLE too.
        reading: How it is to be read.

    Raises:
        PictureError: Where decode_image raises it.
    """
    foreign = (
        next((plugin for mark, plugin in CONVERTIBLE.items() if data.startswith(mark)), None)
        if convert
        else None
    )
    image = open_picture(io.BytesIO(as_png(data, name) if foreign else data), name)
    _refuse_floats(image, name, reading)
    orientation = exif_orientation(image.info.get("exif", b""))
    deep = is_deep(image)
    try:
        animated = bool(getattr(image, "is_animated", False))
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # decoders fail on hostile bytes in more ways than they declare
        raise PictureError(f"{name}: the picture is damaged or truncated: {error}") from error
    kind = (foreign.format if foreign else image.format) or ""
    mode = image.mode
    if mode == "F":
        image = Image.fromarray(grey_of_floats(np.asarray(image), name))
    bits = reading.bit_depth if deep else 8
    brightest = _greatest(image, deep) / (2**bits - 1)
    facts = PictureFacts(
        kind, mode, orientation, animated, deep, suffix.lower(), bits, float(brightest)
    )
    return facts, image


def _refuse_floats(image: Image.Image, name: str, reading: Reading) -> None:
    if image.mode == "F" and not reading.floats:
        raise PictureError(
            f"{name}: expected 8 or 16 bits a channel, found 32-bit float pixels, which other "
            "tools read in ways of their own: convert the picture to 8 bits"
        )


def _greatest(image: Image.Image, deep: bool) -> float:
    """Return the greatest value of a picture, alpha aside; 255 where its values tell nothing.

    Pillow keeps the high byte of colours of 16 bits.
    """
    if not deep and image.mode not in _MEASURED:
        return 255
    extrema = image.getextrema()
    if not isinstance(extrema[0], tuple):
        return float(extrema[1])
    colours = extrema[:3] if len(extrema) > 2 else extrema[:1]
    high = max(high for _, high in colours)
    return high * 256 + 255 if deep else high


def plain_pixels(data: bytes, name: str, bit_depth: int = FULL_DEPTH) -> np.ndarray:
    """Decode a picture, also in one of the CONVERTIBLE formats.

    Args:
        data: The encoded picture.
        name: What errors call it.
        bit_depth: As of decode_image.

    Returns:
        uint8 [H, W, 3], RGB, upright.

    Raises:
        PictureError: As of decode_image.
    """
    encoded = as_png(data, name) if data.startswith(tuple(CONVERTIBLE)) else data
    return decode_image(encoded, name, bit_depth)


def as_png(data: bytes, name: str) -> bytes:
    """Return the first picture of a file in a CONVERTIBLE format as PNG, its orientation kept.

    Raises:
        PictureError: It is damaged or over the limits of size.
    """
    plugin = next(plugin for mark, plugin in CONVERTIBLE.items() if data.startswith(mark))
    encoded = io.BytesIO()
    try:
        image = plugin(io.BytesIO(data), name)
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
