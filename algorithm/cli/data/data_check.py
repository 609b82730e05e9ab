"""data check: what is in a dataset, and which settings fit it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from algorithm.cli.output_folder import claim_folder
from algorithm.cli.verb import Verb
from algorithm.hyperparameters import ROWS, Hyperparameters, parse
from algorithm.jobs.job_urls import check_data_url

# Flags of a training job that the answer depends on.
JOB_FLAGS = (
    "model_name",
    "image_size",
    "anchor_scale",
    "train_batch_size",
    "max_detections",
    "bit_depth",
    "seed",
)


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data_url", required=True, help="manifest, folder, or another form of dataset"
    )
    parser.add_argument(
        "--output",
        help="folder for data_check.html and data_check.json (default: none are written)",
    )
    parser.add_argument(
        "--clean",
        action="store_true",
        help="decode every picture and apply all rules of cleaning (default: read headers only)",
    )
    for name in JOB_FLAGS:
        parser.add_argument(f"--{name}", default="", help="as of a training job")


def _run(arguments: argparse.Namespace) -> None:
    if arguments.output:
        claim_folder(arguments.output, "data check")
    check_data_url(arguments.data_url)
    from algorithm.data.checking.check_report import check_lines, write_report
    from algorithm.data.checking.dataset_check import check_dataset
    from algorithm.data.checking.faults import fault_lines, training_command
    from algorithm.data.checking.suggestions import model_choices
    from algorithm.data.dataset import survey_dataset
    from algorithm.data.input_shape import best_shape
    from algorithm.models.zoo import PRESETS
    from algorithm.ops.anchors import anchor_grid, padded_size

    given = {name: getattr(arguments, name) for name in JOB_FLAGS}
    lines = _take_model_at_hand(given)
    hp = _of_a_job(arguments, given)
    preset = PRESETS[hp.model_name]
    scale = hp.anchor_scale or preset.anchor_scale
    warnings: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        survey = survey_dataset(
            Path(arguments.data_url),
            decode=arguments.clean,
            seed=hp.seed,
            work_dir=Path(arguments.output or folder),
            bit_depth=hp.bit_depth,
        )
        command = "" if survey.refusal else training_command(arguments.data_url, given)
        suggested = ""
        if survey.dataset is not None:
            samples = survey.dataset.train or survey.dataset.eval
            image_size = hp.image_size or best_shape(samples, preset.image_size)[0]
            check = check_dataset(
                survey.dataset,
                anchors=anchor_grid(
                    padded_size(image_size), preset.min_level, preset.max_level, scale
                ),
                image_size=image_size,
                model_name=hp.model_name,
                anchor_scale=scale,
                batch_size=hp.train_batch_size,
                max_detections=hp.max_detections,
                choices=model_choices(PRESETS.values()),
            )
            lines += check_lines(check)
            changes = {row.setting: row.value for row in check.suggestions if row.is_change}
            if command and changes:
                suggested = training_command(arguments.data_url, {**given, **changes})
            warnings += [*check.warnings, *survey.dataset.warnings]
            if arguments.output:
                page = write_report(
                    check, Path(arguments.output), survey.cleaned.findings, command, suggested
                )
                lines.append(f"wrote {page}")
    for warning in warnings:
        print(f"WARNING {warning}", file=sys.stderr)
    print("\n".join([*lines, *fault_lines(survey)]))
    if survey.refusal is not None:
        raise survey.refusal
    if suggested:
        print(f"train as suggested: {suggested}")
    print(f"train on it: {command}")


def _take_model_at_hand(given: dict[str, str]) -> list[str]:
    """Put a model whose weights are here in place of a default that cannot be had, and say so."""
    from algorithm.models.weights.at_hand import model_at_hand

    usual = str(ROWS["model_name"].default)
    at_hand = given["model_name"] or model_at_hand(usual)
    if given["model_name"] or at_hand == usual:
        return []
    given["model_name"] = at_hand
    return [
        f"weights of {usual}, the default, are neither on this machine nor can they be "
        f"downloaded: {at_hand} is checked, whose weights are here"
    ]


def _of_a_job(arguments: argparse.Namespace, given: dict[str, str]) -> Hyperparameters:
    """The hyperparameters that a training job on the dataset would have."""
    return parse(
        [
            f"--data_url={arguments.data_url}",
            f"--train_url={arguments.output or 'data_report'}",
            *(f"--{name}={value}" for name, value in given.items()),
        ]
    )


VERB = Verb(
    "check",
    "say what is in a dataset and which settings fit it, before training",
    _add_flags,
    _run,
)
