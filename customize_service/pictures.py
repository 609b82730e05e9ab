"""The decoding of pictures, and a limit on the pixels in memory at once.

Carried beside customize_service.py, which loads it. Written for Python 3.7 and newer.
"""

from __future__ import annotations

import io
import struct
import threading
from typing import Any, BinaryIO

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

# --- picture decoding: same text in customize_service/pictures.py and decoding.py
MAX_PIXELS, MAX_SIDE = 50_000_000, 16_384
FULL_DEPTH = 16  # bits that 16-bit pictures use unless bit_depth says less
# The plugin is chosen by content, and called without Image.open, whose own size check warns or
# raises before ours.
PLUGINS: dict[bytes, Any] = {
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
    b"GIF8": GifImagePlugin.GifImageFile,
    b"II*\0": TiffImagePlugin.TiffImageFile,
    b"MM\0*": TiffImagePlugin.TiffImageFile,
}
TURNS = dict(
    zip(
        range(2, 9),
        (
            getattr(Image, turn)  # in every version of Pillow; newer ones have Image.Transpose too
            for turn in (
                *("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE"),
                *("ROTATE_270", "TRANSVERSE", "ROTATE_90"),
            )
        ),
    )
)


class PictureError(ValueError):
    """The bytes are not a picture that can be used. The message names the picture."""


def decode_image(data: bytes, name: str, bit_depth: int = FULL_DEPTH) -> np.ndarray:
    """Decode a picture to upright RGB pixels.

    Of 16-bit pictures the high byte of the `bit_depth` bits in use is kept; greater values are
    white. Float pixels of 0..1 become 0..255. Alpha is dropped, the first frame of an animation
    counts.

    Args:
        data: The encoded picture.
        name: What errors call it.
        bit_depth: The bits that 16-bit pictures use, 8..16.

    Returns:
        uint8 [H, W, 3], RGB, upright (EXIF orientation applied), C-contiguous.

    Raises:
        PictureError: The bytes cannot be decoded, or the picture is too large.
    """
    image = open_picture(io.BytesIO(data), name)
    turn = TURNS.get(exif_orientation(image.info.get("exif", b"")))
    deep_colour = is_deep(image) and not image.mode.startswith("I")
    try:
        image.load()
        if image.mode == "F":
            image = Image.fromarray(grey_of_floats(np.asarray(image), name))
        elif image.mode.startswith("I") or deep_colour and bit_depth < FULL_DEPTH:
            values = colour_values(image, data, name) if deep_colour else image.convert("I")
            image = Image.fromarray(
                (np.asarray(values) >> (bit_depth - 8)).clip(0, 255).astype(np.uint8)
            )
        image.info.pop("transparency", None)
        image = image.convert("RGB")
    except (MemoryError, PictureError):
        raise
    except Exception as error:  # decoders fail on hostile bytes in more ways than they declare
        raise PictureError(f"{name}: the picture is damaged or truncated: {error}") from error
    return np.ascontiguousarray(image if turn is None else image.transpose(turn), dtype=np.uint8)


def raw_mode(image: Image.Image) -> str:
    """Return how Pillow calls the stored pixels of an open picture, such as "RGB;16B"."""
    tiles = getattr(image, "tile", ())
    stored = tiles[0][3] if tiles else ""
    return str(stored[0] if isinstance(stored, tuple) and stored else stored)


def is_deep(image: Image.Image) -> bool:
    """Return whether an open picture, not loaded yet, has more than 8 bits in whole numbers."""
    deep_colour = image.format in ("PNG", "TIFF") and ";16" in raw_mode(image)
    return image.mode.startswith("I") or deep_colour


def grey_of_floats(pixels: np.ndarray, name: str) -> np.ndarray:
    """Return float pixels of 0..1 as uint8 of the same shape.

    Raises:
        PictureError: They do not lie in 0..1: no file says which value is white.
    """
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
        raise PictureError(
            f"{name}: expected 32-bit float pixels in 0..1, found {pixels.min():g}.."
            f"{pixels.max():g}: divide them by their white, or convert the picture to 8 bits"
        )
    return np.rint(pixels * 255).astype(np.uint8)


