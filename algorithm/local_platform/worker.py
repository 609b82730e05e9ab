"""One process of a job: the container's command, run directly on this machine."""

from __future__ import annotations

import os
import re
import signal
import string
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from algorithm.local_platform.job_plan import HOME

NOTE = "[local platform]"


class Worker:
    """A worker: its commands run one after another, its output goes to its log.

    Args:
        commands: The commands, in the container's paths.
        environment: What the platform sets, in the container's paths.
        home: The folder that stands for the container's home.
        log: The file for what it prints.
    """

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        environment: Mapping[str, str],
        home: Path,
        log: Path,
    ) -> None:
        self._waiting, self._home, self._log = list(commands), home, log
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        base = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
        self._environment = base | {name: self._here(each) for name, each in environment.items()}
        self.process: subprocess.Popen[bytes] | None = None
        self.exit_code: int | None = None
        self._fault = ""

    def start(self) -> None:
        """Start the next command. A program that cannot be started ends the worker, as 127."""
        words = [self._here(self._filled(word)) for word in self._waiting.pop(0)]
        program = _python_here(words[0])
        self.note(f"runs {program} {' '.join(words[1:])}")
        if program != words[0]:
            self.note(f"{words[0]} of the image is not on this machine; {program} stands for it")
        try:
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(
                    [program, *words[1:]],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    cwd=self._home,
                    start_new_session=True,
                )
        except OSError as error:
            self._fault = f"cannot start {program}: {error.strerror}"
            self.note(self._fault)
            self.process, self.exit_code = None, 127

    def running(self) -> bool:
        """Return whether it runs; a command that ended well is followed by the next."""
        if self.process is not None and (code := self.process.poll()) is not None:
            self.process = None
            if code == 0 and self._waiting:
                self.start()
            else:
                self.exit_code = 128 - code if code < 0 else code
        return self.process is not None

    def stop(self, number: signal.Signals) -> None:
        """Send a signal: SIGTERM to the command, SIGKILL to all that it started."""
        self._waiting.clear()
        if self.process is not None:
            with suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(self.process.pid, number)
                else:
                    self.process.send_signal(number)

    def note(self, text: str) -> None:
        """Write a line of the platform into the log."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{NOTE} {text}\n")

    def message(self) -> str:
        """Return why it ended: the last line with ERROR in its log, or what its exit code says."""
        if not self.exit_code:
            return ""
        lines = tail(self._log, 1 << 16).splitlines()
        said = self._fault or next((row for row in reversed(lines) if row.startswith("ERROR ")), "")
        killed = "killed with SIGKILL, often for want of memory" if self.exit_code == 137 else ""
        return f"exit code {self.exit_code}: {said or killed or 'see the log'}"

    def _here(self, text: str) -> str:
        return text.replace(HOME, str(self._home))

    def _filled(self, word: str) -> str:
        return string.Template(word).safe_substitute(self._environment)


def tail(path: Path, most: int) -> str:
    """Return the last bytes of a text file, "" where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _python_here(program: str) -> str:
    """Return the program, or this Python where it is the image's Python."""
    is_python = re.fullmatch(r"python[\d.]*", Path(program).name)
    here = "/" in program and Path(program).exists()
    return sys.executable if is_python and not here else program
