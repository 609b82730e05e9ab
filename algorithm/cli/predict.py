"""predict: the detections of a model folder, drawn into pictures."""

from __future__ import annotations

import argparse

from algorithm.cli.output_folder import claim_folder
from algorithm.cli.verb import Verb


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model_dir", required=True, help="model folder that a training job left")
    parser.add_argument(
        "--images", required=True, help="a picture, a folder, or a pattern such as 'photos/*.jpg'"
    )
    parser.add_argument(
        "--output", required=True, help="folder for annotated pictures and detections.json"
    )


def _run(arguments: argparse.Namespace) -> None:
    claim_folder(arguments.output, "predict")
    from algorithm.pages.box_drawing import draw_detections
    from algorithm.serving.prediction import predict

    print(predict(arguments.model_dir, arguments.images, arguments.output, draw=draw_detections))


VERB = Verb("predict", "draw the detections of a model folder into pictures", _add_flags, _run)