def colour_values(image: Image.Image, data: bytes, name: str) -> np.ndarray:
    """Return the 16-bit values of a colour picture, of which Pillow keeps one byte.

    The other byte is what Pillow reads as the high one of the other byte order.

    Args:
        image: The picture, loaded.
        data: The encoded picture.
        name: What errors call it.

    Returns:
        int32 [H, W, 3].

    Raises:
        PictureError: Pillow cannot read the other byte of such pixels.
    """
    other: Any = open_picture(io.BytesIO(data), name)
    swapped, known = raw_mode(other), {";16B": ";16L", ";16L": ";16B", ";16N": ";16B"}
    ending = swapped[-4:]
    if swapped[:-4] not in ("RGB", "RGBA", "RGBX") or ending not in known:
        raise PictureError(
            f"{name}: expected 16-bit grey or RGB pixels to read with bit_depth, found "
            f"{swapped or image.mode}: convert the picture to one of these, or to 8 bits"
        )
    swapped = swapped[:-4] + known[ending]
    other.tile = [
        type(tile)._make((*tile[:3], _renamed(tile[3], swapped)))
        if hasattr(tile, "_make")
        else (*tile[:3], _renamed(tile[3], swapped))
        for tile in other.tile
    ]
    other.load()
    high, low = (np.asarray(each)[..., :3].astype(np.int32) for each in (image, other))
    return high * 256 + low


def _renamed(stored: Any, mode: str) -> Any:
    return (mode, *stored[1:]) if isinstance(stored, tuple) else mode


def open_picture(stream: BinaryIO, name: str) -> Image.Image:
    """Open a picture: the header is read and its size checked, no pixel is decoded.

    Args:
        stream: The bytes of the file.
        name: What errors call the picture.

    Returns:
        The Pillow image.

    Raises:
        PictureError: The bytes are no picture of a known form, the header is damaged, or the
            picture is too large.
    """
    head = stream.read(16)
    stream.seek(0)
    plugin = next((PLUGINS[mark] for mark in PLUGINS if head.startswith(mark)), None)
    if plugin is None:
        found = f"a file that begins with {head!r}" if head else "an empty file"
        raise PictureError(
            f"{name}: expected a JPEG, PNG, BMP, WEBP, GIF or TIFF picture, found {found}"
        )
    try:
        image = plugin(stream, name)
    except MemoryError:
        raise
    except Exception as error:
        raise PictureError(f"{name}: the header of the picture is damaged: {error}") from error
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureError(
            f"{name}: the picture has {width}x{height} pixels; the limit is "
            f"{MAX_PIXELS // 1_000_000} million pixels and {MAX_SIDE} on a side: make it smaller"
        )
    return image


def exif_orientation(exif: bytes) -> int:
    """Return the orientation, 1..8, in an EXIF block (bytes); 1 when it is absent or damaged."""
    tiff = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "<")
    try:
        start = struct.unpack_from(order + "I", tiff, 4)[0]
        for entry in range(struct.unpack_from(order + "H", tiff, start)[0]):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if tag == 0x0112:
                return value
    except struct.error:
        pass
    return 1


# --- end of picture decoding


class PixelBudget:
    """The pixels of all requests together that may be decoded and not through the network yet.

    Who asks for more waits.

    Args:
        most: How many pixels there are.
    """

    def __init__(self, most: int) -> None:
        """Allow `most` pixels."""
        self._left, self._changed = most, threading.Condition()

    def take(self, pixels: int) -> None:
        """Wait until so many are left, and take them. More than there are in all is never given."""
        with self._changed:
            self._changed.wait_for(lambda: pixels <= self._left)
            self._left -= pixels

    def give(self, pixels: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._left += pixels
            self._changed.notify_all()


def pixels_of(contents: list[tuple[str, bytes]]) -> int:
    """Count the pixels of pictures by their headers.

    Args:
        contents: (name, bytes) of each.

    Returns:
        The pixels of all together.

    Raises:
        PictureError: One of them, or all together, are beyond the limit.
    """
    total = 0
    for name, content in contents:
        width, height = open_picture(io.BytesIO(content), name).size
        total += width * height
        if total > MAX_PIXELS:
            raise PictureError(
                f"{name}: with it the request has more than {MAX_PIXELS // 1_000_000} million "
                "pixels: send fewer pictures at once"
            )
    return total
