"""The verbs for a finished model: evaluate a file, export, serve. What they do is imported when they are asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

Add = Callable[
    [argparse._SubParsersAction, str, str, Callable[[argparse.Namespace], None]],
    argparse.ArgumentParser,
]
FORMATS = ("saved_model", "frozen", "tflite", "tflite_fp16", "tflite_int8", "onnx", "openvino")


def add_evaluate(add: Add, verbs: argparse._SubParsersAction) -> None:
    """evaluate --model_dir; without that flag the verb is a training job's."""
    verb = add(
        verbs,
        "evaluate",
        "with --model_dir: COCO figures of an exported file by its own runtime; without: a training job's "
        "flags, the same job with --mode=eval",
        _evaluate,
    )
    verb.add_argument(
        "--model_dir",
        required=True,
        help="model folder, folder of an export, .pb, .tflite, .onnx or .xml",
    )
    verb.add_argument(
        "--data_url", required=True, help="manifest, folder, or another form of dataset"
    )
    verb.add_argument(
        "--split",
        choices=("eval", "train", "all"),
        default="eval",
        help="which pictures (default: %(default)s)",
    )
    verb.add_argument("--count", type=int, help="this many pictures at most (default: all)")
    verb.add_argument("--output", help="JSON file for the figures (default: they are only printed)")


def add_export(add: Add, verbs: argparse._SubParsersAction) -> None:
    """export."""
    verb = add(
        verbs,
        "export",
        "write a model folder in the form of another runtime, checked against it",
        _export,
    )
    verb.add_argument("--model_dir", required=True, help="model folder that a training job left")
    verb.add_argument("--format", required=True, choices=FORMATS, help="form to write")
    verb.add_argument("--output", required=True, help="new folder")
    verb.add_argument(
        "--nms",
        choices=("none", "mediapipe"),
        default="none",
        help="of TFLite: none gives raw scores and boxes, mediapipe four outputs and metadata (default: %(default)s)",
    )
    verb.add_argument("--data_url", help="dataset whose training pictures calibrate tflite_int8")
    verb.add_argument(
        "--calibration_pictures", type=int, default=100, help="how many (default: %(default)s)"
    )


def add_serve(add: Add, verbs: argparse._SubParsersAction) -> None:
    """serve."""
    verb = add(verbs, "serve", "answer over HTTP as the platform's container does", _serve)
    verb.add_argument("--model_dir", required=True, help="model folder that a training job left")
    verb.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    verb.add_argument(
        "--port", type=int, default=8080, help="port to listen on, 0 for any (default: %(default)s)"
    )
    verb.add_argument(
        "--batch",
        type=int,
        default=8,
        help="pictures through the network at once (default: %(default)s)",
    )
    verb.add_argument(
        "--batch_wait_ms",
        type=float,
        default=5,
        help="longest wait for a batch to fill (default: %(default)s)",
    )
    verb.add_argument(
        "--queue",
        type=int,
        default=64,
        help="waiting requests before more get 503 (default: %(default)s)",
    )
    verb.add_argument(
        "--threads",
        type=int,
        default=0,
        help="requests answered at once (default: those of all batches, of two at least)",
    )
    verb.add_argument(
        "--batches",
        type=int,
        default=0,
        help="batches through the network at a time, each with its part of the cores "
        "(default: two, with one core one)",
    )
    verb.add_argument(
        "--lame_duck",
        type=float,
        default=60,
        help="seconds after SIGTERM that new requests are answered "
        "(default: %(default)s, as the platform asks)",
    )


def _evaluate(arguments: argparse.Namespace) -> None:
    from algorithm.jobs.exported_evaluation import evaluate_exported
    from algorithm.storage.atomic_files import write_json

    evaluation, cost = evaluate_exported(
        Path(arguments.model_dir),
        Path(arguments.data_url),
        split=arguments.split,
        most=arguments.count,
    )
    if arguments.output:
        write_json(Path(arguments.output), {**evaluation.as_dict(), **cost})
    print(
        f"{evaluation.summary}\n{cost['file']}: {cost['mb']:.1f} MB, {cost['ms']:.1f} ms a picture (median of {evaluation.images})"
    )


def _export(arguments: argparse.Namespace) -> None:
    from algorithm.jobs.exported_evaluation import export_with_calibration

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


def _serve(arguments: argparse.Namespace) -> None:
    from algorithm.serving.server import Limits, serve

    serve(
        arguments.model_dir,
        host=arguments.host,
        port=arguments.port,
        limits=Limits(
            batch=max(1, arguments.batch),
            batch_wait=arguments.batch_wait_ms / 1000,
            queue=max(1, arguments.queue),
            batches=max(0, arguments.batches),
            threads=max(0, arguments.threads),
            lame_duck=max(0.0, arguments.lame_duck),
        ),
    )
