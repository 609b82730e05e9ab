"""Protobuf text (pipeline.config) as nested fields, without its schema.

Protobuf's own tokenizer splits it into words.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from algorithm.errors import DataError

# (name, value) in order. A value is text, a number, a boolean, a list of those, or fields again.
Fields = list[tuple[str, Any]]
_CLOSING = {"{": "}", "<": ">"}
_BOOLEANS = {"true": True, "false": False}


def read_text(path: Path) -> Fields:
    """Read the fields of a file.

    Args:
        path: The file.

    Returns:
        Its fields.

    Raises:
        DataError: It is no protobuf text; the message gives line and column.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"pipeline_config {path}: expected a text file, found {error}; check the path"
        ) from error
    try:
        tokenizer = text_format.Tokenizer(lines)
        return list(_fields(tokenizer, ""))
    except text_format.ParseError as error:
        raise DataError(
            f"pipeline_config {path}: expected protobuf text, found otherwise at line:column "
            f"{error}; correct it there"
        ) from error


def flattened(fields: Fields, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every field that holds no others, in order.

    Args:
        fields: The fields.
        prefix: What to put before each path.

    Yields:
        (dotted path, value); an empty message gives {}.
    """
    for name, value in fields:
        path = f"{prefix}{name}"
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            yield from flattened(value, f"{path}.")
        else:
            yield path, {} if value == [] else value


def _fields(tokenizer: text_format.Tokenizer, closing: str) -> Iterator[tuple[str, Any]]:
    while not (tokenizer.TryConsume(closing) if closing else tokenizer.AtEnd()):
        if tokenizer.AtEnd():
            raise tokenizer.ParseError(f'Expected "{closing}".')
        name = tokenizer.ConsumeIdentifier()
        colon = tokenizer.TryConsume(":")
        opening = next((mark for mark in _CLOSING if tokenizer.TryConsume(mark)), None)
        if opening:
            yield name, list(_fields(tokenizer, _CLOSING[opening]))
        elif colon:
            yield name, _list(tokenizer) if tokenizer.TryConsume("[") else _scalar(tokenizer)
        else:
            raise tokenizer.ParseError('Expected ":" or "{".')
        tokenizer.TryConsume(";") or tokenizer.TryConsume(",")


def _list(tokenizer: text_format.Tokenizer) -> tuple[Any, ...]:
    values = []
    while not tokenizer.TryConsume("]"):
        values.append(_scalar(tokenizer))
        tokenizer.TryConsume(",")
    return tuple(values)


def _scalar(tokenizer: text_format.Tokenizer) -> Any:
    if tokenizer.token[:1] in ("'", '"'):
        return tokenizer.ConsumeString()
    word = tokenizer.token
    if word in _BOOLEANS or word.isidentifier():
        tokenizer.NextToken()
        return _BOOLEANS.get(word, word)
    for consume in (tokenizer.ConsumeInteger, tokenizer.ConsumeFloat):
        try:
            return consume()
        except text_format.ParseError:
            continue
    raise tokenizer.ParseError(f'Expected a value, found "{word}".')
