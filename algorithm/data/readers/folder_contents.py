"""What lies in a folder: one walk of it, which every recogniser and reader shares."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from algorithm.data.readers.pictures.picture_lookup import (
    PICTURE_SUFFIXES,
    Pictures,
    folded,
    suffix_of,
)
from algorithm.data.readers.text_file import decoded_bytes, encoding_of
from algorithm.errors import DataError

MAX_FILES = 5_000_000
PEEK = 1 << 16  # bytes of a file that a recogniser looks at
KEPT_PEEKS = 256
TOLD_BY_NAME = ("classes.txt", "notes.json", "obj.names", "train.txt", "data.yaml")
JUNK = (
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "__macosx",
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "lost+found",
)


class FolderContents:
    """The files below a folder by their names relative to it, less hidden ones and junk.

    A link to a folder is that folder; one that leads back to a folder above it is not followed.
    """

    def __init__(self, root: Path, *, alone: str = "") -> None:
        """Walks the folder.

        Args:
            root: The folder.
            alone: Relative name of the one file that is given; others of its suffix are hidden.

        Raises:
            DataError: The folder cannot be listed, or holds more than MAX_FILES files.
        """
        self.root, self.alone = root, alone
        self._by_suffix: dict[str, list[str]] = {}
        self._count = 0
        self._heads: dict[str, bytes] = {}
        for name in _walk(root):
            self._by_suffix.setdefault(suffix_of(name), []).append(name)
            self._count += 1
            if self._count > MAX_FILES:
                raise DataError(
                    f"expected at most {MAX_FILES} files in {root}, found more: "
                    "give the folder of the dataset"
                )
        if alone and suffix_of(alone) not in PICTURE_SUFFIXES:
            self._by_suffix[suffix_of(alone)] = [alone]
        for names in self._by_suffix.values():
            names.sort()

    @property
    def files_at_all(self) -> int:
        """How many files there are."""
        return self._count

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes that occur, in lower case, "" for none."""
        return tuple(self._by_suffix)

    def files(self, *suffixes: str) -> list[str]:
        """Return the sorted names of the files with one of these suffixes (in lower case)."""
        if len(suffixes) == 1:
            return list(self._by_suffix.get(suffixes[0], []))
        return sorted(name for suffix in suffixes for name in self._by_suffix.get(suffix, []))

    def shallowest(self, *suffixes: str) -> list[str]:
        """Return those of `files` that lie least deep."""
        names = self.files(*suffixes)
        depth = min((name.count("/") for name in names), default=0)
        return [name for name in names if name.count("/") == depth]

    @cached_property
    def picture_names(self) -> list[str]:
        """Sorted names of the pictures, told by their suffixes."""
        return self.files(*PICTURE_SUFFIXES)

    @cached_property
    def pictures(self) -> Pictures:
        """The index of the pictures by the names that people give them."""
        return Pictures(self.root, self.picture_names)

    @cached_property
    def folders(self) -> frozenset[str]:
        """Names of all folders that hold a file, at any depth."""
        found: set[str] = set()
        for names in self._by_suffix.values():
            for parent in {name.rpartition("/")[0] for name in names}:
                while parent and parent not in found:
                    found.add(parent)
                    parent = parent.rpartition("/")[0]
        return frozenset(found)

    def path(self, name: str) -> Path:
        """Return the path of a file by its relative name."""
        return self.root / name

    def has(self, name: str) -> bool:
        """Return whether there is a file of exactly this relative name."""
        names = self._by_suffix.get(suffix_of(name), [])
        place = bisect_left(names, name)
        return names[place : place + 1] == [name]

    def spelt(self, name: str) -> str | None:
        """Return a folder or text file as spelt here, whatever the case of `name`; else None."""
        if not name or name in self.folders or self.has(name):
            return name
        return self._spelling.get(folded(name))

    @cached_property
    def _spelling(self) -> dict[str, str]:
        return {folded(name): name for name in (*self.folders, *self.files(".txt", ".names"))}

    def head(self, name: str) -> bytes:
        """Return the first PEEK bytes of a file, nothing where it cannot be read.

        They are kept for a while.
        """
        if name not in self._heads:
            if len(self._heads) >= KEPT_PEEKS:
                self._heads.clear()
            try:
                with self.path(name).open("rb") as stream:
                    self._heads[name] = stream.read(PEEK)
            except OSError:
                self._heads[name] = b""
        return self._heads[name]

    def text(self, name: str) -> str:
        """Return the first PEEK bytes of a file as text; what is no text is replaced."""
        return self.head(name).decode(self._encoding(name), "replace")

    def _encoding(self, name: str) -> str:
        data = self.head(name)
        try:
            return encoding_of(data, whole=len(data) < PEEK)
        except UnicodeDecodeError:
            return "utf-8"

    def whole_text(self, name: str) -> str:
        """Return a whole file as text.

        Raises:
            DataError: It cannot be read, or is no text in UTF-8, UTF-16 or GBK.
        """
        try:
            return decoded_bytes(self.path(name).read_bytes(), str(self.path(name)))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"expected text in UTF-8, UTF-16 or GBK in {self.path(name)}, found: {error}"
            ) from error

    def described(self) -> str:
        """Return what lies here, in words: `4 .jpg, 4 .txt, classes.txt`."""
        if not self._count:
            return "no file"
        parts = []
        for suffix, names in sorted(self._by_suffix.items(), key=lambda row: (-len(row[1]), row)):
            known = [name for name in names if PurePosixPath(name).name.lower() in TOLD_BY_NAME]
            others = len(names) - len(known)
            if others:
                single = next(name for name in names if name not in known)
                parts.append(single if others == 1 else f"{others} {suffix or 'without suffix'}")
            parts += known[:3]
        return ", ".join(parts[:10]) + (" and more" if len(parts) > 10 else "")


def decoded(data: bytes) -> str:
    """Return bytes in UTF-8, UTF-16 or GBK as text.

    Raises:
        UnicodeDecodeError: They are in none of these.
    """
    return data.decode(encoding_of(data))


def files_below(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files below a folder with one of the suffixes (in lower case), sorted."""
    for name in sorted(name for name in _walk(folder) if suffix_of(name) in suffixes):
        yield folder / name


def _walk(root: Path) -> Iterator[str]:
    """Relative names of the files below a folder."""
    waiting: list[tuple[str, str, frozenset[str]]] = [("", os.path.realpath(root), frozenset())]
    while waiting:
        below, real, above = waiting.pop()
        above |= {real}
        try:
            children = os.scandir(f"{root}/{below}")
        except OSError as error:
            if below:
                continue
            raise DataError(
                f"expected a readable folder at {root}, found: {error.strerror}"
            ) from error
        with children:
            for child in children:
                if child.name.startswith(".") or child.name.lower() in JUNK:
                    continue
                if not child.is_dir():
                    if child.is_file():
                        yield below + child.name
                    continue
                place = (
                    os.path.realpath(child.path) if child.is_symlink() else f"{real}/{child.name}"
                )
                if place not in above:
                    waiting.append((f"{below}{child.name}/", place, above))
