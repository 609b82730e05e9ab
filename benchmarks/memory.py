"""Peak memory of a train step: each preset with each switch, in a process of its own.

    python -m benchmarks.memory [--presets efficientdet-d0,...] [--batches 1,2] > memory.json

Peak resident memory of a process that makes two train steps (90 classes, SGD), less nothing:
TensorFlow itself is in it. From two batch sizes follow what a picture costs and what stands beside
it; the last lines give both, and for presets that
were not measured an estimate: what a picture costs in proportion to the outputs of all layers, as
in the measured ones.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

SWITCHES = {
    "plain": (),
    "bfloat16": ("--precision", "bfloat16"),
    "gradient_checkpointing": ("--gradient_checkpointing",),
    "both": ("--precision", "bfloat16", "--gradient_checkpointing"),
}


def main() -> None:
    """Prints a line for each measurement to stderr and all of them as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--presets", default="efficientdet-d0,efficientdet-d1,efficientdet-d2,efficientdet-d3"
    )
    parser.add_argument("--batches", default="1,2")
    parser.add_argument("--switches", default=",".join(SWITCHES))
    arguments = parser.parse_args()
    batches = [int(text) for text in arguments.batches.split(",")]
    found = []
    for preset in arguments.presets.split(","):
        for switch in arguments.switches.split(","):
            peaks = {batch: peak(preset, batch, switch) for batch in batches}
            slope = (
                (peaks[batches[-1]] - peaks[batches[0]]) / (batches[-1] - batches[0])
                if len(batches) > 1
                else math.nan
            )
            found.append(
                {
                    "preset": preset,
                    "switch": switch,
                    "peaks": peaks,
                    "bytes_a_picture": slope,
                    "outputs_a_picture": 4 * layer_outputs(preset),
                }
            )
            print(
                f"{preset} {switch}: "
                + ", ".join(
                    f"batch {batch}: {value / 2**30:.2f} GiB" for batch, value in peaks.items()
                )
                + f"; {slope / 2**30:.2f} GiB a picture",
                file=sys.stderr,
                flush=True,
            )
    print(json.dumps(found, indent=2))


def peak(preset: str, batch: int, switch: str) -> int:
    """Largest resident memory in bytes of a process that makes train steps of `batch` pictures."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "result.json"
        subprocess.run(
            [
                sys.executable,
                "-m",
                "algorithm",
                "benchmark",
                "--what",
                "train_step",
                "--model_name",
                preset,
                "--batch_size",
                str(batch),
                "--rounds",
                "1",
                "--warmup",
                "0",
                "--output",
                str(output),
                *SWITCHES[switch],
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return json.loads(output.read_text())["results"][0]["peak_memory_bytes"]


def layer_outputs(preset: str) -> int:
    """Numbers that all layers of a preset give out for one picture of its own size."""
    from algorithm.models import build_detector

    detector = build_detector(preset, 90)
    nodes = (node for operation in detector.operations for node in operation._inbound_nodes)
    tensors = {id(tensor): tensor for node in nodes for tensor in node.output_tensors}
    return sum(math.prod(tensor.shape[1:]) for tensor in tensors.values())


if __name__ == "__main__":
    main()
