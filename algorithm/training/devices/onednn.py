"""oneDNN, TensorFlow's library of kernels for processors, in jobs that train.

TensorFlow takes it by itself only on newer processors; training is faster with it on others, too
(docs/research/2026-11-30-onednn.md).
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_log = logging.getLogger("algorithm")
VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
# Where a processor has one of these, TensorFlow 2.21 takes oneDNN by itself.
_TAKEN_FOR = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}
_CPUINFO = Path("/proc/cpuinfo")


@contextmanager
def onednn_for_training() -> Iterator[None]:
    """Let TensorFlow, imported inside this context, take oneDNN on processors where it would not.

    Nothing changes where TensorFlow was imported before, nor where TF_ENABLE_ONEDNN_OPTS is set:
    whoever set it gets what they asked for. Afterwards the variable is gone again, so that programs
    started from here do not inherit it.

    For these processors oneDNN has no fast kernel for a convolution with its batch norm. So
    TensorFlow does not join the two in this process.
    """
    if VARIABLE in os.environ or "tensorflow" in sys.modules or not _left_out():
        yield
        return
    os.environ[VARIABLE] = "1"
    try:
        yield
    finally:
        del os.environ[VARIABLE]
    if tensorflow := sys.modules.get("tensorflow"):
        tensorflow.config.optimizer.set_experimental_options({"remapping": False})
        _log.info(
            "oneDNN is switched on, which makes training faster on this processor; "
            "%s=0 in the environment switches it off",
            VARIABLE,
        )


def _left_out() -> bool:
    """Whether this is a processor with AVX2 on which TensorFlow leaves oneDNN off."""
    try:
        found = re.search(r"^flags\s*:(.*)$", _CPUINFO.read_text(), re.MULTILINE)
    except OSError:  # not Linux
        return False
    flags = set(found[1].split()) if found else set()
    return "avx2" in flags and not flags & _TAKEN_FOR
