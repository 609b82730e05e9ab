"""The split that names of files, folders and lists tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TypeVar

WORDS = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "val": "eval",
    "valid": "eval",
    "validation": "eval",
    "eval": "eval",
    "dev": "eval",
    "test": "eval",
    "testing": "eval",
}
TESTS = ("test", "testing")
KINDS = r"set|data|dataset|images?|imgs?|labels?|annotations?|lists?|files|ids|split"
FOLDER = re.compile(
    rf"(?:(?:{KINDS})[_-])?({'|'.join(WORDS)})(?:[_-]?(?:{KINDS}))?(?:[_-]?\d{{4}})?"
)
Key = TypeVar("Key", bound=Hashable)


def word_of(name: str) -> str | None:
    """Return the first word in a name that names a split (train-00000-of-00010, pet_val.record)."""
    return next((word for word in re.split(r"[^a-z]+", name.lower()) if word in WORDS), None)


def usage_of(name: str) -> str | None:
    """Return "train" or "eval" where a name says so, else None."""
    return WORDS.get(word_of(name) or "")


def word_of_path(name: str) -> str | None:
    """Return the word of the first folder of a path called after a split (train2017/a.jpg)."""
    for folder in name.split("/")[:-1]:
        match = FOLDER.fullmatch(folder.lower())
        if match:
            return match[1]
    return None


def word_of_list(file: str) -> str | None:
    """Return the word of a list of pictures called after a split (Train.txt, val2017.txt)."""
    match = FOLDER.fullmatch(file.lower().removesuffix(".txt"))
    return match[1] if match else None


def synonyms(word: str) -> tuple[str, ...]:
    """Return the words of one part of a split (val, valid, validation); none for other words."""
    found = word_of_list(word)
    if found is None:
        return ()
    return tuple(
        one
        for one, usage in WORDS.items()
        if usage == WORDS[found] and (one in TESTS) == (found in TESTS)
    )


def usage_of_path(name: str) -> str | None:
    """Return "train" or "eval" where a folder of a relative path says so, else None."""
    return WORDS.get(word_of_path(name) or "")


def stated_usages(
    words: Mapping[Key, str | None], things: str = "picture(s)"
) -> tuple[dict[Key, str | None], tuple[str, ...]]:
    """Return the split that words state, and lines to log.

    `test` is left out where there is a validation part, else it evaluates.

    Args:
        words: The word (a key of WORDS) of each picture or file, None where it has none.
        things: What they are, for the lines to log.

    Returns:
        ("train", "eval" or None of those that are kept, lines to log). None for all where only
        one side is stated, which is no split.
    """
    counts = Counter(word for word in words.values() if word)
    tests = {word for word in counts if word in TESTS}
    sides = {WORDS[word] for word in counts}
    if sides != {"train", "eval"}:
        only = f"the only side of {things} is '{' and '.join(sorted(counts))}', which is no split"
        return dict.fromkeys(words), (only,) * (bool(counts) and None not in words.values())
    if not tests:
        return {key: WORDS.get(word or "") for key, word in words.items()}, ()
    named, number = " and ".join(sorted(tests)), sum(counts[word] for word in tests)
    if any(WORDS[word] == "eval" and word not in tests for word in counts):
        kept = {key: WORDS.get(word or "") for key, word in words.items() if word not in tests}
        line = f"{number} {things} of '{named}' are left out, as there is a validation part"
        return kept, (line,)
    line = f"{number} {things} of '{named}' evaluate, as there is no validation part"
    return {key: WORDS.get(word or "") for key, word in words.items()}, (line,)


def without_test(files: list[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Leave out the files called test where others are for evaluation.

    Returns:
        (the files that stay, lines to log).
    """
    words = {file: word_of(file.name) for file in files}
    if "test" not in words.values() or not any(
        WORDS.get(word or "") == "eval" and word != "test" for word in words.values()
    ):
        return files, ()
    left_out = [file.name for file in files if words[file] == "test"]
    shown = ", ".join(left_out[:3]) + " and more" * (len(left_out) > 3)
    return [file for file in files if words[file] != "test"], (
        f"{shown}: left out, another file is for evaluation",
    )
