"""What arrives from the command line, as text: flags, and the items of the hparams list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.hyperparameter_table import HPARAMS, ROWS
from algorithm.hyperparameters.names.nearest_name import did_you_mean
from algorithm.hyperparameters.names.other_names import by_meaning
from algorithm.hyperparameters.names.published_keys import (
    PUBLISHED,
    RATE_IS_SCALED,
    SCALED_RATE,
    taken,
)


def split_flags(argv: Sequence[str]) -> list[tuple[str, str]]:
    """Split a command line into flags, each written --name=text or --name text.

    Args:
        argv: The words of the command line, without the program.

    Returns:
        (name, text) of each flag, in the order given. A flag without a value has the text "".

    Raises:
        ArgumentError: A word is no flag, or a hyperparameter has no value.
    """
    flags = []
    words = list(argv)
    while words:
        word = words.pop(0)
        if not word.startswith("--") or word == "--":
            raise ArgumentError(f"expected --name=value, found '{word}'." + _flag_advice(word))
        name, equals, text = word[2:].partition("=")
        if not equals and words and not words[0].startswith("--"):
            text = words.pop(0)
        elif not equals and name in ROWS:
            raise ArgumentError(f"--{name}: expected a value, found none. Write --{name}=VALUE")
        flags.append((name, text))
    return flags


@dataclass(frozen=True)
class HparamsList:
    """The hparams list as it was read.

    Attributes:
        items: (hyperparameter, text) of each item, in the order given.
        lines: To log: what became of keys of the published implementation.
    """

    items: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]


def read_hparams(text: str) -> HparamsList:
    """Read a comma list of key=value items, each split at its first "=".

    Args:
        text: The value of --hparams.

    Returns:
        The items, those of the published implementation translated.

    Raises:
        ArgumentError: An item has no "=", a published value cannot be followed, or keys are
            unknown; all of those are named, each with the known key that is meant.
    """
    items, lines, unknown = [], [], []
    for item in filter(None, text.split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            raise ArgumentError(
                f"--hparams: expected key=value items parted by commas, found '{item}' in '{text}'"
            )
        found = taken(key, value)
        if found:
            lines.append(found.line)
            key, value = found.key, found.text
        elif key not in HPARAMS:
            unknown.append((key, value))
            continue
        if key:
            items.append((key, value))
    if unknown:
        raise _unknown_keys(unknown)
    sizes = [value for key, value in items if key == "image_size" and "x" in value]
    if lines and sizes:
        lines.append(
            f"hparams: image_size={sizes[-1]} is height x width; the published implementation "
            "writes width x height"
        )
    return HparamsList(tuple(items), tuple(lines))


def refuse_if_misspelt(name: str, text: str) -> None:
    """Refuse an undeclared flag that resembles a hyperparameter.

    Args:
        name: The flag, without dashes.
        text: Its value, for the message.

    Raises:
        ArgumentError: At most two letters differ from a declared name (fewer for short names).
    """
    written = name.lower().replace("-", "_")
    for known in ROWS:
        if letters_apart(written, known) <= min(2, len(known) // 4):
            raise ArgumentError(
                f"--{name}: no such hyperparameter (value '{text}'). Did you mean '--{known}'? "
                "Flags that resemble no hyperparameter are ignored, this one does."
            )


def letters_apart(one: str, other: str) -> int:
    """Return the edit distance: letters to insert, delete or replace that turn one into other."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        previous, row = row, [i]
        for j, other_letter in enumerate(other, start=1):
            row.append(
                min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (letter != other_letter))
            )
    return row[-1]


def _flag_advice(word: str) -> str:
    name = word.lstrip("-").partition("=")[0].replace("-", "_")
    return did_you_mean(f"--{name}", tuple(f"--{known}" for known in ROWS))


def _unknown_keys(unknown: Sequence[tuple[str, str]]) -> ArgumentError:
    said = [_unknown_key(key, value) for key, value in unknown]
    count = f"{len(said)} of the keys cannot be read: " if len(said) > 1 else ""
    known = (
        ""
        if all(key in ROWS or key != key.strip() for key, _ in unknown)
        else f"\nKnown keys: {', '.join(HPARAMS)}"
    )
    return ArgumentError(f"--hparams: {count}{'; '.join(said)}{known}")


def _unknown_key(key: str, value: str) -> str:
    if key in ROWS:
        return f"'{key}' has a flag of its own. Write --{key}={value}"
    if key != key.strip():
        return f"expected no spaces, found '{key}={value}'. Take the spaces out."
    return f"unknown key '{key}' (value '{value}').{_meant(key)}"


def _meant(key: str) -> str:
    """Return the known key of the same meaning, else the one that is written most alike."""
    meant = by_meaning(key.lower(), tuple(ROWS))
    if not meant:
        return did_you_mean(key, (*HPARAMS, *PUBLISHED))
    how = f"'{meant}'" if meant in HPARAMS else f"the flag --{meant}"
    caution = f" {RATE_IS_SCALED}: {SCALED_RATE}." if meant == "learning_rate" else ""
    return f" Did you mean {how}?{caution}"
