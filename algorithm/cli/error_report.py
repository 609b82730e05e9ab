"""How a command ends: words for a person, a line and a file for the platform, an exit code."""

from __future__ import annotations

import errno
import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from algorithm import storage
from algorithm.errors import JobError, ResourceError
from algorithm.storage.atomic_files import FULL, failing_disk

FILE_NAME = "failure.json"
INTERRUPTED = 130  # 128 + SIGINT


def exit_code_of(command: Callable[[], int | None], train_url: str = "") -> int:
    """Run a command and report on stderr what it raises.

    The last line on stderr is "ERROR KIND: first line of the message". A JobError shows no
    traceback, any other exception does.

    Args:
        command: what to run; it returns an exit code, None for 0.
        train_url: where failure.json says the same; a success removes that of an earlier try.
            "" for nowhere.

    Returns:
        The exit code.
    """
    try:
        code = command() or 0
    except KeyboardInterrupt:
        again = "; run the same command again to go on" if train_url else ""
        print(f"ERROR STOPPED: interrupted from the keyboard{again}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return _report(error, train_url)
    if code == 0 and train_url:
        _attempt(lambda: storage.remove(f"{train_url.rstrip('/')}/{FILE_NAME}"))
    return code


def option_value(argv: Sequence[str], name: str) -> str:
    """Return the last value that argv gives to --name, "" for none.

    It reads an argv that cannot be understood as a whole, too.
    """
    values = [word.partition("=")[2] for word in argv if word.startswith(f"--{name}=")]
    pairs = [value for flag, value in zip(argv, argv[1:], strict=False) if flag == f"--{name}"]
    return (values or pairs or [""])[-1]


def _report(error: Exception, train_url: str) -> int:
    known = _understood(error)
    if known is None:
        traceback.print_exception(error)
        known = JobError(f"{type(error).__name__}: {error}")
    message = str(known).strip() or type(known).__name__
    if train_url:
        _attempt(lambda: _write_file(known, message, train_url))
    first_line, _, details = message.partition("\n")
    if details:
        print(message, file=sys.stderr)
    print(f"ERROR {known.kind}: {first_line}", file=sys.stderr, flush=True)
    return known.exit_code


def _understood(error: Exception) -> JobError | None:
    if isinstance(error, JobError):
        return error
    if isinstance(error, OSError) and error.errno in FULL:
        return ResourceError(
            f"expected free disk space, found none at {error.filename}. Free some and run it again."
        )
    if isinstance(error, OSError) and error.errno == errno.EIO:
        return ResourceError(failing_disk(error.filename or "a file", error))
    if isinstance(error, MemoryError):
        return ResourceError(
            "expected free memory, found none. Use a smaller batch, image_size or model."
        )
    return None


def _write_file(error: JobError, message: str, train_url: str) -> None:
    record = {"kind": error.kind, "exit_code": error.exit_code, "message": message}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE_NAME).write_text(
            json.dumps(record, ensure_ascii=False, indent=2) + "\n", "utf-8"
        )
        storage.stage_out(Path(folder), train_url)


def _attempt(action: Callable[[], None]) -> None:
    """Do what must not hide the real outcome when it fails."""
    try:
        action()
    except (JobError, OSError) as error:
        print(f"WARNING {FILE_NAME}: {error}", file=sys.stderr)
