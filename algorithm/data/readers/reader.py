"""What a reader of one form of dataset is: how it is recognised and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.errors import DataError

Resolve = Callable[[Sequence[str]], Mapping[str, Path]]


class Certainty(IntEnum):
    """How sure a recogniser is."""

    HINT = 1  # looks like the form, but cannot be read: `what` says what it lacks and what to do
    LIKELY = 2  # names and shapes fit
    CERTAIN = 3  # the contents say so
    DECLARED = 4  # a file that has no other purpose than to describe the dataset


@dataclass(frozen=True)
class Found:
    """What a recogniser found in a folder.

    Attributes:
        files: Names, relative to the folder, that the reader is given.
        certainty: How sure it is.
        what: What was found, in words: `4 XML for 4 pictures`; of a HINT, why it cannot be read
            and what to do.
        belongs: Names, relative to the folder, of other files of the form, which are no strays.
        pictures: How many pictures the form describes, as far as that is cheaply known. Decides
            between forms of the same certainty.
    """

    files: tuple[str, ...]
    certainty: Certainty
    what: str
    belongs: frozenset[str] = frozenset()
    pictures: int = 0


@dataclass(frozen=True)
class Source:
    """What a reader may need.

    Attributes:
        contents: The folder of the data, with the index of its pictures.
        resolve: Local paths of obs:// and s3:// addresses; None where nobody has staged them.
        work_dir: Where pictures that lie in no file of their own are laid.
        outlines: Whether the outlines of objects are wanted; else readers pass over them.
    """

    contents: FolderContents
    resolve: Resolve | None = None
    work_dir: Path | None = None
    outlines: bool = False

    def paths(self, found: Found) -> list[Path]:
        """Return the paths of the files that a recogniser found."""
        return [self.contents.path(name) for name in found.files]

    def only_path(self, found: Found, form: str) -> Path:
        """Return the path of the one file that a recogniser found.

        Raises:
            DataError: There are several, which is a question to the user.
        """
        if len(found.files) > 1:
            raise DataError(
                f"expected one {form} in {self.contents.root}, found {', '.join(found.files)}: "
                "give the path of the one to use"
            )
        return self.contents.path(found.files[0])


@dataclass(frozen=True)
class Reader:
    """One form of dataset.

    Attributes:
        name: What people call the form.
        suffixes: Of a file that may be given by itself, in lower case.
        recognise: Looks for the form in a folder; None where nothing speaks for it. Must be
            quick: names, and the first bytes of few files.
        read: Its listing. Raises DataError. Never called for a HINT. None where the form is known
            by name only, and its recogniser gives nothing but hints.
    """

    name: str
    suffixes: tuple[str, ...]
    recognise: Callable[[FolderContents], Found | None]
    read: Callable[[Found, Source], Listing] | None = None
