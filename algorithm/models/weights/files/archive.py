"""The unpacking of the archives that checkpoints are published in."""

from __future__ import annotations

import tarfile
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path

from algorithm.errors import DataError

# The largest published checkpoint unpacks to about 1.3 GB with its averages and slots.
_MOST_BYTES = 8 * 1024**3
_MOST_MEMBERS = 1000


def is_tar(path: Path) -> bool:
    """Return whether a file is a tar archive, compressed or not."""
    try:
        return tarfile.is_tarfile(path)
    except (EOFError, zlib.error):  # a gzip file was cut short in its header
        return False


def extract(path: Path, resources: ExitStack) -> Path:
    """Unpack an archive into a temporary folder.

    Args:
        path: The archive.
        resources: Removes the folder when it closes.

    Returns:
        The folder.

    Raises:
        DataError: The archive is cut short, unreasonably large, or has members that point outside.
    """
    folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="weights-")))
    try:
        with tarfile.open(path) as archive:
            members = _bounded(archive, path)
            archive.extractall(folder, members, filter="data")
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(
            f"weights {path}: expected a whole and safe tar archive, found otherwise: {error}; "
            "fetch it again"
        ) from error
    return folder


def _bounded(archive: tarfile.TarFile, path: Path) -> list[tarfile.TarInfo]:
    """Return all members.

    Their number and declared size are checked while the headers are read.
    """
    members: list[tarfile.TarInfo] = []
    for member in archive:
        members.append(member)
        if len(members) > _MOST_MEMBERS or sum(each.size for each in members) > _MOST_BYTES:
            raise DataError(
                f"weights {path}: expected at most {_MOST_MEMBERS} files and "
                f"{_MOST_BYTES // 1024**3} GiB in the archive, found more; unpack it yourself and "
                "give the folder"
            )
    return members
