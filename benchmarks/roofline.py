"""How far each part of a train step is from what this processor can do, as a table.

    OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \\
    python -m benchmarks.roofline --model_name efficientdet-lite0 --batch_size 2

Operations: the multiply-adds of the convolutions, twice, and twice more for the backward pass.
Bytes: what each layer reads and writes of maps and weights, forward once and backward twice, as if
nothing stayed in a cache. The roof is the longer of operations over the measured peak of a matrix
product and bytes over the measured bandwidth of a copy. Times are processor time of one thread, so
that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from algorithm.benchmark.cases import _batch
from algorithm.benchmark.peak import matmul_peak
from algorithm.models.bifpn import bifpn_features
from algorithm.models.detector import _backbone_features, build_detector, heads_of
from algorithm.models.multiply_adds import multiply_adds
from algorithm.ops.rewriting import graph_as_written
from algorithm.training.optimizers import make_optimizer
from algorithm.training.trainer import TrainConfig, Trainer

WIDTH = 4  # bytes of a number
PASSES = 3  # forward, and the two products of the backward pass
COPIED = 2**27  # bytes of the copy that measures the bandwidth, beyond any cache here


def main() -> None:
    """Prints the peaks and a row for each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model_name", default="efficientdet-lite0")
    parser.add_argument("--image_size", type=int)
    parser.add_argument("--batch_size", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--what", default="backbone,neck,heads,step")
    arguments = parser.parse_args()
    count, rounds, what = arguments.batch_size, arguments.rounds, arguments.what.split(",")
    peak, bandwidth = matmul_peak("float32", time.process_time).operations, copy_bandwidth()
    print(f"product {peak / 1e9:.0f} GFLOP/s, copy {bandwidth / 1e9:.1f} GB/s")
    detector = build_detector(arguments.model_name, 90, arguments.image_size)
    for name, network in parts_of(detector).items():
        if name in what:
            seconds = least(gradients_of(network, count), rounds) / count
            row(name, seconds, operations_of(network), bytes_of(network), peak, bandwidth)
    if "step" not in what:
        return
    trainer = Trainer(detector, make_optimizer("sgd", 1e-3, 0.9), TrainConfig())
    batch = _batch(count, detector.image_size)
    whole = least(lambda: trainer.train_step(batch)["loss"].numpy(), rounds) / count
    logits = sum(math.prod(one.shape[1:]) for one in detector.outputs)
    weights = sum(math.prod(one.shape) for one in detector.trainable_variables)
    # Losses read the logits and write their gradients; an update reads and writes each weight,
    # its momentum and its gradient, once for a batch.
    moved = WIDTH * (2 * logits + 6 * weights / count)
    row("step", whole, operations_of(detector), bytes_of(detector) + moved, peak, bandwidth)
    print(f"of its bytes {moved / 1e6:.0f} MB are those of losses and update")


def row(
    name: str, seconds: float, operations: float, moved: float, peak: float, bandwidth: float
) -> None:
    """A row of the table."""
    by_operations, by_bytes = operations / peak, moved / bandwidth
    roof = max(by_operations, by_bytes)
    print(
        f"| {name} | {operations / 1e9:.2f} | {moved / 1e6:.0f} | {1e3 * by_operations:.1f} | "
        f"{1e3 * by_bytes:.1f} | {1e3 * seconds:.1f} | {roof / seconds:.0%} |",
        flush=True,
    )


def parts_of(detector: keras.Model) -> dict[str, keras.Model]:
    """Backbone, neck and heads as networks of their own."""
    images = keras.Input((*detector.image_size, 3))
    levels = _backbone_features(images, detector.preset, None, [])
    backbone = keras.Model(images, list(levels.values()))
    inputs = {level: keras.Input(one.shape[1:]) for level, one in levels.items()}
    neck = bifpn_features(inputs, detector.preset, [])
    return {
        "backbone": backbone,
        "neck": keras.Model(list(inputs.values()), neck),
        "heads": heads_of(detector),
    }


def gradients_of(network: keras.Model, count: int) -> Callable[[], None]:
    """Forward and backward, also to the inputs of what is no backbone."""
    inputs = [tf.random.normal((count, *one.shape[1:])) for one in network.inputs]
    weights = [variable.value for variable in network.trainable_variables]

    @tf.function(autograph=False)
    def gradients(given):
        with tf.GradientTape() as tape, keras.StatelessScope():
            if len(given) > 1:
                tape.watch(given)
            outputs = tf.nest.flatten(network(given if len(given) > 1 else given[0], training=True))
            loss = tf.add_n([tf.reduce_sum(one) for one in outputs])
        wanted = [*weights, *(given if len(given) > 1 else ())]
        found = tape.gradient(loss, wanted)
        return tf.add_n([tf.reduce_sum(one) for one in found if one is not None])

    def run() -> None:
        with graph_as_written():
            gradients(inputs).numpy()

    return run


def operations_of(network: keras.Model) -> float:
    """Floating-point operations of a picture, forward and backward."""
    return 2.0 * PASSES * multiply_adds(network)


def bytes_of(network: keras.Model) -> float:
    """What the layers read and write for a picture, forward and backward."""
    tensors = [
        tensor
        for nodes in network._nodes_by_depth.values()
        for node in nodes
        for tensor in (*node.input_tensors, *node.output_tensors)
    ]
    return float(WIDTH * PASSES * sum(math.prod(one.shape[1:]) for one in tensors))


def copy_bandwidth() -> float:
    """Bytes read and written a second by the fastest of a few copies."""
    source = np.ones(COPIED // 8)
    target = np.empty_like(source)
    return 2 * COPIED / least(lambda: np.copyto(target, source), 8)


def least(run: Callable[[], object], rounds: int) -> float:
    """Seconds of processor time of the fastest round; the first, which compiles, does not count."""
    run()
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        run()
        times.append(time.process_time() - begun)
    return min(times)


if __name__ == "__main__":
    main()
