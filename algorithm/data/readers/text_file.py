"""Text in the encodings that people's tools write: UTF-8, UTF-16 and GBK."""

from __future__ import annotations

import codecs
from pathlib import Path

from algorithm.errors import DataError

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GUESSED = "gb18030"  # reads all that is written as GBK or GB2312


def encoding_of(data: bytes, *, whole: bool = True) -> str:
    """Return the encoding of a text by its bytes.

    Args:
        data: All of the text, or its beginning.
        whole: Whether it is all of it; else a sign that is cut at the end is no fault.

    Raises:
        UnicodeDecodeError: It is none of UTF-8, UTF-16 and GBK.
    """
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return name
    if data[1:2] == b"\0":
        return "utf-16-le"
    if data[:1] == b"\0":
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, whole)
        return "utf-8"
    except UnicodeDecodeError:
        codecs.getincrementaldecoder(GUESSED)().decode(data, whole)
        return GUESSED


def read_text(path: Path, what: str) -> tuple[str, str]:
    """Return the text of a file, and its encoding.

    Args:
        path: The file.
        what: What it is to be, for the message: `a CSV table`.

    Returns:
        (text, encoding).

    Raises:
        DataError: It cannot be read, or has another encoding.
    """
    try:
        data = path.read_bytes()
        encoding = encoding_of(data)
        return data.decode(encoding), encoding
    except OSError as error:
        raise DataError(f"expected {what}, found {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected {what} in UTF-8, UTF-16 or GBK, found {path}, which is in none of them "
            f"(byte {error.start}): save it as UTF-8"
        ) from error
