"""Where a name written in a dataset lies: inside the data folder, or nowhere."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path, PurePosixPath

from algorithm.data.readers.voc_folder import PICTURE_SUFFIXES, files_below


def inside(folder: Path, address: str) -> Path:
    """The path of a relative address in `folder`. Raises ValueError where it climbs out; links are not followed."""
    tidy = os.path.normpath(address.replace("\\", "/"))
    if tidy.startswith("..") and tidy.split(os.sep)[0] == ".." or Path(tidy).is_absolute():
        raise ValueError(
            f"expected a path inside {folder}, found {address!r}, which leads out of it"
        )
    return folder / tidy


class Pictures:
    """The pictures below a folder, found by the names an annotation file gives them, never opened at its paths."""

    def __init__(self, root: Path) -> None:
        self.root, self._by_name = root, defaultdict(list)
        for file in files_below(root, PICTURE_SUFFIXES):
            self._by_name[file.name].append(file)

    def find(self, name: str, hint: str = "") -> list[Path]:
        """Pictures whose path ends in `name`; of several those in a folder called `hint`, if there are any."""
        tail = PurePosixPath(name).parts
        found = [
            file
            for file in self._by_name.get(tail[-1] if tail else "", [])
            if file.parts[-len(tail) :] == tail
        ]
        return (
            [file for file in found if file.parent.name == hint] or found
            if len(found) > 1
            else found
        )

    def one(self, name: str, hint: str = "") -> Path:
        """The picture called so. Raises ValueError where there is none, or several."""
        found = self.find(name, hint)
        if len(found) != 1:
            places = ", ".join(str(path) for path in found) or "none"
            raise ValueError(
                f"expected one picture named {name!r} below {self.root}, found {places}"
            )
        return found[0]
