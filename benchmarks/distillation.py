"""Time of a train step with distillation over the time without, in turns in one process; peak
memory.

python -m benchmarks.distillation [--student efficientdet-t2] [--teacher efficientdet-lite0]
[--batch_size 8] [--rounds 7]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
from pathlib import Path

import tensorflow as tf

from algorithm.distillation.distiller import Distiller
from algorithm.distillation.job_distillation import build_peer
from algorithm.distillation.offline_teacher import OfflineTeacher
from algorithm.distillation.online_peer import OnlinePeer
from algorithm.distillation.soft_losses import SoftLossConfig
from algorithm.distillation.teacher_file import FOLDER, FrozenTeacher, freeze_graph
from algorithm.models import build_detector
from algorithm.models.zoo import PRESETS
from algorithm.ops.losses import LossConfig
from algorithm.training.optimizers import make_optimizer
from algorithm.training.trainer import TrainConfig, Trainer
from benchmarks.train_step import made_batch, seconds

_LABELS = ("object",)


def main() -> None:
    """Prints a line for each way to train: seconds, and the ratio to the student alone of the
    same round.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--student", default="efficientdet-t2", choices=sorted(PRESETS))
    parser.add_argument("--teacher", default="efficientdet-lite0")
    for name, default in (("batch_size", 8), ("rounds", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    trainers = {
        kind: _trainer(kind, arguments)
        for kind in ("alone", "offline", "offline, remembered", "online")
    }
    batch = made_batch(arguments.batch_size, trainers["alone"].detector.image_size[0])
    times: dict[str, list[float]] = {kind: [] for kind in trainers}
    answers = _answers(trainers["offline, remembered"], batch)
    for _ in range(arguments.rounds + 1):
        for kind, trainer in trainers.items():
            given = {**batch, **answers} if kind == "offline, remembered" else batch
            times[kind].append(
                seconds(lambda trainer=trainer, given=given: trainer.train_step(given))
            )
    for kind, values in times.items():
        ratios = [
            value / alone for value, alone in zip(values[1:], times["alone"][1:], strict=True)
        ]
        print(
            f"{kind}: median {statistics.median(values[1:]):.3f} s a step, "
            f"{statistics.median(ratios):.2f} times the student alone ({min(ratios):.2f} to "
            f"{max(ratios):.2f}); first step {values[0]:.0f} s"
        )
    print(
        f"peak memory of all: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"
    )


def _trainer(kind: str, arguments: argparse.Namespace) -> Trainer:
    student = build_detector(arguments.student, len(_LABELS))
    distiller: Distiller | None = None
    if kind.startswith("offline"):
        with tempfile.TemporaryDirectory() as folder:
            freeze_graph(
                build_detector(arguments.teacher, len(_LABELS)), Path(folder) / FOLDER, _LABELS
            )
            distiller = OfflineTeacher(
                FrozenTeacher.open(folder, Path(folder)), student, SoftLossConfig()
            )
    if kind == "online":
        distiller = OnlinePeer(build_peer(student), student, SoftLossConfig(), LossConfig())
    return Trainer(student, make_optimizer("adam", 1e-4, 0.9), TrainConfig(), distiller)


def _answers(trainer: Trainer, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What the pipeline adds to a batch whose answers are remembered."""
    images = tf.data.Dataset.from_tensors({**batch, "sample_index": tf.range(len(batch["images"]))})
    remembered = trainer._gradients._distiller.remembered(images, 1)
    both = next(iter(remembered.beside(images)))
    return {name: value for name, value in both.items() if name.startswith("teacher_")}


if __name__ == "__main__":
    main()
