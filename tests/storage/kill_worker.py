"""A process that writes checkpoints and copies them to a store until it is killed: python kill_worker.py FOLDER URL."""

import hashlib
import sys
from pathlib import Path

from algorithm.storage.atomic_files import write_bytes
from algorithm.storage.mirroring.lease import Lease
from algorithm.storage.mirroring.mirror import Mirror
from algorithm.storage.mirroring.restoring import restore

SIZE = 9 << 20  # two parts
SMALLER = 200_000


def content(step: int) -> bytes:
    return (hashlib.sha256(f"data {step}".encode()).digest() * (SIZE // 32 + 1))[:SIZE]


def main(folder: Path, url: str) -> None:
    Lease(url).take()
    mirror = Mirror(folder, url, folder.parent / "state.json")
    restore(mirror)
    mirror.clear_leftovers()
    newest = folder / "checkpoint"
    step = int(newest.read_text()) if newest.is_file() else 0
    if step and (folder / f"model.ckpt-{step}.data").read_bytes() != content(step):
        sys.exit(f"torn: {step}")
    print("going on at", step, flush=True)
    while True:
        step += 1
        write_bytes(folder / f"model.ckpt-{step}.data", content(step))
        write_bytes(folder / "saved_model.pb", content(step)[:SMALLER])  # changes in place
        write_bytes(newest, str(step).encode())
        (folder / f"model.ckpt-{step - 1}.data").unlink(missing_ok=True)
        mirror.round()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
