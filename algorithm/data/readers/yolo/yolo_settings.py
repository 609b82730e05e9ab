"""What a data.yaml or obj.data says: class names, and where the pictures of each split are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.pictures.picture_lookup import parts_of
from algorithm.data.split_names import WORDS, synonyms, word_of_list
from algorithm.errors import DataError

NULLS = ("", "~", "null")


@dataclass(frozen=True)
class YoloSettings:
    """What a description of a YOLO dataset says.

    Attributes:
        file: Its name, relative to the folder of the data.
        names: Class names by id.
        splits: Addresses of pictures by the word of each split (train, val, test ...).
        keypoints: (how many, numbers of each) of the objects, None where they have none.
        warnings: Lines to log.
    """

    file: str
    names: tuple[str, ...]
    splits: dict[str, list[str]]
    keypoints: tuple[int, int] | None = None
    warnings: tuple[str, ...] = ()


def read_settings(contents: FolderContents, file: str) -> YoloSettings:
    """Return the settings in a data.yaml or an obj.data.

    Raises:
        DataError: A needed key is missing or of another kind.
    """
    text, shown = contents.whole_text(file), contents.path(file)
    darknet = file.lower().endswith(".data")
    content = _darknet(text) if darknet else _yaml(text, str(shown))
    splits = {
        word: _addresses(content[key], key, str(shown))
        for key in content
        if (word := key.lower()) in WORDS and content[key] not in NULLS
    }
    if not splits:
        found = ", ".join(map(str, content)) or "nothing"
        raise DataError(f"expected 'train' and 'val' in {shown}, found {found}")
    splits = {
        word: [_based(address, content.get("path")) for address in addresses]
        for word, addresses in splits.items()
    }
    settings = YoloSettings(file, (), splits, _keypoints(content.get("kpt_shape"), str(shown)))
    if darknet:
        listed = place(contents, settings, str(content.get("names") or "obj.names"))
        names = tuple(listed_names(contents.whole_text(listed)))
    else:
        names = _names(content.get("names"), str(shown))
    if len(set(names)) < len(names) or not names:
        found = ", ".join(names) or "none"
        raise DataError(f"expected distinct class names in {shown}, found {found}")
    count = content.get("nc", content.get("classes"))
    differs = isinstance(count, str) and count.isdigit() and int(count) != len(names)
    line = f"{file} says {count} classes (nc) and names {len(names)}: the names count"
    return replace(settings, names=names, warnings=(line,) * differs)


def place(contents: FolderContents, settings: YoloSettings, address: str) -> str:
    """Return the relative name of the file or folder that an address means, "" for the data folder.

    Exports exist whose addresses begin with `../` though they count from the folder of the
    data.yaml, and some that keep the folders of the machine they were made on: the longest end
    of the address that is there counts. An end that has lost the name of a split does not.

    Args:
        contents: The folder of the dataset.
        settings: What the data.yaml or obj.data says.
        address: As it stands there.

    Raises:
        DataError: Nothing of the kind is inside the data folder.
    """
    parts = parts_of(address)
    base = settings.file.rpartition("/")[0]
    for start in range(len(parts) + 1):
        if any(word_of_list(part) for part in parts[:start]):
            break
        if start == len(parts) and parts:
            break
        for folder in dict.fromkeys((base, "")):
            for tail in _tails(parts[start:]):
                found = contents.spelt("/".join([*filter(None, [folder]), *tail]))
                if found is not None:
                    return found
    raise DataError(
        f"expected {contents.path(settings.file)} to name folders or lists of pictures inside "
        f"{contents.root}, found {address!r}, which does not exist there: correct the path, or "
        "delete the line"
    )


def _tails(parts: list[str]) -> Iterator[list[str]]:
    """The end of an address, then with other words for its split (../valid/images for val/)."""
    yield parts
    for index, part in enumerate(parts):
        for word in synonyms(part):
            yield [*parts[:index], word, *parts[index + 1 :]]


def listed_names(text: str) -> list[str]:
    """Return the class names in a classes.txt or obj.names, one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _yaml(text: str, file: str) -> dict[str, object]:
    """The keys of a YAML; words stay as they are written (yes, off, 010)."""
    try:
        content = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # makes nothing but text
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise DataError(f"expected YAML in {file}, found something else: {problem}") from error
    if not isinstance(content, dict):
        found = type(content).__name__
        raise DataError(f"expected keys such as train, val and names in {file}, found {found}")
    return content


def _darknet(text: str) -> dict[str, object]:
    rows = (line.partition("=") for line in text.splitlines())
    return {
        key.strip(): value.strip()
        for key, found, value in rows
        if found and not key.lstrip().startswith("#")
    }


def _addresses(value: object, key: str, file: str) -> list[str]:
    found: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and (parts_of(one) or set(one) <= {".", "/"}) for one in found):
        raise DataError(f"expected paths for '{key}' in {file}, found {value!r}")
    return found


def _based(address: str, path: object) -> str:
    """An address that counts from `path`, where the data.yaml has that key."""
    absolute = address.startswith("/") or address[1:2] == ":"
    return address if absolute or not isinstance(path, str) else f"{path}/{address}"


def _names(value: object, file: str) -> tuple[str, ...]:
    """Class names by id, from a list or from a mapping {0: name, 1: name}."""
    if isinstance(value, dict):
        ids = [str(number) for number in range(len(value))]
        if sorted(value, key=str) != sorted(ids):
            found = ", ".join(map(str, value))
            raise DataError(f"expected ids 0..{len(value) - 1} in 'names' of {file}, found {found}")
        value = [value[number] for number in ids]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DataError(f"expected 'names' to list the classes in {file}, found {value!r}")
    return tuple(value)


def _keypoints(value: Any, file: str) -> tuple[int, int] | None:
    if value is None or value in NULLS:
        return None
    try:
        count, each = (int(number) for number in value)
    except (TypeError, ValueError):
        count, each = 0, 0
    if count < 1 or each not in (2, 3):
        raise DataError(f"expected kpt_shape [how many, 2 or 3] in {file}, found {value!r}")
    return count, each
