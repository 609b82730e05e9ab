"""Time of detection, picture to boxes, by several models in turns in one process; parameters;
ratios to the first model.

python -m benchmarks.detectors [--models efficientdet-d0:512 retinanet-resnet50:640 ...] [--rounds
7]
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
import tensorflow as tf

from algorithm.evaluation.inference import detection_function
from algorithm.models import build_detector
from algorithm.ops.detections import NmsConfig
from benchmarks.train_step import seconds

MODELS = (
    "efficientdet-d0:512",
    "retinanet-resnet50:640",
    "efficientdet-d0:256",
    "retinanet-resnet50:256",
    "retinanet-mobilenet-v2:320",
)


def main() -> None:
    """Prints a line for each model: parameters, seconds for a picture, ratio to the first in
    the same round.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="NAME:SIZE")
    parser.add_argument("--classes", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    runs = {name: detection(name, arguments.classes) for name in arguments.models}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.rounds + 1):  # the first round compiles
        for name, (run, _) in runs.items():
            times[name].append(seconds(run))
    first = times[arguments.models[0]][1:]
    for name, (_, parameters) in runs.items():
        own = times[name][1:]
        ratios = [value / base for value, base in zip(own, first, strict=True)]
        print(
            f"{name}: {parameters / 1e6:.2f} M parameters, median {statistics.median(own):.3f} s "
            f"a picture ({min(own):.3f} to {max(own):.3f}), {statistics.median(ratios):.2f} times "
            f"the first ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def detection(name: str, classes: int) -> tuple:
    """(a call that detects in one made picture, number of trainable parameters)."""
    model, _, side = name.partition(":")
    size = int(side)
    detector = build_detector(model, classes, size)
    detect = detection_function(detector, NmsConfig())
    picture = tf.constant(
        np.random.default_rng(0).integers(0, 2**16, (1, size, size, 3)), tf.uint16
    )
    inputs = (
        picture,
        tf.constant([[size, size]]),
        tf.constant([1.0]),
        tf.constant([[size, size]], tf.float32),
    )
    return (lambda: detect(*inputs)), sum(
        int(np.prod(variable.shape)) for variable in detector.trainable_variables
    )


if __name__ == "__main__":
    main()
