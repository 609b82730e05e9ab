"""Time of a train step and of its losses, compiled by XLA against plain, in turns in one process;
peak memory.

python -m benchmarks.train_step [--model_name efficientdet-d0] [--image_size 512] [--batch_size 8]
[--classes 90]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from algorithm.models import build_detector
from algorithm.ops.anchor_matching import match_anchors
from algorithm.ops.losses import LossConfig, detection_losses
from algorithm.training.optimizers import make_optimizer
from algorithm.training.trainer import TrainConfig, Trainer

BOXES = 8


def main() -> None:
    """Prints one line for each figure: median, least and greatest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model_name", default="efficientdet-d0")
    for name, default in (("image_size", 512), ("batch_size", 8), ("classes", 90), ("rounds", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    detector = build_detector(arguments.model_name, arguments.classes, arguments.image_size)
    batch = made_batch(arguments.batch_size, arguments.image_size)
    losses = {
        compiled: loss_gradients(tf.constant(detector.anchors), compiled)
        for compiled in (True, False)
    }
    outputs = {
        name: tf.random.normal((arguments.batch_size, len(detector.anchors), size))
        for name, size in (("class_logits", arguments.classes), ("box_deltas", 4))
    }
    runs: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(arguments.rounds + 1):
        for compiled, run in losses.items():
            runs[compiled].append(
                seconds(lambda run=run: run(outputs, batch["boxes"], batch["labels"]))
            )
    report("matching, losses and their gradients, compiled", runs[True][1:], arguments.batch_size)
    report("matching, losses and their gradients, plain", runs[False][1:], arguments.batch_size)
    ratios = [
        plain / compiled for plain, compiled in zip(runs[False][1:], runs[True][1:], strict=True)
    ]
    print(
        f"plain / compiled: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
        f"{max(ratios):.2f})"
    )
    trainer = Trainer(detector, make_optimizer("sgd", 1e-3, 0.9), TrainConfig())
    steps = [seconds(lambda: trainer.train_step(batch)) for _ in range(arguments.rounds + 1)]
    print(f"first step, with compilation: {steps[0]:.1f} s")
    report("train step", steps[1:], arguments.batch_size)
    print(f"images/s: {arguments.batch_size / statistics.median(steps[1:]):.2f}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def made_batch(batch_size: int, image_size: int) -> dict[str, tf.Tensor]:
    """A batch as data.feeding.pipeline makes it: noise, and 8 boxes of one class in each
    picture.
    """
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 0.6 * image_size, (batch_size, BOXES, 2))
    boxes = np.concatenate([corners, corners + 0.3 * image_size], axis=-1)
    images = rng.integers(0, 256, (batch_size, image_size, image_size, 3))
    return {
        "images": tf.constant(images, tf.uint8),
        "extent": tf.fill((batch_size, 2), image_size),
        "boxes": tf.constant(boxes, tf.float32),
        "labels": tf.zeros((batch_size, BOXES), tf.int32),
    }


def loss_gradients(anchors: tf.Tensor, compiled: bool) -> Callable:
    """A function (outputs, boxes, labels) -> gradients of the detection loss with respect to
    the outputs.
    """

    @tf.function(jit_compile=compiled)
    def run(outputs, boxes, labels):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            loss = detection_losses(
                outputs, match_anchors(anchors, boxes, labels), anchors, LossConfig()
            )["det_loss"]
        return tape.gradient(loss, outputs)

    return run


def seconds(run: Callable) -> float:
    """Wall time of one call; results are read, so that it is over when the clock stops."""
    begun = time.perf_counter()
    tf.nest.map_structure(lambda value: value.numpy().ravel()[:1], run())
    return time.perf_counter() - begun


def report(name: str, times: list[float], batch_size: int) -> None:
    """One line in milliseconds an image."""
    each = [1000 * value / batch_size for value in times]
    print(
        f"{name}: median {statistics.median(each):.1f} ms an image ({min(each):.1f} to "
        f"{max(each):.1f})"
    )


if __name__ == "__main__":
    main()
