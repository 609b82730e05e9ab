"""What comes before a training's first update, part by part, as multiples of `import tensorflow`.

    python -m benchmarks.first_step [--model_name efficientdet-lite0] [--image_size 320] [--steps 7]

Each line has seconds of the processor, of which the kernel's own, and of the clock. Where memory is
slow to be handed out (a virtual machine that gives it back), the kernel's share of the first run
says so. The digest is that of all weights, averages and slots after the steps: the same number of
steps gives the same digest, here and in another version that computes the same to the bit.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Print a line for each part, and for a step afterwards."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model_name", default="efficientdet-lite0")
    for name, default in (("image_size", 320), ("batch_size", 8), ("classes", 3), ("steps", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    found: dict[str, tuple[float, float, float]] = {}

    def timed(part: str, run: Callable[[], Any]) -> Any:
        before = _spent()
        result = run()
        found[part] = tuple(new - old for new, old in zip(_spent(), before, strict=True))
        return result

    def imported() -> None:
        import tensorflow  # noqa: F401

    timed("import tensorflow", imported)
    import keras

    from algorithm.models import build_detector
    from algorithm.training.optimizers import make_optimizer
    from algorithm.training.trainer import TrainConfig, Trainer
    from benchmarks.train_step import made_batch

    keras.utils.set_random_seed(0)
    size = given.image_size
    detector = timed("network", lambda: build_detector(given.model_name, given.classes, size))
    config = TrainConfig(moving_average_decay=0.999)
    trainer = timed("trainer", lambda: Trainer(detector, make_optimizer("adam", 1e-3, 0.9), config))
    batch = made_batch(given.batch_size, size)
    graph = timed("tracing", lambda: _traced(trainer, batch))
    timed("first run", lambda: trainer.train_step(batch)["loss"].numpy())
    unit = found["import tensorflow"]
    for part, (processor, kernel, clock) in found.items():
        print(
            f"{part}: {processor:.2f} s of the processor ({processor / unit[0]:.2f} units; the "
            f"kernel {kernel:.2f} s), {clock:.2f} s ({clock / unit[2]:.2f} units)"
        )
    inside = sum(len(each.node_def) for each in graph.as_graph_def().library.function)
    print(f"operations: {len(graph.get_operations())}, and {inside} in functions")
    steps = []
    for _ in range(given.steps):
        before = _spent()
        trainer.train_step(batch)["loss"].numpy()
        steps.append(_spent()[0] - before[0])
    print(f"a step afterwards: median {statistics.median(steps):.3f} s of the processor")
    digest = hashlib.sha256()
    for name, value in sorted(trainer.snapshot().items()):
        digest.update(name.encode() + value.tobytes())
    print(f"digest: {digest.hexdigest()[:16]}")


def _spent() -> tuple[float, float, float]:
    """Seconds so far: of the processor, of it the kernel's, of the clock."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_stime, time.perf_counter()


def _traced(trainer: Any, batch: dict[str, Any]) -> Any:
    """The graph of the step."""
    with trainer._tracing():
        return trainer._train_step.get_concrete_function(batch, 1).graph


if __name__ == "__main__":
    main()
