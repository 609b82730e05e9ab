"""Saves checkpoints over and over in a process that is killed with -9 at random moments; reads what is left each time.

    python tests/training/checkpoint_writer.py FOLDER KEEP KILLS

Prints how many kills left nothing that can be read, or something older than what had been reported as saved. Each writer and
each reader is forked from a process that has imported TensorFlow but never run it, so that a kill costs little.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

import numpy as np  # noqa: E402

from algorithm.training import checkpoints  # noqa: E402

SIZE = 200_000


def write(folder: Path, keep: int, first: int) -> None:
    """Saves steps first, first + 1 and so on, each twice with other content, and tells each when it is done."""
    for step in range(first, first + 10_000):
        for again in (0, 1):
            value = np.full(SIZE, 10 * step + again, np.float32)
            checkpoints.save(
                folder, step, {"a": value, "b": value[:7]}, {"value": 10 * step + again}, keep
            )
            (folder / "saved").write_text(str(10 * step + again))


def read(folder: Path, told: int) -> int:
    """0: whole and not older than `told`. 1: nothing can be read. 2: older. 3: parts of two checkpoints."""
    found = checkpoints.load_newest(folder)
    if found is None:
        return 1
    tensors, state = found
    whole = all((value == state["value"]).all() for value in tensors.values())
    return (0 if state["value"] >= told else 2) if whole else 3


def forked(work) -> int:
    child = os.fork()
    if child == 0:
        os._exit(work() or 0)
    return child


def main(folder: Path, keep: int, kills: int) -> int:
    chance, results = random.Random(keep), []
    for _ in range(kills):
        told = int((folder / "saved").read_text() or 0) if (folder / "saved").exists() else 0
        writer = forked(lambda told=told: write(folder, keep, told // 10 + 1))
        while not (folder / "saved").exists() or int((folder / "saved").read_text() or 0) == told:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.06))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        told = int((folder / "saved").read_text() or told)
        results.append(
            os.waitstatus_to_exitcode(
                os.waitpid(forked(lambda told=told: read(folder, told)), 0)[1]
            )
        )
    print(
        f"{kills} kills, {sum(code not in (0, 2) for code in results)} unreadable, {results.count(2)} gone back"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
