"""What TensorFlow's C++ parts write past Python: lines that say nothing are dropped.

TF_CPP_MIN_LOG_LEVEL alone does not silence what is written before TensorFlow has read it, and a
level that drops the errors that every machine without a GPU has would drop real ones too. So the
lines go through grep, by what they say. It is a process of its own: a crash cannot take the last
words along.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TextIO

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# 2, errors only. The 0 tells a program that this one starts that no person asked for it.
_OURS = "02"
_PLACE = r"[0-9]{4} [0-9:.]+ +[0-9]+ [a-z0-9_./]+:[0-9]+\] "
# Extended regular expressions of whole lines that need no reader.
_NOISE = (
    r"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR",
    rf"I{_PLACE}",
    "To enable the following instructions: ",  # the second line of one
    rf"E{_PLACE}oneDNN supports DT_INT32 only on platforms with AVX-512",
    rf"E{_PLACE}Unable to register cu[A-Za-z]+ factory",
)
# Said on every machine without a GPU. Where there is one, they are news.
_NOISE_WITHOUT_GPU = (rf"W{_PLACE}", rf"E{_PLACE}failed call to cuInit")
_GPUS = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def quiet_native_log() -> None:
    """Drop TensorFlow's lines that need no reader, from its import on, in this process.

    Where TF_CPP_MIN_LOG_LEVEL is set, nothing changes: whoever set it gets what they asked for.
    Call it before logging starts. Python's own stderr is left alone, progress bars included.
    """
    if os.environ.get(LEVEL, _OURS) != _OURS or not shutil.which("grep"):
        return
    try:
        sys.stderr.fileno()
    except (OSError, AttributeError):  # a notebook's or another program's, nothing to filter
        return
    sys.stderr = _own_stream(sys.stderr)
    sys.meta_path.insert(0, _BeforeTensorFlow())


class _BeforeTensorFlow(MetaPathFinder):
    """Starts the filter when TensorFlow is imported. It finds no module."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Start the filter, the first time that TensorFlow is looked for."""
        if name == "tensorflow" and self in sys.meta_path:
            sys.meta_path.remove(self)
            _start_filter()
        return None


def _own_stream(stream: TextIO) -> TextIO:
    """Return a stream to the same place, which the filter does not touch."""
    return os.fdopen(
        os.dup(stream.fileno()), "w", encoding=stream.encoding, errors=stream.errors, buffering=1
    )


def _start_filter() -> None:
    os.environ[LEVEL] = _OURS
    gpu = any(Path(device).exists() for device in _GPUS)
    patterns = _NOISE if gpu else (*_NOISE, *_NOISE_WITHOUT_GPU)
    # A session of its own: Ctrl-C is not meant for it, and it ends when nobody can write any more.
    process = subprocess.Popen(
        ["grep", "--line-buffered", "-aEv", f"^({'|'.join(patterns)})"],
        stdin=subprocess.PIPE,
        stdout=sys.stderr,
        env={**os.environ, "LC_ALL": "C"},
        start_new_session=True,
    )
    assert process.stdin is not None
    os.dup2(process.stdin.fileno(), 2)
    process.stdin.close()
    process.returncode = 0  # nobody waits for it
