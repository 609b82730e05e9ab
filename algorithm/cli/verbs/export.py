"""export: a model folder in the form of another runtime."""

from __future__ import annotations

import argparse
from pathlib import Path

from algorithm.cli.early_checks import check_model_folder, check_new_folder
from algorithm.cli.verb import Verb
from algorithm.errors import ArgumentError
from algorithm.extras import OF_FORMAT, OF_NMS, require_for_export
from algorithm.jobs.job_urls import check_data_url

# As in algorithm.export.formats, which imports TensorFlow; a test compares the two.
FORMATS, NMS = tuple(OF_FORMAT), tuple(OF_NMS)


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model_dir", required=True, help="model folder that a training job left")
    parser.add_argument("--format", required=True, choices=FORMATS, help="form to write")
    parser.add_argument("--output", required=True, help="new folder")
    parser.add_argument(
        "--nms",
        choices=NMS,
        default="none",
        help="of TFLite: none gives raw scores and boxes, mediapipe four outputs and metadata "
        "(default: %(default)s)",
    )
    parser.add_argument("--data_url", help="dataset whose training pictures calibrate tflite_int8")
    parser.add_argument(
        "--calibration_pictures", type=int, default=100, help="how many (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> None:
    if arguments.nms != "none" and not arguments.format.startswith("tflite"):
        raise ArgumentError(
            f"--nms={arguments.nms}: expected a TFLite format with it, found {arguments.format}; "
            "leave it out, or choose tflite"
        )
    if arguments.format == "tflite_int8" and not arguments.data_url:
        raise ArgumentError(
            "--data_url: expected a dataset for tflite_int8, whose pictures give the ranges, found "
            "none"
        )
    require_for_export(arguments.format, arguments.nms)
    check_model_folder(arguments.model_dir)
    check_new_folder(arguments.output)
    if arguments.data_url:
        check_data_url(arguments.data_url)
    from algorithm.jobs.export_calibration import export_with_calibration

    print(
        export_with_calibration(
            Path(arguments.model_dir),
            Path(arguments.output),
            arguments.format,
            nms=arguments.nms,
            data_url=Path(arguments.data_url) if arguments.data_url else None,
            pictures=arguments.calibration_pictures,
        )
    )


VERB = Verb(
    "export",
    "write a model folder in the form of another runtime, checked against it",
    _add_flags,
    _run,
)
