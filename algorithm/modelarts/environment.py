"""The environment of a job on the platform: a scratch disk, and places named by variables."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from algorithm.errors import ResourceError

PLATFORM_SCRATCH = Path("/cache")
# Where an input or output has the access method "env", the platform gives its place in a variable
# with the very name of the input or output. Jobs of the older kind have the second name.
PLACE_VARIABLES = {
    "data_url": ("data_url", "DLS_DATA_URL"),
    "train_url": ("train_url", "DLS_TRAIN_URL"),
}
_SET_IN_EVERY_JOB = ("MA_JOB_DIR", "DLS_TASK_NUMBER")  # in newer jobs, in older jobs


@dataclass(frozen=True)
class Workspace:
    """The local folders of one job, all under one root.

    Attributes:
        root: The folder that holds them.
    """

    root: Path

    @property
    def inputs(self) -> Path:
        """The folder for copies of remote data."""
        return self.root / "inputs"

    @property
    def outputs(self) -> Path:
        """The folder for what is to be copied to a remote train_url."""
        return self.root / "outputs"

    @property
    def work(self) -> Path:
        """The folder for intermediate files, which may be lost."""
        return self.root / "work"


def places_given(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the places that environment variables name.

    Args:
        environment: os.environ, or another one.

    Returns:
        Flag (data_url, train_url) to (variable, place), for the flags whose variable is set.
    """
    return {
        flag: next((name, environment[name]) for name in names if environment.get(name))
        for flag, names in PLACE_VARIABLES.items()
        if any(environment.get(name) for name in names)
    }


def on_platform(environment: Mapping[str, str]) -> bool:
    """Return whether the environment is that of a job of the platform."""
    return any(environment.get(name) for name in _SET_IN_EVERY_JOB)


def scratch_dir(platform_scratch: Path = PLATFORM_SCRATCH) -> Path:
    """Return the folder for large temporary files: the platform's disk, else the system's."""
    if platform_scratch.is_dir() and os.access(platform_scratch, os.W_OK | os.X_OK):
        return platform_scratch
    return Path(tempfile.gettempdir())


@contextmanager
def open_workspace(parent: Path | None = None) -> Iterator[Workspace]:
    """Make a workspace with its folders, inside this context.

    Args:
        parent: The folder to make it in; scratch_dir() by default.

    Yields:
        The workspace, which is removed at the end.

    Raises:
        ResourceError: The folders cannot be made.
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
