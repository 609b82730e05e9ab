"""Which picture a name in a dataset means: the one that its longest tail fits."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from algorithm.data.split_names import usage_of_path

PICTURE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".bmp",
    ".webp",
    ".gif",
    ".tif",
    ".tiff",
)


def inside(folder: Path, address: str) -> Path:
    """Return the path of a relative address in a folder; links are not followed.

    Raises:
        ValueError: The address climbs out of the folder.
    """
    tidy = os.path.normpath(address.replace("\\", "/"))
    if Path(tidy).parts[:1] == ("..",) or Path(tidy).is_absolute():
        raise ValueError(
            f"expected a path inside {folder}, found {address!r}, which leads out of it"
        )
    return folder / tidy


def folded(name: str) -> str:
    """Return a name as it is compared: one composition of its letters, no case."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def parts_of(name: str) -> list[str]:
    """Return the components of a path in slashes or backslashes, without `.`, `..` and a drive."""
    found = [part for part in name.strip().replace("\\", "/").split("/") if part.strip()]
    return [part for part in found if part not in (".", "..") and not part.endswith(":")]


def suffix_of(name: str) -> str:
    """Return the suffix of a path in lower case, with its dot; "" without one."""
    last = name.rpartition("/")[2]
    dot = last.rfind(".")
    return last[dot:].lower() if dot > 0 else ""


def stem_of(name: str) -> str:
    """Return the last component of a path without the suffix of a picture, if it has one."""
    last, suffix = name.rpartition("/")[2], suffix_of(name)
    return last[: -len(suffix)] if suffix in PICTURE_SUFFIXES else last


class Pictures:
    """The pictures below a folder, found by the names that annotations give them.

    What a name means is decided by its longest tail, in components of the path, that fits one
    file. Slashes, letter case, the composition of letters and a missing suffix are forgiven. No
    path from a file is opened.
    """

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        """Indexes the pictures.

        Args:
            root: The folder of the data.
            names: Names of the pictures, relative to it, with `/`.
        """
        self.root = root
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for name in names:
            self._by_stem[folded(stem_of(name))].append(name)

    def find(self, name: str, hint: str = "", near: str = "") -> list[Path]:
        """Return the pictures that a name may mean: one, several that fit it equally well, or none.

        Args:
            name: As the dataset writes it.
            hint: Of several, those in folders of this usage ("train", "eval") are meant.
            near: Relative folder of the file that gives the name; a path from there counts first.
        """
        return [self.root / found for found in self.names(name, hint, near)]

    def names(self, name: str, hint: str = "", near: str = "") -> list[str]:
        """Return what `find` finds, as relative names."""
        tail = parts_of(name)
        found = self._candidates(tail) or self._candidates(parts_of(unquote(name)))
        if not found and "://" in name:
            found = self._candidates(parts_of(unquote(urlsplit(name).path)))
        if len(found) < 2:
            return found
        exact = [one for one in found if one == "/".join([*parts_of(near), *tail])]
        exact = exact or [one for one in found if one == "/".join(tail)]
        return (
            exact
            or [one for one in found if hint and usage_of_path(one) == hint]
            or [one for one in found if near and one.startswith(near.rstrip("/") + "/")]
            or found
        )

    def of_stem(self, stem: str) -> list[str]:
        """Return names of the pictures of this stem, whatever their folder, suffix and case."""
        return self._by_stem.get(folded(stem), [])

    def all_names(self) -> Iterator[str]:
        """Yield the names of all pictures, in no particular order."""
        return (name for names in self._by_stem.values() for name in names)

    def one(self, name: str, hint: str = "", near: str = "") -> Path:
        """Return the picture that a name means.

        Args:
            name: As in `find`.
            hint: As in `find`.
            near: As in `find`.

        Raises:
            ValueError: There is none, or several fit equally well.
        """
        found = self.find(name, hint, near)
        if len(found) != 1:
            places = " and ".join(str(path) for path in found[:3]) or "none"
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise ValueError(
                f"expected one picture named {name!r} below {self.root}, found {places}{more}"
            )
        return found[0]

    def _candidates(self, tail: list[str]) -> list[str]:
        """The files that the longest tail fits; of those, the ones spelt most alike."""
        if not tail:
            return []
        last = tail[-1]
        suffix = suffix_of(last) if suffix_of(last) in PICTURE_SUFFIXES else ""
        fitting = [
            file
            for file in self._by_stem.get(folded(stem_of(last)), [])
            if not suffix or suffix_of(file) == suffix
        ]
        if len(fitting) < 2:
            return fitting
        wanted = [folded(part) for part in tail[:-1]]
        scores = [(_shared_tail(wanted, file), _likeness(last, file)) for file in fitting]
        best = max(scores)
        return [file for file, score in zip(fitting, scores, strict=True) if score == best]


def _shared_tail(wanted: list[str], file: str) -> int:
    """How many folders, from the right, a path has in common with a wanted one."""
    count = 0
    for one, other in zip(reversed(wanted), reversed(file.split("/")[:-1]), strict=False):
        if one != folded(other):
            break
        count += 1
    return count


def _likeness(last: str, file: str) -> int:
    """2 where the file's name is spelt the same, 1 where only its composition differs, else 0."""
    name = file.rpartition("/")[2]
    if last in (name, stem_of(name)):
        return 2
    return int(unicodedata.normalize("NFC", last) == unicodedata.normalize("NFC", name))
