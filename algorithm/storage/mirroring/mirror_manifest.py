"""The list of a mirrored folder's files, as one object that is written last.

So whoever reads it sees a whole set, or the one before.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

from algorithm.errors import StorageError

NAME = "mirror.json"
STAGED = (
    ".mirror"  # new content of files that the manifest in force still names waits in this folder
)
SMALL = 64 << 10
_LOGS = "events.out.tfevents."  # these are only appended to; their readers expect a torn end


@dataclass(frozen=True)
class Item:
    """One file of a manifest.

    Attributes:
        size: Bytes.
        sha256: Its SHA-256 in hex.
        key: The key it lies under.
        content: Its bytes in base64 when it is small, else "".
    """

    size: int
    sha256: str
    key: str
    content: str = ""

    def data(self) -> bytes | None:
        """Return the content that the manifest itself carries, None for a large file."""
        return base64.b64decode(self.content) if self.content or not self.size else None


@dataclass(frozen=True)
class Manifest:
    """The list of a mirrored folder's files.

    Attributes:
        files: The files by name.
        obsolete: Keys that can be removed once this manifest is in force.
        id: The id of this state alone.
    """

    files: dict[str, Item] = field(default_factory=dict)
    obsolete: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def encode(self) -> bytes:
        """Return the manifest as JSON."""
        files = {name: asdict(item) for name, item in sorted(self.files.items())}
        return json.dumps(
            {"id": self.id, "obsolete": self.obsolete, "files": files}, ensure_ascii=False, indent=1
        ).encode()

    @classmethod
    def decode(cls, content: bytes, where: str) -> Manifest:
        """Read a manifest from JSON.

        Args:
            content: The JSON.
            where: Where it was found, for the message.

        Returns:
            The manifest.

        Raises:
            StorageError: It is no manifest.
        """
        try:
            read = json.loads(content)
            return cls(
                {name: Item(**item) for name, item in read["files"].items()},
                tuple(read["obsolete"]),
                read["id"],
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StorageError(
                f"{where}: expected the list of the files of a job, found something else "
                f"({error}); remove it to begin anew, or give another train_url"
            ) from error


@dataclass(frozen=True)
class Seen:
    """What tells that a local file was not touched since.

    Attributes:
        size: Bytes.
        modified_ns: The time of its last change, in nanoseconds.
        inode: Its inode.
    """

    size: int
    modified_ns: int
    inode: int


def is_log(name: str) -> bool:
    """Return whether a file is only appended to, so that an older state of it is no damage."""
    return name.rpartition("/")[2].startswith(_LOGS)


def scan(folder: Path) -> dict[str, Seen]:
    """Return the files of a folder by name.

    Hidden ones are left out: they are being written.

    Args:
        folder: The local folder.

    Returns:
        The files by their path inside the folder.

    Raises:
        FileNotFoundError: A file went meanwhile.
    """
    found = {}
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                path = Path(where) / name
                state = path.stat()
                found[path.relative_to(folder).as_posix()] = Seen(
                    state.st_size, state.st_mtime_ns, state.st_ino
                )
    return found


def item_of(folder: Path, name: str) -> Item:
    """Return a file as the manifest lists it, with its content when it is small.

    Args:
        folder: The local folder.
        name: The file's path inside it.

    Returns:
        The item.
    """
    path = folder / name
    if path.stat().st_size <= SMALL and not is_log(name):
        data = path.read_bytes()
        return Item(
            len(data), hashlib.sha256(data).hexdigest(), name, base64.b64encode(data).decode()
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Item(file.tell(), digest, name)
