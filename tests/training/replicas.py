"""Two replicas against one, in a process of its own, because TensorFlow's devices are chosen before anything else.

    python tests/training/replicas.py FILE

Writes what was found as JSON: `losses` and `weights`, the largest differences after 20 steps between two replicas of 4
pictures and one of 8, in parts of a value; `noise`: the same between one device and itself with the pictures of each batch in
another order; `traces`: how often the steps of two replicas were traced; `peer`: the largest difference of a figure, in parts of
it, after one step of an online distillation; `own_peer`: the same where the peer has weights of its own and its heads take the
student's features, too; `masks`: the same after one step of a detector with masks.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path[:1] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

import small_job  # noqa: E402

small_job.shrink()

from algorithm.distillation.distiller import PEER  # noqa: E402
from algorithm.distillation.job_distillation import build_peer  # noqa: E402
from algorithm.distillation.online_peer import OnlinePeer  # noqa: E402
from algorithm.distillation.soft_losses import SoftLossConfig  # noqa: E402
from algorithm.models import build_detector, zoo  # noqa: E402
from algorithm.models.detector import Detector  # noqa: E402
from algorithm.ops.losses import LossConfig  # noqa: E402
from algorithm.training.devices.devices import Devices  # noqa: E402
from algorithm.training.optimizers import make_optimizer  # noqa: E402
from algorithm.training.trainer import TrainConfig, Trainer  # noqa: E402

STEPS, BATCH, SIZE = 20, 8, 64
FIGURES = {"peer": ("cls_loss", "loss_soft_cls", "loss_soft_box", "peer_loss", "gradient_norm")}
FIGURES["own_peer"] = (*FIGURES["peer"], "cross_loss")
FIGURES["masks"] = ("cls_loss", "mask_loss", "gradient_norm")


def pictures(reverse: bool = False) -> dict[str, np.ndarray]:
    """STEPS batches, one after another; with reverse each of them backwards."""
    rng = np.random.default_rng(0)
    count = STEPS * BATCH
    corners = rng.uniform(0, 40, (count, 3, 2))
    rows = {
        "images": rng.integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8),
        "extent": np.full((count, 2), SIZE, np.int32),
        "labels": rng.integers(0, 3, (count, 3)).astype(np.int32),
        "boxes": np.concatenate([corners, corners + 20], -1).astype(np.float32),
        "sample_index": np.arange(count, dtype=np.int32),
        "masks": rng.integers(0, 256, (count, 3, SIZE // 4, SIZE // 4)).astype(np.uint8),
    }
    order = np.arange(count).reshape(STEPS, BATCH)[:, :: -1 if reverse else 1].ravel()
    return {name: values[order] for name, values in rows.items()}


def made(strategy: tf.distribute.Strategy) -> Trainer:
    """The same beginning on any devices."""
    with strategy.scope():
        tf.keras.utils.set_random_seed(1)
        detector = build_detector("efficientdet-lite0", 3, SIZE, survival_probability=1.0)
        return Trainer(
            detector, make_optimizer("sgd", 1e-4, 0.9), TrainConfig(moving_average_decay=0.9)
        )


def trained(
    trainer: Trainer, strategy: tf.distribute.Strategy, reverse: bool = False
) -> tuple[np.ndarray, dict[str, np.ndarray], int]:
    """Losses, state and how often the loop was traced, after STEPS steps in two calls."""
    data = pictures(reverse)

    def batches(shard: tuple[int, int], replicas: int) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(data).batch(
            BATCH // shard[1] // replicas, drop_remainder=True
        )

    stream, losses, seen = iter(Devices(strategy).distribute(batches)), [], []
    for count in (9, 11):
        figures, indices = trainer.train_steps(stream, count)
        losses += figures["loss"].tolist()
        seen += indices.tolist()
    assert seen == data["sample_index"].reshape(STEPS, BATCH).tolist()
    return (
        np.array(losses),
        trainer.snapshot(),
        trainer._train_steps.experimental_get_tracing_count(),
    )


def build_own_peer() -> Detector:
    """Another network of the same size, named as a job's."""
    with tf.keras.name_scope(PEER):
        return build_detector("efficientdet-lite0", 3, SIZE, survival_probability=1.0)


