"""A process that ends with the one that started it."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
CHILD = (
    "import time\nfrom algorithm.serving.parent_end import end_with_stdin\n"
    "end_with_stdin()\nprint('up', flush=True)\ntime.sleep(60)"
)


def test_a_process_ends_when_its_standard_input_closes():
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout.readline() == "up\n"
        child.stdin.write("what it is told does not end it\n")
        child.stdin.flush()
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(20) == -15
