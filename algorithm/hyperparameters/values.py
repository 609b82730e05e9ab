"""From the text that arrives to a typed value, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.names.nearest_name import did_you_mean
from algorithm.hyperparameters.row import Interval, Row

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SIZE = re.compile(r"([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,4}))?")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def read_value(row: Row, text: str) -> Any:
    """Read one value.

    Args:
        row: The hyperparameter.
        text: Its value as it arrives; empty text means the default.

    Returns:
        str, int, float or bool as the kind says; (height, width) in pixels for "size".

    Raises:
        ArgumentError: The value is not allowed. The message names the parameter, the value, what
            is allowed and the nearest allowed choice.
    """
    if text in ("", "''", '""'):
        return row.default
    try:
        value = _READERS[row.kind](text)
    except ValueError as error:
        raise _refusal(row, text) from error
    if row.choices:
        value = value.lower()
        if value not in row.choices:
            raise _refusal(row, text)
    if row.interval and value not in Interval.parse(row.interval):
        raise _refusal(row, text)
    return value


def write_value(value: Any) -> str:
    """Return the text that the platform would pass for a typed value; inverse of `read_value`."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "x".join(str(side) for side in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _refusal(row: Row, text: str) -> ArgumentError:
    advice = did_you_mean(text.lower(), row.choices)
    if text != text.strip():
        advice = " Take the spaces out."
    example = (
        "" if row.default in (None, "") else f" Example: {row.spelling}{write_value(row.default)}"
    )
    return ArgumentError(
        f"{row.spelling[:-1]}: expected {row.allowed}, found '{text}'.{advice}{example}"
    )


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return match


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError(text)
    return _BOOLEANS[text.lower()]


def _size(text: str) -> tuple[int, int]:
    height, width = _matched(_SIZE, text).groups()
    return int(height), int(width or height)


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(str(error)) from error
    return text


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": lambda text: int(_matched(_WHOLE_NUMBER, text)[0]),
    "float": lambda text: float(_matched(_NUMBER, text)[0]),
    "boolean": _boolean,
    "size": _size,
    "regex": _regex,
}
