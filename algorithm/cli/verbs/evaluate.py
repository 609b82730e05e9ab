"""evaluate --model_dir: the COCO figures of an exported file, by its own runtime."""

from __future__ import annotations

import argparse
from pathlib import Path

from algorithm.cli.early_checks import check_exported
from algorithm.cli.output_folder import claim_file
from algorithm.cli.verb import Verb
from algorithm.jobs.job_urls import check_data_url

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
    check_exported(arguments.model_dir)
    check_data_url(arguments.data_url)
    if arguments.output:
        claim_file(arguments.output)
    from algorithm.evaluation.resampled import interval_in_words
    from algorithm.jobs.exported_evaluation import evaluate_exported
    from algorithm.storage.atomic_files import write_json
    from algorithm.training.log_forms.coco_rows import BOXES, MASKS

    evaluation, cost = evaluate_exported(
        Path(arguments.model_dir),
        Path(arguments.data_url),
        split=arguments.split,
        most=arguments.count,
    )
    figures = {**evaluation.as_dict(), **cost}
    if arguments.output:
        write_json(Path(arguments.output), figures)
    seen = cost["may_have_been_trained_on"]
    trained = "not known" if seen is None else seen
    ap = "-" if figures["AP"] is None else f"{figures['AP']:.3f}"
    tables = evaluation.summary
    if evaluation.masks:
        tables = f"{BOXES}\n{tables}\n{MASKS}\n{evaluation.masks.summary}"
    rows = tables.replace("= -1.000", "= -")  # nothing to measure
    print(
        f"{rows}\n"
        f"AP {ap}{interval_in_words(figures)}\n"
        f"pictures: {evaluation.images}; the model may have been trained on: {trained}\n"
        f"{cost['file']}: {cost['mb']:.1f} MB, {cost['ms']:.1f} ms a picture (median of "
        f"{evaluation.images})"
    )


VERB = Verb(
    "evaluate",
    "with --model_dir: COCO figures of an exported file by its own runtime; without: a training "
    "job's flags, the same job with --mode=eval",
    _add_flags,
    _run,
)
