"""Which command made a folder, told by the names in it, so that nobody else's is written over."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from algorithm.storage.location import OBJECT_SCHEMES, is_remote, scheme_of
from algorithm.storage.store_of import children

# Names that say nothing of who made a folder: hidden files, logs, what a new disk holds.
_NOBODYS = (".*", "*.log", "log", "logs", "lost+found", "modelarts-job-*")
_SHOWN = 3


@dataclass(frozen=True)
class FolderMaker:
    """A command that writes a folder.

    Attributes:
        name: The command, for messages.
        marks: Files of which one at least is there when it has come to its end.
        others: Patterns of what else it writes. A folder with nothing but these was begun by it.
        never: Patterns of what it never writes: a folder with one of these is not its own.
    """

    name: str
    marks: tuple[str, ...]
    others: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def strangers(self, names: Sequence[str]) -> list[str]:
        """Return the names that show that the command did not make the folder, none where it did.

        Args:
            names: What is directly in the folder.
        """
        foreign = [name for name in names if _matches(name, self.never)]
        if foreign or set(self.marks) & set(names):
            return foreign
        own = (*self.marks, *self.others, *_NOBODYS)
        return [name for name in names if not _matches(name, own)]

    def left_behind(self, names: Sequence[str]) -> list[str]:
        """Return the names that an earlier run of the command may have left."""
        return [name for name in names if not _matches(name, _NOBODYS)]


def names_in(url: str) -> list[str]:
    """Return what is directly in a folder, none where there is no folder.

    A store that only TensorFlow's client reads (gs://) is not asked: that takes seconds.

    Raises:
        StorageError: The store or the disk does not tell.
    """
    if is_remote(url) and scheme_of(url) not in OBJECT_SCHEMES:
        return []
    folders, files = children(url)
    return sorted([*folders, *files])


def listed(names: Sequence[str]) -> str:
    """Return names for a message: the first few, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
