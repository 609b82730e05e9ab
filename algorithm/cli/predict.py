"""predict: the detections of a model folder, drawn into pictures."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from algorithm.cli.verb import Verb

if TYPE_CHECKING:
    import numpy as np


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model_dir", required=True, help="model folder that a training job left")
    parser.add_argument(
        "--images", required=True, help="a picture, a folder, or a pattern such as 'photos/*.jpg'"
    )
    parser.add_argument(
        "--output", required=True, help="folder for annotated pictures and detections.json"
    )
    parser.add_argument(
        "--masks",
        action="store_true",
        help="ask for masks too, write them into detections.json and draw them",
    )


def _run(arguments: argparse.Namespace) -> None:
    from algorithm.pages.box_drawing import draw_detections
    from algorithm.serving.prediction import predict

    written = predict(
        arguments.model_dir,
        arguments.images,
        arguments.output,
        draw=draw_detections,
        lay_masks=_lay_masks if arguments.masks else None,
    )
    print(written)


def _lay_masks(pixels: np.ndarray, reply: dict[str, Any]) -> np.ndarray:
    from pycocotools import mask as coco_mask

    from algorithm.pages.mask_drawing import draw_masks

    masks = [coco_mask.decode(each) for each in reply["detection_masks"]]
    return draw_masks(pixels, masks, reply["detection_classes"])


VERB = Verb("predict", "draw the detections of a model folder into pictures", _add_flags, _run)
