"""What the platform gives a job: a scratch disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from algorithm.errors import ResourceError

PLATFORM_SCRATCH = Path("/cache")


@dataclass(frozen=True)
class Workspace:
    """The local folders of one job, all under one root.

    inputs: copies of remote data. outputs: what is to be copied to a remote train_url. work: anything that may be lost.
    """

    root: Path

    @property
    def inputs(self) -> Path:
        """Folder for copies of remote data."""
        return self.root / "inputs"

    @property
    def outputs(self) -> Path:
        """Folder for what is to be copied to a remote train_url."""
        return self.root / "outputs"

    @property
    def work(self) -> Path:
        """Folder for intermediate files."""
        return self.root / "work"


def scratch_dir(platform_scratch: Path = PLATFORM_SCRATCH) -> Path:
    """Return the folder for large temporary files: the platform's disk where there is one, else the system's."""
    if platform_scratch.is_dir() and os.access(platform_scratch, os.W_OK | os.X_OK):
        return platform_scratch
    return Path(tempfile.gettempdir())


@contextmanager
def open_workspace(parent: Path | None = None) -> Iterator[Workspace]:
    """Give a new Workspace under parent (default: scratch_dir()) with its folders made; remove it at the end.

    Raises ResourceError when the folders cannot be made.
    """
    parent = scratch_dir() if parent is None else parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        workspace = Workspace(Path(tempfile.mkdtemp(prefix="efficientdet-", dir=parent)))
        for folder in (workspace.inputs, workspace.outputs, workspace.work):
            folder.mkdir()
    except OSError as error:
        raise ResourceError(
            f"expected a writable folder for temporary files, found {error.strerror} at {parent}. "
            "Free some space there, or set TMPDIR to another folder."
        ) from error
    try:
        yield workspace
    finally:
        shutil.rmtree(workspace.root, ignore_errors=True)
