"""Every kind of picture becomes the same upright RGB array, and what is none becomes a PictureError."""

from __future__ import annotations

import io
import itertools
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data.feeding.decoding import (
    PictureError,
    decode_image,
    is_deep,
    open_picture,
    picture_size,
)

# The pixel that each EXIF orientation stores first (row 0, column 0), in the upright picture: (row, column)
FIRST_STORED = {
    1: (0, 0),
    2: (0, -1),
    3: (-1, -1),
    4: (-1, 0),
    5: (0, 0),
    6: (0, -1),
    7: (-1, -1),
    8: (-1, 0),
}


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def noise(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(0).integers(0, 255, (20, 33, 3), dtype=np.uint8)
    ).convert(mode)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"0" * 99))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["PNG", "BMP"])
def test_lossless_pixels_are_kept(form: str) -> None:
    assert np.array_equal(decode_image(encoded(noise(), form), "a"), np.asarray(noise()))


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        *itertools.product(("PNG", "BMP", "WEBP", "GIF", "TIFF"), ("RGB", "L", "P", "1", "RGBA")),
        *itertools.product(("JPEG",), ("RGB", "L", "1", "CMYK")),
        ("PNG", "LA"),
        ("GIF", "LA"),
        ("WEBP", "LA"),
        ("TIFF", "LA"),
        ("TIFF", "CMYK"),
    ],
)
def test_every_mode_gives_contiguous_rgb(form: str, mode: str) -> None:
    pixels = decode_image(encoded(noise(mode), form), "a")
    assert (pixels.shape, pixels.dtype, pixels.flags.c_contiguous) == ((20, 33, 3), np.uint8, True)
    assert abs(pixels.mean() - np.asarray(noise()).mean()) < 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, form: str) -> None:
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 255  # the corner that is stored first is white
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(stored), form, exif=exif.tobytes())
    pixels = decode_image(data, "a")
    turned = orientation >= 5
    assert pixels.shape == ((32, 16, 3) if turned else (16, 32, 3))
    white = {corner: pixels[corner].mean() > 128 for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1))}
    assert [corner for corner, is_white in white.items() if is_white] == [FIRST_STORED[orientation]]
    (tmp_path / "a").write_bytes(data)
    assert picture_size(tmp_path / "a") == ((16, 32) if turned else (32, 16))


def test_16_bit_grey_keeps_its_high_byte() -> None:
    values = np.array([[0, 255, 256, 25_600, 65_535]], np.uint16)
    assert decode_image(encoded(Image.fromarray(values)), "a")[0, :, 0].tolist() == [
        0,
        0,
        1,
        100,
        255,
    ]


def deep_colour(form: str, values: np.ndarray, channels: int = 3) -> bytes:
    """16-bit colour, written by hand: Pillow writes none. TIFF in the other byte order than PNG."""
    height, width = values.shape[:2]
    if form == "PNG":
        rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
        body = b"".join(b"\0" + row.tobytes() for row in rows)
        head = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6, 2: 4}[channels], 0, 0, 0)
        parts = ((b"IHDR", head), (b"IDAT", zlib.compress(body)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
            for kind, part in parts
        )
    body, entries = values.astype("<u2").tobytes(), 9
    bits = 8 + 2 + 12 * entries + 4
    tags = (
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits), (259, 3, 1, 1)),
        *((262, 3, 1, 2), (273, 4, 1, bits + 6), (277, 3, 1, 3), (278, 4, 1, height)),
        (279, 4, 1, len(body)),
    )
    listed = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    start = b"II*\0" + struct.pack("<IH", 8, entries)
    return start + listed + struct.pack("<I", 0) + struct.pack("<HHH", 16, 16, 16) + body


TWELVE = np.array([[0, 15, 16, 1600, 4095, 4096, 65_535]], np.uint16)
IN_EIGHT = [0, 0, 1, 100, 255, 255, 255]


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_12_bits_in_16_are_read_with_bit_depth(form: str) -> None:
    """They were nearly black, and trained on."""
    data = encoded(Image.fromarray(TWELVE), form)
    assert decode_image(data, "a", 12)[0, :, 0].tolist() == IN_EIGHT
    assert decode_image(data, "a")[0, :, 0].tolist() == [0, 0, 0, 6, 15, 16, 255]
    assert decode_image(encoded(noise()), "a", 12).tobytes() == noise().tobytes()


