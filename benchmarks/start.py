"""What a command costs from its first line to its last, as multiples of `import tensorflow`.

    python -m benchmarks.start --model_dir OUT/model --pictures FOLDER [--turns 2] [--imports]

FOLDER gets the rendered pictures that are looked at, where it does not have them yet: those of the
model that `demo` trains.
Each command runs as a process of its own, in turns with `import tensorflow` alone, so that a busy
machine slows both; the median of each is printed. Processor seconds are those of the process and of
its children. With --imports a last run under `-X importtime` says how much of it are imports. What
the pictures themselves take is the difference of two runs with unlike counts; the rest is start.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

# Rendered pictures of the two datasets. A fifth of the first are for evaluation: 40.
FEW, MANY = 200, 500
IMPORT = re.compile(r"^import time:\s+(\d+) \|", re.MULTILINE)
UNIT = "import tensorflow"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Cost:
    """What one run of a command took, in seconds."""

    processor: float
    wall: float


def commands(model_dir: str, folder: Path) -> dict[str, list[str]]:
    """Return the words after `python -m algorithm` of each command; {new} is a new folder."""
    few, many = (folder / str(count) for count in (FEW, MANY))
    for data in (few, many):
        if not data.is_dir():
            run(
                ["-m", "algorithm", "data", "sample", f"--count={data.name}", "--size=208"]
                + [f"--output={data}"]
            )
    model, data, new = f"--model_dir={model_dir}", f"--data_url={few}", "--output={new}"
    picture = sorted(few.rglob("*.jpg"))[0]
    return {
        "predict 1": ["predict", model, f"--images={picture}", new],
        "serve": ["serve", model, "--port=0", "--lame_duck=0"],
        "assess 40": ["assess", model, data, new],
        "evaluate 40": ["evaluate", model, data],
        "evaluate 500": ["evaluate", model, f"--data_url={many}", "--split=all"],
        "export frozen": ["export", model, "--format=frozen", new],
    }


def run(words: list[str], options: tuple[str, ...] = ()) -> tuple[Cost, str]:
    """Run a command of Python to its end, `serve` until it is healthy.

    Returns:
        Its cost and what it wrote to standard error.

    Raises:
        RuntimeError: It failed.
    """
    with tempfile.TemporaryDirectory() as new, tempfile.TemporaryFile("w+") as said:
        whole = [word.replace("{new}", f"{new}/out") for word in words]
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *options, *whole], stdout=subprocess.PIPE, stderr=said, text=True
        )
        wall = None
        if "serve" in words:
            _wait_until_healthy(process)
            wall = time.perf_counter() - begun
            process.terminate()
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = wall or time.perf_counter() - begun
        said.seek(0)
        text = said.read()
        if process.returncode:
            raise RuntimeError(f"{' '.join(whole)}: exit code {process.returncode}\n{text[-2000:]}")
        return Cost(usage.ru_utime + usage.ru_stime, wall), text


def _wait_until_healthy(process: subprocess.Popen[str]) -> None:
    """Wait for the line with the address, which is printed when the model is warm."""
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    if not found:
        raise RuntimeError(f"serve: expected its address, found {line!r}")
    with _OPENER.open(f"{found.group()}health", timeout=10) as reply:
        if reply.status != 200:
            raise RuntimeError(f"serve: expected 200 of /health, found {reply.status}")


def main() -> None:
    """Print a line for each command, then JSON with all runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--pictures", required=True, type=Path, help="folder for them")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--imports", action="store_true", help="measure the imports of each too")
    arguments = parser.parse_args()
    rows = commands(arguments.model_dir, arguments.pictures)
    costs: dict[str, list[Cost]] = {name: [] for name in (UNIT, *rows)}
    for _ in range(arguments.turns):
        costs[UNIT].append(run(["-c", UNIT])[0])
        for name, words in rows.items():
            costs[name].append(run(["-m", "algorithm", *words])[0])
    unit = statistics.median(each.processor for each in costs[UNIT])
    for name, found in costs.items():
        processor = statistics.median(each.processor for each in found)
        wall = statistics.median(each.wall for each in found)
        print(f"{name}: {processor:.2f} s of processor, {wall:.2f} s, {processor / unit:.2f} units")
    for name, words in rows.items() if arguments.imports else ():
        _, said = run(["-m", "algorithm", *words], ("-X", "importtime"))
        imports = sum(map(int, IMPORT.findall(said))) / 1e6
        print(f"{name}: imports {imports:.2f} s of the clock", flush=True)
    print(json.dumps({name: [vars(each) for each in found] for name, found in costs.items()}))


if __name__ == "__main__":
    main()
