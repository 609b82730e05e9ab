"""The settings of a local platform, and the folders in its root."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
OWNER = "LOCAL_PLATFORM_ID"  # in the environment of every process: the job or service it is for
FINAL = ("Completed", "Failed", "Terminated", "Abnormal")


@dataclass(frozen=True)
class Settings:
    """The settings of a local platform.

    Attributes:
        root: The folder for everything that it keeps.
        slots: Jobs that run at a time.
        upload_seconds: Seconds between two copies of a running job's outputs.
        stop_seconds: Seconds that a job has between SIGTERM and SIGKILL.
        predownload: Whether an output's folder begins with what lies in its place already.
    """

    root: str
    slots: int = 1
    upload_seconds: float = 30.0
    stop_seconds: float = 120.0
    predownload: bool = False

    @property
    def ledger(self) -> Path:
        """The file that says what was submitted."""
        return Path(self.root) / "ledger.sqlite"

    def folder(self, kind: str, identifier: str) -> Path:
        """Return the folder of a job or service."""
        return Path(self.root) / f"{kind}s" / identifier

    def as_text(self) -> str:
        """Return the settings as an argument for another process."""
        return json.dumps(asdict(self))


def lock(path: Path) -> IO[str] | None:
    """Return the file, locked for this process until it ends, or None where another has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def kill_leftovers(identifier: str) -> int:
    """Kill every process that was started for a job or service, and return how many there were.

    They are found by their environment; where there is no /proc, none is.
    """
    mark, found = f"{OWNER}={identifier}\0".encode(), 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes() and int(folder.name) != os.getpid():
                os.kill(int(folder.name), signal.SIGKILL)
                found += 1
    return found


def environment_for(identifier: str) -> dict[str, str]:
    """Return the environment of a process of this package that works for a job or service."""
    code = (str(PACKAGE_PARENT), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, OWNER: identifier, "PYTHONPATH": os.pathsep.join(filter(None, code))}
