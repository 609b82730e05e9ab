"""benchmark: speed and memory of training, inference and input, as JSON."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path

from algorithm.benchmark.measure import (
    Settings,
    line,
    measured,
    report_line,
    share_of_peak,
    surroundings,
)
from algorithm.cli.output_folder import claim_file
from algorithm.cli.verb import Verb
from algorithm.errors import ArgumentError
from algorithm.hyperparameters import ROWS
from algorithm.storage.atomic_files import write_json
from algorithm.training.devices.onednn import onednn_for_training

# As in algorithm.benchmark.cases, which imports TensorFlow; a test compares the two.
NAMES = ("train_step", "network", "inference", "post_processing", "matching", "pipeline")
_TRAINING = {"train_step", "network"}  # computed as in a job that trains


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument(
        "--what",
        default="train_step,inference,post_processing,pipeline",
        help=f"comma list of {', '.join(NAMES)} (default: %(default)s). For memory, one at a time",
    )
    parser.add_argument(
        "--model_name", default=Settings.model_name, help="preset (default: %(default)s)"
    )
    parser.add_argument(
        "--image_size", default="", help="side, or height x width (default: the preset's)"
    )
    for name, text in (
        ("batch_size", "pictures at once"),
        ("classes", "number of classes"),
        ("steps_per_loop", "train steps in one call"),
        ("rounds", "measured rounds"),
        ("warmup", "rounds before them"),
    ):
        parser.add_argument(
            f"--{name}",
            type=int,
            default=getattr(Settings, name),
            help=f"{text} (default: %(default)s)",
        )
    parser.add_argument(
        "--precision",
        default=Settings.precision,
        choices=ROWS["precision"].choices,
        help="in training (default: %(default)s)",
    )
    parser.add_argument(
        "--gradient_checkpointing",
        action="store_true",
        help="compute blocks again in the backward pass",
    )
    parser.add_argument("--masks", action="store_true", help="a network with a mask head")
    parser.add_argument(
        "--data_url", default="", help="dataset for the pipeline (default: rendered pictures)"
    )
    parser.add_argument(
        "--profile",
        default="",
        metavar="FOLDER",
        help="leave a TensorBoard trace of one round of each there",
    )
    parser.add_argument(
        "--peak_tflops",
        type=float,
        default=0.0,
        metavar="N",
        help="what the device can do in that precision by its maker, in 1e12 operations a second "
        "(default: that of a large matrix product, measured)",
    )
    parser.add_argument(
        "--output", default="", metavar="FILE", help="JSON file for the results (default: printed)"
    )


def run_benchmarks(arguments: argparse.Namespace) -> None:
    """Measure what was asked for; print a line for each, and the JSON or where it is.

    Raises:
        ArgumentError: an unknown name, or an image size that is none.
    """
    names = [name for name in arguments.what.split(",") if name]
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        raise ArgumentError(
            f"--what: expected some of {', '.join(NAMES)}, found {arguments.what!r}"
        )
    values = {each.name: getattr(arguments, each.name) for each in fields(Settings)} | {
        "image_size": _image_size(arguments.image_size)
    }
    settings = Settings(**values)
    if arguments.output:
        claim_file(arguments.output)
    with onednn_for_training() if _TRAINING & set(names) else nullcontext():
        from algorithm.benchmark.cases import CASES
    from algorithm.benchmark.peak import Peak, matmul_peak

    results = []
    for name in names:
        results.append(measured(name, CASES[name](settings), settings))
        print(line(results[-1]), flush=True)
    if any("operations_an_image" in each for each in results):
        given = arguments.peak_tflops
        peak = Peak(1e12 * given, "given") if given else matmul_peak(settings.precision)
        results = [
            share_of_peak(each, peak) if "operations_an_image" in each else each for each in results
        ]
    record = {**surroundings(settings), "results": results}
    print(report_line(record))
    if not arguments.output:
        print(json.dumps(record, indent=2))
        return
    write_json(Path(arguments.output), record)
    print(f"wrote {arguments.output}")


def _image_size(text: str) -> int | tuple[int, int] | None:
    if not text:
        return None
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isdigit() for side in sides):
        raise ArgumentError(
            f"--image_size: expected a side such as 512, or 384x640, found {text!r}"
        )
    return int(text) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


VERB = Verb(
    "benchmark",
    "measure speed and memory of training, inference and input",
    add_options,
    run_benchmarks,
)
