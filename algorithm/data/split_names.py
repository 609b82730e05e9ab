"""The split that names of files, folders and lists tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping
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

    What is called `test` never trains: it is left out where there is a validation part, else it
    evaluates.

    Args:
        words: The word (a key of WORDS) of each picture or file, None where it has none.
        things: What they are, for the lines to log.

    Returns:
        ("train", "eval" or None of those that are kept, lines to log). None for all where only
        the training or the validation side is stated, which is no split.
    """
    counts = Counter(word for word in words.values() if word)
    named = " and ".join(sorted(word for word in counts if word in TESTS))
    number = sum(counts[word] for word in TESTS)
    kept, lines = dict(words), []
    if number and any(WORDS[word] == "eval" and word not in TESTS for word in counts):
        kept = {key: word for key, word in words.items() if word not in TESTS}
        lines.append(f"{number} {things} of '{named}' are left out, as there is a validation part")
    elif number:
        lines.append(f"{number} {things} of '{named}' evaluate, as there is no validation part")
        return {key: WORDS.get(word or "") for key, word in words.items()}, tuple(lines)
    sides = {WORDS[word] for word in kept.values() if word}
    if sides == {"train", "eval"}:
        return {key: WORDS.get(word or "") for key, word in kept.items()}, tuple(lines)
    if sides and None not in kept.values():
        only = " and ".join(sorted({word for word in kept.values() if word}))
        lines.append(f"the only side of {things} is '{only}', which is no split")
    return dict.fromkeys(kept), tuple(lines)
