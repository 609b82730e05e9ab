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


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Decode a picture to upright RGB pixels.

    16-bit grey keeps its high byte, alpha is dropped, the first frame of an animation counts.

    Args:
        data: The encoded picture.
        name: What errors call it.

    Returns:
        uint8 [H, W, 3], RGB, upright (EXIF orientation applied), C-contiguous.

    Raises:
        PictureError: The bytes cannot be decoded, or the picture is too large.
    """
    image = open_picture(io.BytesIO(data), name)
    turn = TURNS.get(exif_orientation(image.info.get("exif", b"")))
    try:
        image.load()
        if image.mode.startswith("I"):
            image = Image.fromarray(
                (np.asarray(image.convert("I")) >> 8).clip(0, 255).astype(np.uint8)
            )
        image.info.pop("transparency", None)
        image = image.convert("RGB")
    except MemoryError:
        raise
    except Exception as error:  # decoders fail on hostile bytes in more ways than they declare
        raise PictureError(f"{name}: the picture is damaged or truncated: {error}") from error
    return np.ascontiguousarray(image if turn is None else image.transpose(turn), dtype=np.uint8)


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
