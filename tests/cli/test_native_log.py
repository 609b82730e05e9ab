"""TensorFlow's own lines: what says nothing is dropped, a crash's last words are not."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
NOISE = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1796017361.172652    6358 port.cc:153] oneDNN custom operations are on. You may see
I0000 00:00:1796017361.172944    6358 cudart_stub.cc:31] Could not find cuda drivers
E0000 00:00:1796017377.912746    6358 util.cc:131] oneDNN supports DT_INT32 only on platforms with AVX-512. Falling
"""
CU_INIT = (
    "E0000 00:00:1796017363.307492    6358 cuda_platform.cc:52] failed call to cuInit: UNKNOWN\n"
)
REAL = """\
E0000 00:00:1796017363.307492    6358 allocator.cc:52] out of memory
F0000 00:00:1796017363.307492    6358 tensor.cc:33] Check failed: 1 == 2
"""
STAND_IN = """
import os, sys
os.write(2, open(os.environ["LINES"], "rb").read())
print("python", sys.stderr.isatty(), file=sys.stderr)
if "ABORT" in os.environ:
    os.abort()
"""
PROGRAM = """
from algorithm.cli.native_log import quiet_native_log
quiet_native_log()
import tensorflow
"""


@pytest.fixture
def start(tmp_path):
    """Runs a program that imports a stand-in of TensorFlow, which writes lines past Python."""
    (tmp_path / "tensorflow.py").write_text(STAND_IN)

    def started(lines, program=PROGRAM, stderr=subprocess.PIPE, **more):
        (tmp_path / "lines").write_text(lines)
        environment = {name: text for name, text in os.environ.items() if name[:3] != "TF_"}
        paths = {"PYTHONPATH": f"{tmp_path}:{PROJECT}", "LINES": str(tmp_path / "lines")}
        return subprocess.run(
            [sys.executable, "-c", program],
            env={**environment, **paths, **more},
            stderr=stderr,
            text=True,
            check=False,
            timeout=60,
        )

    return started


def test_what_says_nothing_is_dropped_and_errors_are_not(start):
    assert sorted(start(NOISE + REAL).stderr.splitlines()) == [*REAL.splitlines(), "python False"]


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a GPU here")
def test_a_machine_without_a_gpu_is_not_told_so(start):
    assert start(CU_INIT).stderr == "python False\n"


def test_where_there_is_a_gpu_its_failure_is_told(start):
    gpu = "import algorithm.cli.native_log as log; log._GPUS = ('/dev/null',)\n"
    assert CU_INIT in start(CU_INIT, gpu + PROGRAM).stderr


def test_the_last_words_of_a_crash_are_not_lost(start):
    done = start(NOISE + REAL, ABORT="1")
    assert done.returncode == -6
    assert "Check failed: 1 == 2" in done.stderr


def test_who_sets_a_level_gets_what_they_asked_for(start):
    assert NOISE in start(NOISE, TF_CPP_MIN_LOG_LEVEL="0").stderr


def test_a_program_that_it_starts_is_quiet_too(start):
    again = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {PROGRAM!r}])"
    assert start(NOISE, PROGRAM + again).stderr == "python False\n" * 2


def test_a_progress_bar_still_sees_its_terminal(start):
    ours, theirs = pty.openpty()
    try:
        assert start(NOISE, stderr=theirs).returncode == 0
        assert os.read(ours, 1000).decode().split() == ["python", "True"]
    finally:
        os.close(ours)
        os.close(theirs)