def taught(strategy: tf.distribute.Strategy, own_weights: bool) -> dict[str, float]:
    """The figures of one step of a student with its peer: the student enlarged, or a network with weights of its own."""
    row = zoo.PRESETS["efficientdet-lite0"]
    zoo.PRESETS["efficientdet-t1"] = dataclasses.replace(row, name="efficientdet-t1")
    OnlinePeer.targets = tf.function(OnlinePeer.targets.python_function)
    with strategy.scope():
        tf.keras.utils.set_random_seed(1)
        student = build_detector("efficientdet-t1", 3, SIZE, survival_probability=1.0)
        peer = build_own_peer() if own_weights else build_peer(student, survival_probability=1.0)
        distiller = OnlinePeer(
            peer,
            student,
            SoftLossConfig("crosshead" if own_weights else "foreground"),
            LossConfig(),
        )
        trainer = Trainer(student, make_optimizer("sgd", 1e-4, 0.9), TrainConfig(), distiller)

    def batches(shard: tuple[int, int], replicas: int) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(pictures()).batch(
            BATCH // shard[1] // replicas, drop_remainder=True
        )

    figures, _ = trainer.train_steps(iter(Devices(strategy).distribute(batches)), 1)
    return {name: float(value[0]) for name, value in figures.items()}


def masked(strategy: tf.distribute.Strategy) -> dict[str, float]:
    """The figures of one step of a detector with masks."""
    with strategy.scope():
        tf.keras.utils.set_random_seed(1)
        detector = build_detector(
            "efficientdet-lite0", 3, SIZE, survival_probability=1.0, masks=True
        )
        trainer = Trainer(detector, make_optimizer("sgd", 1e-4, 0.9), TrainConfig())

    def batches(shard: tuple[int, int], replicas: int) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(pictures()).batch(
            BATCH // shard[1] // replicas, drop_remainder=True
        )

    figures, _ = trainer.train_steps(iter(Devices(strategy).distribute(batches)), 1)
    return {name: float(value[0]) for name, value in figures.items()}


def apart(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The largest difference of a weight or statistic, in parts of the largest value of its tensor or of 0.01."""
    names = [name for name in one if one[name].dtype == np.float32]
    return max(
        float(np.abs(one[name] - other[name]).max() / max(np.abs(one[name]).max(), 1e-2))
        for name in names
    )


if __name__ == "__main__":
    single = tf.distribute.get_strategy()
    trainer = made(single)
    beginning = trainer.snapshot()
    alone, alone_state, _ = trained(trainer, single)
    trainer.restore(
        beginning
    )  # a second trainer would make its graphs once more, which takes most of the time
    shuffled, shuffled_state, _ = trained(trainer, single, reverse=True)
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    both, both_state, traces = trained(made(mirrored), mirrored)
    found = {
        "losses": float(np.abs(both / alone - 1).max()),
        "weights": apart(alone_state, both_state),
        "noise_losses": float(np.abs(shuffled / alone - 1).max()),
        "noise_weights": apart(alone_state, shuffled_state),
        "traces": traces,
    }
    two = {"peer": taught(mirrored, False)}
    tf.config.run_functions_eagerly(
        True
    )  # for a single step a graph takes most of the time; one of two replicas is enough
    two["own_peer"] = taught(mirrored, True)
    two["masks"] = masked(mirrored)
    for kind, figures in two.items():
        one = masked(single) if kind == "masks" else taught(single, kind == "own_peer")
        found[kind] = max(abs(figures[name] / one[name] - 1) for name in FIGURES[kind])
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
