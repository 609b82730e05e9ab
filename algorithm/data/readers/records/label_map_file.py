"""The label map beside TFRecords (*.pbtxt): what its ids and names mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from algorithm.data.readers.text_file import read_text
from algorithm.errors import DataError

TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<sign>[{}<>:;,\[\]])|'(?P<one>(?:[^'\\]|\\.)*)'|"(?P<two>(?:[^"\\]|\\.)*)"|"""
    r"""(?P<word>[\w.+\-/]+)""",
    re.DOTALL,
)
Items = list[tuple[str, "str | Items"]]  # (key, text or message), in order


@dataclass(frozen=True)
class LabelMap:
    """The classes of a label map.

    Attributes:
        file: Where it stands, "" where there is none.
        names: What people call each class, by id: its display name, else its name.
        ids: Id of each class by every name it has.
    """

    file: str
    names: dict[int, str]
    ids: dict[str, int]

    def class_of(self, text: str | None, number: int | None, place: str) -> str:
        """Return what to call the class of an object, "" where its text is empty and says nothing.

        Args:
            text: Its image/object/class/text, if the record has any.
            number: Its image/object/class/label, if the record has any.
            place: Of the record, for the message.

        Raises:
            DataError: The label map lacks it, or text and number name two classes of it.
        """
        if text == "" and number not in self.names:
            return ""
        if not self.file:
            if text:
                return text
            raise DataError(
                f"{place}: expected class names in image/object/class/text, or a label map "
                f"(*.pbtxt) beside the records, found neither for the class {number}: add the "
                f"label map"
            )
        if text and text not in self.ids:
            raise DataError(
                f"{place}: expected the class {text!r} in the label map {self.file}, found only "
                f"{', '.join(sorted(self.names.values()))[:200]}: add the class to it, or remove "
                f"the file"
            )
        if text:
            if number in self.names and number != self.ids[text]:
                raise DataError(
                    f"{place}: expected one class for an object, found image/object/class/text "
                    f"{text!r} and image/object/class/label {number}, which is "
                    f"{self.names[number]!r} in {self.file}: "
                    "correct the label map, or remove it to go by the text"
                )
            return self.names[self.ids[text]]
        if number not in self.names:
            raise DataError(
                f"{place}: expected the class id {number} in the label map {self.file}, found only "
                f"{', '.join(map(str, sorted(self.names)))[:200]}: add the class to it"
            )
        return self.names[number]


def read_label_maps(files: list[Path]) -> LabelMap:
    """Return the label map that all of the files say, an empty one for no file.

    Raises:
        DataError: One cannot be read, has an item without an id or a name, an id twice, or two
            files differ.
    """
    maps = [found for file in files if (found := _read(file)).names]  # others are model graphs
    for other in maps[1:]:
        if other.names != maps[0].names:
            raise DataError(
                f"expected one label map, found {files[0]} and {other.file}, which differ: keep "
                f"the right one"
            )
    return maps[0] if maps else LabelMap("", {}, {})


def _read(file: Path) -> LabelMap:
    try:
        items = [value for key, value in parsed(read_text(file, "a label map")[0]) if key == "item"]
    except ValueError as error:
        raise DataError(f"expected a label map in {file}, found {error}") from error
    found: dict[int, str] = {}
    ids: dict[str, int] = {}
    for item in items:
        if isinstance(item, str):
            raise DataError(f"expected items in braces in {file}, found {item!r}")
        fields = {key: value for key, value in item if isinstance(value, str)}
        number = fields.get("id", "")
        names = [name for key in ("display_name", "name") if (name := fields.get(key))]
        if not number.lstrip("-").isdigit() or not names or int(number) in found:
            said = ", ".join(f"{key}: {value}" for key, value in fields.items()) or "nothing"
            raise DataError(
                f"expected an id of its own and a name in each item of {file}, found {said}"
            )
        found[int(number)] = names[0]
        for name in names:
            ids.setdefault(name, int(number))
    return LabelMap(str(file), found, ids)


def parsed(text: str) -> Items:
    """Parse a message in the text form of protocol buffers: keys with texts, numbers or messages.

    Raises:
        ValueError: It is none.
    """
    tokens = _tokens(text)
    found, rest = _message(tokens, 0, closing="")
    if rest != len(tokens):
        raise ValueError(f"a closing {tokens[rest][1]!r} too many")
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) of each token; kinds are the groups of TOKEN."""
    found, place = [], 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text[place : place + 20]!r}")
        place = match.end()
        if match.lastgroup:
            value = match[match.lastgroup]
            if match.lastgroup in ("one", "two"):
                value = _unescaped(value)
            found.append((match.lastgroup, value))
    return found


def _unescaped(text: str) -> str:
    """A string of the text form; bytes of UTF-8 may be written as octal or hexadecimal numbers."""

    def sign(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, other = match.groups()
        if octal or hexadecimal:
            return bytes([int(octal, 8) & 255 if octal else int(hexadecimal, 16)])
        return {b"n": b"\n", b"t": b"\t"}.get(other, other)

    data = re.sub(
        rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", sign, text.encode(), flags=re.DOTALL
    )
    return data.decode("utf-8", "replace")


def _message(tokens: list[tuple[str, str]], place: int, closing: str) -> tuple[Items, int]:
    """(the fields from a place on, the place after the closing sign)."""
    found: Items = []
    while place < len(tokens):
        kind, key = tokens[place]
        if kind == "sign":
            if key == closing:
                return found, place + 1
            if key in ",;":
                place += 1
                continue
            if not closing:
                return found, place
            raise ValueError(f"{key!r} where a name was expected")
        place += 1
        if place < len(tokens) and tokens[place] == ("sign", ":"):
            place += 1
        if place == len(tokens):
            raise ValueError(f"nothing after {key!r}")
        kind, value = tokens[place]
        if (kind, value) in (("sign", "{"), ("sign", "<")):
            message, place = _message(tokens, place + 1, "}" if value == "{" else ">")
            found.append((key, message))
            continue
        place += 1
        if kind == "sign":
            raise ValueError(f"{value!r} after {key!r}")
        found.append((key, value))
    if closing:
        raise ValueError(f"no closing {closing!r}")
    return found, place
