"""Parameters, multiply-adds, processor time and file sizes of every model, as a table.

python -m benchmarks.model_table [--output build/models.jsonl] [--models NAME ...] [--formats ...]

Each model is measured in a process of its own. Its line is written when it is done, and a run that
is repeated goes on. Times are processor time of one thread, from a picture of the network's size
to boxes, with 90 classes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FORMATS = ("tflite", "tflite_fp16", "onnx", "openvino")
BYTES_PER_MB = 1e6
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
ONE_THREAD = dict.fromkeys(THREADS, "1")


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("build/models.jsonl"))
    parser.add_argument("--models", nargs="+")
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(arguments.one, arguments.formats)))
        return
    from algorithm.models.zoo import PRESETS

    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    done = rows_of(arguments.output)
    for name in arguments.models or PRESETS:
        if name not in done:
            command = [sys.executable, "-m", "benchmarks.model_table", "--one", name, "--formats"]
            run = subprocess.run(
                [*command, *arguments.formats],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | ONE_THREAD,
                check=True,
            )
            with arguments.output.open("a", encoding="utf-8") as file:
                file.write(run.stdout.splitlines()[-1] + "\n")
    for row in rows_of(arguments.output).values():
        sizes = " | ".join(f"{row['mb'].get(name, float('nan')):.1f}" for name in _columns())
        print(
            f"| `{row['name']}` | {row['size']} | {row['parameters'] / 1e6:.1f} | "
            f"{row['macs'] / 1e9:.2f} | {row['ms']:.0f} | {sizes} |"
        )


def rows_of(path: Path) -> dict[str, dict]:
    """Return the measured models by name."""
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return {row["name"]: row for row in map(json.loads, lines)}


def measured(name: str, formats: list[str]) -> dict:
    """Measure one model."""
    import numpy as np
    import tensorflow as tf

    from algorithm.evaluation.inference import detection_function
    from algorithm.export import export_saved_model, package_model
    from algorithm.export.formats import export_model
    from algorithm.models import build_detector
    from algorithm.models.zoo import PRESETS
    from algorithm.ops.detections import NmsConfig

    size = PRESETS[name].image_size
    detector = build_detector(name, 90, size)
    detect = detection_function(detector, NmsConfig())
    picture = np.random.default_rng(0).integers(0, 2**16, (1, size, size, 3))
    inputs = (
        tf.constant(picture, tf.uint16),
        tf.constant([[size, size]]),
        tf.constant([1.0]),
        tf.constant([[size, size]], tf.float32),
    )
    seconds = []
    for _ in range(6):  # the first one compiles
        begun = time.process_time()
        detect(*inputs)
        seconds.append(time.process_time() - begun)
    row = {
        "name": name,
        "size": size,
        "parameters": sum(int(np.prod(one.shape)) for one in detector.trainable_variables),
        "macs": multiply_adds(detector),
        "ms": 1e3 * statistics.median(seconds[1:]),
        "mb": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        saved = export_saved_model(detector, Path(folder) / "saved", NmsConfig())
        figures = dict.fromkeys(("precision", "recall", "f1", "accuracy"), 0.0)
        package_model(
            saved, model, label_names=[f"class {i}" for i in range(90)], metrics=figures, beside=()
        )
        row["mb"]["model folder"] = _megabytes(model)
        for each in formats:
            written = export_model(model, Path(folder) / each, each, nms="none")
            row["mb"][each] = _megabytes(written if written.is_dir() else written.parent)
    return row


def multiply_adds(detector) -> int:
    """Count the multiply-adds of the network for one picture, half of its operations."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    call = tf.function(lambda images: detector(images, training=False))
    shape = tf.TensorSpec((1, *detector.image_size, 3), tf.float32)
    graph = convert_variables_to_constants_v2(call.get_concrete_function(shape)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = tf.compat.v1.profiler.profile(graph, options=options)
    return counted.total_float_ops // 2


def _columns() -> tuple[str, ...]:
    return ("model folder", *FORMATS)


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / BYTES_PER_MB


if __name__ == "__main__":
    main()
