"""kill -9 of a process that copies checkpoints to a store, at many random moments: no reader ever sees half of a set."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from algorithm.storage.mirroring.mirror import Mirror
from algorithm.storage.mirroring.restoring import restore
from tests.lifetime import bound
from tests.storage import kill_worker

HERE = Path(__file__).resolve()
KILLS = int(os.environ.get("COPY_KILLS", "15"))  # on each server


def kill_copies(bucket: str, tmp_path: Path) -> None:
    """Case 31. Every other time the next process is on another machine: all it has is what is in the store."""
    chance, url, steps = random.Random(31), f"{bucket}/out", []
    worker = tmp_path / "worker"
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[2])}
    for kill in range(KILLS):
        (worker / "outputs").mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(
            bound(sys.executable, HERE.with_name("kill_worker.py"), worker / "outputs", url),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            first = process.stdout.readline()
            assert first.startswith("going on at"), process.stderr.read()
            time.sleep(chance.uniform(0, 2))
            process.kill()
        reader = Mirror(tmp_path / "reader", url, tmp_path / "reader.json")
        reader.folder.mkdir(exist_ok=True)
        assert restore(reader) == ()
        if (reader.folder / "checkpoint").is_file():
            step = int((reader.folder / "checkpoint").read_text())
            assert sorted(path.name for path in reader.folder.iterdir())[0] == "checkpoint"
            assert (reader.folder / f"model.ckpt-{step}.data").read_bytes() == kill_worker.content(
                step
            )
            assert (reader.folder / "saved_model.pb").read_bytes() == kill_worker.content(step)[
                : kill_worker.SMALLER
            ]
            steps.append(step)
        shutil.rmtree(reader.folder)
        (tmp_path / "reader.json").unlink(missing_ok=True)
        if kill % 2:
            shutil.rmtree(worker)
    assert steps == sorted(steps)
    assert steps[-1] > KILLS // 5
