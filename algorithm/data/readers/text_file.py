"""Text in the encodings that people's tools write: UTF-8, UTF-16 and GBK."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from algorithm.errors import DataError

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GUESSED = "gb18030"  # reads all that is written as GBK or GB2312

_FOREIGN = re.compile(r"[^\x00-\x7f]+(?: [^\x00-\x7f]+)*")  # words without a sign of ASCII
_WORD_BEFORE, _WORD_AFTER = re.compile(r"[A-Za-z0-9] ?\Z"), re.compile(r" ?[A-Za-z0-9]")
_SIGNS = "¡¢£¥§©«®°±²³µ·»¼½¾¿×÷"  # that stand alone in texts of the West
_guesses: ContextVar[dict[str, None] | None] = ContextVar("_guesses", default=None)


@contextmanager
def noting_guesses() -> Iterator[dict[str, None]]:
    """Collect, as keys, the files that are read as GBK because their bytes say so, in here."""
    found: dict[str, None] = {}
    token = _guesses.set(found)
    try:
        yield found
    finally:
        _guesses.reset(token)


def note_guess(place: Path | str) -> None:
    """Note that a file is read as GBK though nothing in it declares that."""
    found = _guesses.get()
    if found is not None:
        found[str(place)] = None


def guess_lines(guesses: dict[str, None]) -> tuple[str, ...]:
    """Return the line to log about files that noting_guesses collected, none where it is empty."""
    if not guesses:
        return ()
    first, *others = guesses
    if not others:
        return (f"{first} is not in UTF-8 and is read as GBK: check the names in it",)
    return (
        f"{len(guesses)} files are not in UTF-8 and are read as GBK ({first} ...): check the names "
        "in them",
    )


def encoding_of(data: bytes, *, whole: bool = True) -> str:
    """Return the encoding of a text by its bytes.

    A few Chinese words in GBK are other letters in UTF-8, as 猫 is è: where these stand alone, and
    no text of another script explains them, they are Chinese.

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
        if data.isascii():
            return "utf-8"
        text = codecs.getincrementaldecoder("utf-8")().decode(data, whole)
        return GUESSED if _is_chinese(text) else "utf-8"
    except UnicodeDecodeError:
        codecs.getincrementaldecoder(GUESSED)().decode(data, whole)
        return GUESSED


def _is_chinese(text: str) -> bool:
    """Whether GBK explains a text better than UTF-8, whose signs all have two bytes there."""
    told = False
    for match in _FOREIGN.finditer(text):
        phrase, start, end = match[0], match.start(), match.end()
        if _WORD_BEFORE.search(text[max(0, start - 2) : start]) or _WORD_AFTER.match(text, end):
            return False
        data = phrase.replace(" ", "").encode()
        common = all(0xB0 <= lead <= 0xD7 for lead in data[::2])  # the rows of common characters
        if not common or any(trail < 0xA1 for trail in data[1::2]):
            return False
        scripts = {
            unicodedata.name(sign, "").partition(" ")[0] for sign in phrase if sign.isalpha()
        }
        alone = not scripts and all(sign in _SIGNS for sign in phrase)
        told = told or not alone and (scripts <= {"LATIN"} or len(scripts) > 1)
    return told


def decoded_bytes(data: bytes, place: str) -> str:
    """Return a text in UTF-8, UTF-16 or GBK.

    Args:
        data: The text.
        place: What the user knows it as.

    Raises:
        UnicodeDecodeError: It is none of these.
    """
    encoding = encoding_of(data)
    if encoding == GUESSED:
        note_guess(place)
    return data.decode(encoding)


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
        if encoding == GUESSED:
            note_guess(path)
        return data.decode(encoding), encoding
    except OSError as error:
        raise DataError(f"expected {what}, found {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected {what} in UTF-8, UTF-16 or GBK, found {path}, which is in none of them "
            f"(byte {error.start}): save it as UTF-8"
        ) from error
