"""What arrives from the command line, as text: flags, and the items of the hparams list."""

from __future__ import annotations

from collections.abc import Sequence

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.hyperparameter_table import HPARAMS, ROWS
from algorithm.hyperparameters.values import did_you_mean


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


def split_hparams(text: str) -> list[tuple[str, str]]:
    """Split a comma list of key=value items, each at its first "=".

    Args:
        text: The value of --hparams.

    Returns:
        (key, text) of each item, in the order given.

    Raises:
        ArgumentError: An item has no "=", or its key is unknown; the nearest known key is named.
    """
    items = []
    for item in filter(None, text.split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            raise ArgumentError(
                f"--hparams: expected key=value items parted by commas, found '{item}' in '{text}'"
            )
        if key not in HPARAMS:
            raise _unknown_key(key, value)
        items.append((key, value))
    return items


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


def _unknown_key(key: str, value: str) -> ArgumentError:
    if key in ROWS:
        return ArgumentError(f"--hparams: '{key}' has a flag of its own. Write --{key}={value}")
    if key != key.strip():
        return ArgumentError(
            f"--hparams: expected no spaces, found '{key}={value}'. Take the spaces out."
        )
    advice = did_you_mean(key, tuple(HPARAMS))
    return ArgumentError(
        f"--hparams: unknown key '{key}' (value '{value}').{advice}\n"
        f"Known keys: {', '.join(HPARAMS)}"
    )
