"""What checkpoints cost: time of a save against that of a train step, in turns in one process, and
the share of an epoch.

python -m benchmarks.checkpointing [--model_name efficientdet-lite0] [--image_size 320]
[--batch_size 8] [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.models import build_detector
from algorithm.training import checkpoints
from algorithm.training.optimizers import make_optimizer
from algorithm.training.trainer import TrainConfig, Trainer

EPOCH_PICTURES = 1000


def main() -> None:
    """Prints medians, least and greatest, and the share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model_name", default="efficientdet-lite0")
    for name, default in (("image_size", 320), ("batch_size", 8), ("rounds", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    detector = build_detector(arguments.model_name, 20, arguments.image_size)
    trainer = Trainer(
        detector, make_optimizer("adam", 1e-3, 0.9), TrainConfig(moving_average_decay=0.999)
    )
    batch = made_batch(arguments.batch_size, arguments.image_size)
    trainer.train_step(batch)
    with tempfile.TemporaryDirectory() as scratch:
        steps, saves, loads = measure(trainer, batch, Path(scratch), arguments.rounds)
        size = sum(path.stat().st_size for path in Path(scratch).glob("model.ckpt-*")) / 3
    for name, times in (("train step", steps), ("save", saves), ("load", loads)):
        print(
            f"{name}: median {statistics.median(times):.3f} s ({min(times):.3f} to "
            f"{max(times):.3f})"
        )
    epoch = statistics.median(steps) * EPOCH_PICTURES / arguments.batch_size
    share = statistics.median(saves) / (epoch + statistics.median(saves))
    print(
        f"checkpoint: {size / 1e6:.1f} MB; an epoch of {EPOCH_PICTURES} pictures: {epoch:.0f} s, "
        f"share of checkpointing {share:.2%}; one save costs "
        f"{statistics.median(saves) / statistics.median(steps):.2f} steps"
    )


def measure(
    trainer: Trainer, batch: dict[str, tf.Tensor], folder: Path, rounds: int
) -> tuple[list[float], ...]:
    """Seconds of train steps, of saves as a job makes them (the newest 3 kept), and of loads,
    in turns.
    """
    steps, saves, loads = [], [], []
    for _ in range(rounds):
        steps.append(seconds(lambda: float(trainer.train_step(batch)["loss"])))
        saves.append(
            seconds(lambda: checkpoints.save(folder, trainer.step, trainer.tensors(), {}, keep=3))
        )
        loads.append(seconds(lambda: checkpoints.load_newest(folder)))
    return steps, saves, loads


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one call."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def made_batch(batch_size: int, image_size: int) -> dict[str, tf.Tensor]:
    """A batch as data.feeding.pipeline.train_batches gives it, of noise with 8 boxes a picture."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 0.6 * image_size, (batch_size, 8, 2))
    images = rng.integers(0, 256, (batch_size, image_size, image_size, 3), dtype=np.uint8)
    return {
        "images": tf.constant(images),
        "extent": tf.fill((batch_size, 2), image_size),
        "boxes": tf.constant(
            np.concatenate([corners, corners + 0.3 * image_size], axis=-1), tf.float32
        ),
        "labels": tf.zeros((batch_size, 8), tf.int32),
    }


if __name__ == "__main__":
    main()
