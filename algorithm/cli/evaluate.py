"""evaluate --model_dir: the COCO figures of an exported file, by its own runtime."""

from __future__ import annotations

import argparse
from pathlib import Path

from algorithm.cli.verb import Verb

# As in algorithm.jobs.exported_evaluation, which imports TensorFlow; a test compares the two.
SPLITS = ("eval", "train", "all")


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model_dir",
        required=True,
        help="model folder, folder of an export, .pb, .tflite, .onnx or .xml",
    )
    parser.add_argument(
        "--data_url", required=True, help="manifest, folder, or another form of dataset"
    )
    parser.add_argument(
        "--split", choices=SPLITS, default="eval", help="which pictures (default: %(default)s)"
    )
    parser.add_argument("--count", type=int, help="this many pictures at most (default: all)")
    parser.add_argument(
        "--output", help="JSON file for the figures (default: they are only printed)"
    )


def _run(arguments: argparse.Namespace) -> None:
    from algorithm.jobs.exported_evaluation import evaluate_exported
    from algorithm.storage.atomic_files import write_json
    from algorithm.training.log_lines import BOXES, MASKS

    evaluation, cost = evaluate_exported(
        Path(arguments.model_dir),
        Path(arguments.data_url),
        split=arguments.split,
        most=arguments.count,
    )
    if arguments.output:
        write_json(Path(arguments.output), {**evaluation.as_dict(), **cost})
    summary = evaluation.summary
    if evaluation.masks:
        summary = f"{BOXES}\n{summary}\n{MASKS}\n{evaluation.masks.summary}"
    print(
        f"{summary}\n{cost['file']}: {cost['mb']:.1f} MB, {cost['ms']:.1f} ms a picture "
        f"(median of {evaluation.images})"
    )


VERB = Verb(
    "evaluate",
    "with --model_dir: COCO figures of an exported file by its own runtime; without: a training "
    "job's flags, the same job with --mode=eval",
    _add_flags,
    _run,
)
