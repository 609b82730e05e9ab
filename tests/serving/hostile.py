"""Bad and odd picture files, generated: the same for every run of a seed."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

KINDS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF")


def encoded(
    kind: str, width: int = 48, height: int = 32, mode: str = "RGB", **options: object
) -> bytes:
    """A picture file of noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """One of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, *extra: bytes, depth: int = 8, colour: int = 2, data: bytes = b"0" * 99
) -> bytes:
    """A PNG that says what it likes."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + b"".join(extra)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def lying_jpeg(width: int, height: int) -> bytes:
    """A JPEG whose header says another size than its data has."""
    content = bytearray(encoded("JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def good() -> Iterator[tuple[str, bytes]]:
    """What people really send, and must be answered with 200."""
    for kind in KINDS:
        for mode in ("RGB", "L", "1", *(("P", "RGBA", "LA") if kind != "JPEG" else ("CMYK",))):
            if (kind, mode) not in (("BMP", "LA"),):
                yield f"{kind} {mode}", encoded(kind, mode=mode)
        yield f"{kind} 1x1", encoded(kind, 1, 1)
        yield f"{kind} 1x4000", encoded(kind, 1, 4000)
        yield f"{kind} and junk after it", encoded(kind) + b"\0junk" * 100
    grey = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100)
    for kind in ("PNG", "TIFF"):
        stream = io.BytesIO()
        grey.save(stream, kind)
        yield f"16-bit {kind}", stream.getvalue()
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"EXIF {orientation}", encoded("JPEG", exif=exif.tobytes())
    yield "progressive", encoded("JPEG", progressive=True)
    yield "interlaced by name only", encoded("PNG", optimize=True)
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        stream = io.BytesIO()
        frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
        yield f"two frames of {kind}", stream.getvalue()


def bad() -> Iterator[tuple[str, bytes]]:
    """What is no picture, or must not be decoded: 400."""
    yield from {
        "nothing": b"",
        "a byte": b"\xff",
        "text": b"hello",
        "HTML": b"<html></html>",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "PDF": b"%PDF-1.7\n",
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "PSD": b"8BPS\0\1" + bytes(40),
        "ICO": b"\0\0\1\0\1\0" + bytes(40),
        "PPM": b"P6 1 1 255 abc",
        "HEIC": b"\0\0\0\x18ftypheic" + bytes(40),
        "WAV": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
        "gzip": b"\x1f\x8b" + bytes(40),
        "BigTIFF": b"II+\0\x08\0\0\0" + bytes(40),
        "zeros": bytes(5000),
        "MP4": b"\0\0\0\x20ftypisom" + bytes(40),
        "a PNG of 144 million pixels": png(12_000, 12_000),
        "a PNG of 400 million pixels": png(20_000, 20_000),
        "a PNG without width": png(0, 5),
        "a PNG too wide": png(16_385, 1),
        "a PNG of negative size": png(0xFFFFFFFF, 1),
        "a PNG of unknown depth": png(5, 5, depth=3),
        "a JPEG that says 65500x65500": lying_jpeg(65_500, 65_500),
        "a JPEG without height": lying_jpeg(48, 0),
        "a BMP that says 65535x65535": b"BM"
        + bytes(8)
        + b"\x36\0\0\0\x28\0\0\0"
        + b"\xff\xff\0\0" * 2
        + b"\1\0\x18\0"
        + bytes(24),
        "a GIF that says 65535x65535": b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6),
        "a zTXt bomb": png(5, 5, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(80_000_000)))),
        "an iCCP bomb": png(5, 5, chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(80_000_000)))),
        "a TIFF whose directory points at itself": b"II*\0\x08\0\0\0\1\0\0\1\3\0\1\0\0\0\5\0\0\0\x08\0\0\0",
        "a TIFF of 60000x60000": tiff(60_000, 60_000),
    }.items()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../a.jpg", encoded("JPEG"))
    yield "zip", stream.getvalue()
    for kind in KINDS:
        content = encoded(kind, 200, 150)
        for share in (0.02, 0.3, 0.7):
            yield f"{share:.0%} of a {kind}", content[: int(len(content) * share)]
        yield f"the first 16 bytes of a {kind}", content[:16]


def tiff(width: int, height: int) -> bytes:
    """One strip of RGB that is not there."""
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (278, 4, 1, height),
        (279, 4, 1, 100),
    ]
    return (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + bytes(4)
    )


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The file with a few bytes changed, cut out, repeated, or replaced by numbers that parsers trip over."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = (
            chance.randrange(max(1, min(len(data), 400)))
            if chance.random() < 0.7
            else chance.randrange(max(1, len(data)))
        )
        kind = chance.randrange(5)
        if kind == 0:
            data[place : place + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del data[place : place + chance.choice((1, 4, 100, len(data) // 2))]
        elif kind == 2:
            data[place:place] = data[place : place + chance.choice((1, 8, 64))] * chance.choice(
                (1, 50)
            )
        elif kind == 3:
            data[place : place + 4] = chance.choice(
                (b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\xff\xff")
            )
        else:
            data[place:] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 30))))
        if not data:
            break
    return bytes(data)
