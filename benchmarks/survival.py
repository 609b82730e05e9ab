"""A soak: one training job killed with -9 at many random moments, against one that was left alone.

    python -m benchmarks.survival [--kills 30] [--seed 0] [--output DIR]

Each process is the small job of tests/small_job.py; it is killed after a random time, sometimes at
a named place, and the same command is run again. After each job the SHA-256 of its checkpoint,
archive, exported weights and metrics must equal those of the uninterrupted job.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from algorithm.data.synthetic.scenes import write_sample_dataset

PROJECT = Path(__file__).resolve().parent.parent
PLACES = (
    "rename:1",
    "rename:4",
    "fsync:3",
    "bundle:1",
    "list:1",
    "evaluate:1",
    "archive:1",
    "export:1",
    "copy:1",
    "copy:3",
    "package:1",
    "finish:1",
    "step:1",
    "step:3",
)
PHASES = {
    "ERROR": "other",
    "data:": "load",
    "train epoch": "train",
    "eval epoch": "evaluate",
    "KILL at": "at a place",
}


def main() -> int:
    """Prints each kill and the verdict; 1 when any job ended otherwise than the one left alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("kills", 30), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument(
        "--output", default="", help="folder for the jobs (default: one that is removed)"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        return soak(
            Path(arguments.output or scratch), arguments.kills, random.Random(arguments.seed)
        )


def soak(folder: Path, kills: int, chance: random.Random) -> int:
    """Kills until there were `kills` of them; each job is killed up to 8 times before it may
    end.
    """
    data = write_sample_dataset(folder / "data", count=15, seed=1, size=96)
    begun = time.monotonic()
    code, _ = run(data, folder / "alone", "", None)
    alone, whole = fingerprints(folder / "alone"), time.monotonic() - begun
    print(f"left alone: {whole:.0f} s, exit {code}, {len(alone)} files", flush=True)
    struck, different, jobs, phases = 0, 0, 0, Counter()
    while struck < kills:
        jobs, output, ended = jobs + 1, folder / f"job-{jobs}", False
        for attempt in range(9):
            strike = f"KILL@{chance.choice(PLACES)}" if chance.random() < 0.5 else ""
            limit = None if strike else chance.uniform(0.3, 1.0) * whole
            last = attempt == 8 or struck >= kills
            code, log = run(data, output, "" if last else strike, None if last else limit)
            if code == 0:
                ended = True
                break
            if code != -9:
                print(log[-2000:])
                return 1
            struck += 1
            phases[phase(log)] += 1
            print(
                f"job {jobs}: kill {struck}, {strike or f'after {limit:.1f} s'}, in {phase(log)}",
                flush=True,
            )
        different += not ended or fingerprints(output) != alone
    print(
        f"{struck} kills over {jobs} jobs ({dict(phases)}); jobs that ended otherwise than the "
        f"one left alone: {different}"
    )
    return 1 if different else 0


def run(data: Path, output: Path, strikes: str, limit: float | None) -> tuple[int, str]:
    """Exit code (-9: killed) and log of the small job, killed after `limit` seconds."""
    command = [
        sys.executable,
        str(PROJECT / "tests/small_job.py"),
        strikes,
        f"--data_url={data}",
        f"--train_url={output}",
        "--mode=train_and_eval",
        "--model_name=efficientdet-lite0",
        "--train_batch_size=4",
        "--eval_batch_size=2",
        "--num_epochs=3",
        "--pretrained=none",
        "--do_data_cleaning=False",
        "--hparams=moving_average_decay=0.9,image_size=64,learning_rate=0.32,log_every_steps=1,keep_checkpoint_max=2",
    ]
    log = output.with_suffix(".log")
    with (
        log.open("w") as sink,
        subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT) as process,
    ):
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    return code, log.read_text(errors="replace")


def phase(log: str) -> str:
    """Where the job was, by the last line of its log that tells."""
    lines = [
        name
        for line in log.splitlines()
        for start, name in PHASES.items()
        if line.startswith(start)
    ]
    last = lines[-1] if lines else "start"
    ended = re.findall(r"eval epoch=3/3", log)
    return "publish" if ended and last == "evaluate" else last


def fingerprints(output: Path) -> dict[str, str]:
    """SHA-256 of what was learned and measured, by file."""
    files = [
        *output.glob("model.ckpt-*.data*"),
        *output.glob("archive/model.ckpt-*.data*"),
        output / "model/variables/variables.data-00000-of-00001",
        output / "metrics.json",
    ]
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


if __name__ == "__main__":
    sys.exit(main())