@pytest.mark.parametrize(("form", "channels"), [("PNG", 3), ("PNG", 4), ("TIFF", 3)])
def test_bit_depth_reads_both_bytes_of_colours(form: str, channels: int) -> None:
    values = np.stack([TWELVE, TWELVE[:, ::-1], TWELVE, TWELVE][:channels], -1)
    data = deep_colour(form, values, channels)
    assert is_deep(open_picture(io.BytesIO(data), "a"))
    expected = np.array(IN_EIGHT)
    found = decode_image(data, "a", 12)[0]
    np.testing.assert_array_equal(found, np.stack([expected, expected[::-1], expected], -1))
    np.testing.assert_array_equal(decode_image(data, "a")[0], (values >> 8)[0, :, :3])


def test_16_bit_grey_with_alpha_cannot_be_read_with_bit_depth() -> None:
    data = deep_colour("PNG", np.stack([TWELVE, TWELVE], -1), 2)
    with pytest.raises(PictureError, match="a.png: expected 16-bit grey or RGB pixels .* bit_dep"):
        decode_image(data, "a.png", 12)


def test_float_pixels_of_0_to_1_are_grey_and_others_are_refused() -> None:
    pixels = np.array([[0, 0.5, 1]], np.float32)
    assert decode_image(encoded(Image.fromarray(pixels), "TIFF"), "a")[0, :, 0].tolist() == [
        0,
        128,
        255,
    ]
    for wrong, words in (
        (pixels * 255, r"0\.\.255"),
        (pixels - 1, r"-1\.\.0"),
        (np.full((1, 3), np.nan, np.float32), "nan"),
    ):
        with pytest.raises(PictureError, match=rf"a.tif: expected 32-bit float .*found {words}"):
            decode_image(encoded(Image.fromarray(wrong), "TIFF"), "a.tif")


def test_alpha_is_dropped_not_blended() -> None:
    assert decode_image(encoded(Image.new("RGBA", (2, 2), (200, 100, 50, 0))), "a")[
        0, 0
    ].tolist() == [200, 100, 50]


def test_palette_with_transparency_gives_no_warning() -> None:
    data = encoded(noise("P"), transparency=bytes(range(256)))
    assert decode_image(data, "a").shape == (20, 33, 3)


@pytest.mark.parametrize("form", ["GIF", "TIFF"])
def test_first_frame_of_several(form: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    assert decode_image(data, "a")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "found an empty file"),
        (b"<html></html>", "found a file that begins with b'<html></html>'"),
        (encoded(noise(), "PPM"), "expected a JPEG, PNG, BMP, WEBP, GIF or TIFF picture"),
        (encoded(noise(), "JPEG")[:300], "damaged"),
        (encoded(noise(), "JPEG")[:-200], "damaged or truncated"),
        (encoded(noise(), "PNG")[:900], "damaged or truncated"),
        (encoded(noise(), "WEBP")[:200], "damaged"),
        (encoded(noise(), "GIF")[:-300], "damaged"),
        (encoded(noise(), "BMP")[:500], "damaged or truncated"),
    ],
    ids=["empty", "html", "ppm", "jpeg header", "jpeg", "png", "webp", "gif", "bmp"],
)
def test_no_picture_is_refused_by_name(data: bytes, found: str) -> None:
    with pytest.raises(PictureError, match="^狗.jpg: ") as caught:
        decode_image(data, "狗.jpg")
    assert found in str(caught.value)


@pytest.mark.parametrize(("width", "height"), [(12_000, 12_000), (20_000, 20_000), (16_385, 1)])
def test_large_pictures_are_refused_by_their_header(width: int, height: int) -> None:
    start = time.monotonic()
    with pytest.raises(
        PictureError, match=f"{width}x{height} pixels; the limit is 50 million pixels and 16384"
    ):
        decode_image(png_header(width, height), "bomb.png")
    assert time.monotonic() - start < 1


def test_missing_file_is_a_picture_error(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"gone\.jpg: the picture cannot be read"):
        picture_size(tmp_path / "gone.jpg")
