"""Where the addresses in a manifest lie: staged, beside it, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES, Pictures, inside
from algorithm.data.readers.reader import Resolve
from algorithm.errors import DataError
from algorithm.storage.location import STORES, scheme_of
from algorithm.storage.staging import Stager


class Locator:
    """Address in a manifest -> local path.

    Addresses of an object store are staged, or all of them lie beside the manifest under the same
    names. A relative one counts from the manifest's folder; where nothing is there, the longest
    tail that fits a file of the data folder counts.
    """

    def __init__(self, manifest: Path, contents: FolderContents) -> None:
        """manifest: Its file. contents: The folder of the data."""
        self.base, self.contents = manifest.parent, contents
        self.near = _relative(manifest.parent, contents.root)
        self.staged: Mapping[str, Path] = {}

    @cached_property
    def _annotations(self) -> Pictures:
        """The index of the XML files, by the rules of the pictures' names."""
        return Pictures(self.contents.root, self.contents.files(".xml"))

    def stage(self, addresses: Sequence[str], resolve: Resolve | None) -> tuple[str, ...]:
        """Bring what lies on an object store, unless all of it lies beside the manifest.

        Args:
            addresses: All addresses of the manifest.
            resolve: Local paths of those on an object store; None where nobody stages them.

        Returns:
            Lines to log.

        Raises:
            DataError: Some are on an object store, not all are beside, and nobody stages them.
        """
        distant = [one for one in dict.fromkeys(addresses) if scheme_of(one.strip()) in STORES]
        lost = [one for one in distant if self._beside(one) is None]
        copied = isinstance(resolve, Stager) and resolve.from_store
        if not lost and distant and not copied:
            line = (
                f"the addresses of the manifest ({distant[0]}, ...) are taken for the files of "
                f"the same names in "
                f"{self.contents.root}"
            )
            return (line,)
        if resolve is not None:
            self.staged = resolve(list(dict.fromkeys(addresses)))
        elif len(lost) == len(distant) > 0:
            raise DataError(
                f"expected a local picture or annotation, found {lost[0]!r}, which no one has "
                f"staged and which does "
                f"not lie in {self.contents.root}: put the files there, or pass a directory or "
                f"manifest on the object "
                "store as data_url"
            )
        return ()

    def __call__(self, address: str) -> Path:
        """The local path of an address.

        Raises:
            ValueError: It climbs out of the manifest's folder, or names a place that cannot be
                reached.
        """
        if address in self.staged:
            return Path(self.staged[address])
        scheme = scheme_of(address.strip())
        if not scheme and Path(address).is_absolute() and Path(address).exists():
            return Path(address)
        direct = None if scheme or Path(address).is_absolute() else self._direct(address)
        if direct is not None and direct.exists():
            return direct
        found = self._beside(address)
        if found is not None:
            return found
        if scheme:
            raise ValueError(
                f"expected an address that is staged "
                f"({', '.join(f'{one}://' for one in STORES)}), or one file "
                f"of this name below {self.contents.root}, found {address!r}"
            )
        return Path(address) if Path(address).is_absolute() else inside(self.base, address)

    def _direct(self, address: str) -> Path | None:
        try:
            return inside(self.base, address)
        except ValueError:
            return None

    def _beside(self, address: str) -> Path | None:
        """The one file of the data folder that the longest tail of an address fits."""
        suffix = Path(address.replace("\\", "/")).suffix.lower()
        index = self.contents.pictures if suffix in PICTURE_SUFFIXES else self._annotations
        found = index.find(address, near=self.near)
        return found[0] if len(found) == 1 else None


def _relative(folder: Path, root: Path) -> str:
    name = folder.relative_to(root).as_posix()
    return "" if name == "." else name
