"""predict: what a model finds in pictures, videos or a camera, drawn and written."""

from __future__ import annotations

import argparse
from pathlib import Path

from algorithm.cli.output_folder import claim_folder
from algorithm.cli.verb import Verb

# As in algorithm.prediction.predict_run, which waits for NumPy and OpenCV; a test compares.
SAVES = {
    "crops": "write what lies in each box: crops/CLASS/NAME_1.jpg",
    "txt": "write labels in the form of YOLO, with scores: labels/NAME.txt",
    "coco": "write a COCO annotation file with scores: coco.json",
}


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        "--model_dir",
        dest="model_dir",
        required=True,
        help="model folder of a training job, or an exported file: .tflite, .onnx, .xml, .pb",
    )
    parser.add_argument(
        "--images",
        "--source",
        required=True,
        help="a picture, a video, a folder, a pattern such as 'photos/*.jpg', or a camera's number",
    )
    parser.add_argument(
        "--output",
        required=True,
        help="folder for pictures and videos with boxes, and detections.json",
    )
    parser.add_argument("--score", type=float, help="least score (default: the model's own)")
    parser.add_argument("--classes", help="only these classes, such as cat,dog (default: all)")
    parser.add_argument("--max", type=int, help="so many detections a picture (default: all)")
    parser.add_argument("--frames", type=int, help="so many frames of a video (default: all)")
    parser.add_argument(
        "--masks", action="store_true", help="find masks too, of a model trained with masks=True"
    )
    for kind, text in SAVES.items():
        parser.add_argument(f"--save_{kind}", action="store_true", help=text)


def _run(arguments: argparse.Namespace) -> None:
    claim_folder(arguments.output, "predict")
    from algorithm.errors import ArgumentError
    from algorithm.modelarts.exported_file import label_names_of, thresholds_of
    from algorithm.prediction.choice import Choice
    from algorithm.prediction.model import load
    from algorithm.prediction.predict_run import output_items, predict_files
    from algorithm.prediction.sources import find_files

    if arguments.frames is not None and arguments.frames < 1:
        raise ArgumentError(f"--frames: expected 1 or more, found {arguments.frames}")
    output, saves = Path(arguments.output), [k for k in SAVES if vars(arguments)[f"save_{k}"]]
    is_camera = arguments.images.isdigit() and not Path(arguments.images).exists()
    files = int(arguments.images) if is_camera else find_files(arguments.images)
    if not isinstance(files, int):
        output_items(files, output, saves)
    names = label_names_of(Path(arguments.model_dir))
    whole = arguments.classes is None or arguments.classes in names  # a name may hold a comma
    choice = Choice.of(
        names,
        thresholds_of(Path(arguments.model_dir)),
        arguments.score,
        arguments.classes if whole else arguments.classes.split(","),
        arguments.max,
    )
    model = load(arguments.model_dir, masks=arguments.masks)
    print(predict_files(model, files, output, choice, saves=saves, most_frames=arguments.frames))


VERB = Verb("predict", "draw what a model finds in pictures, videos or a camera", _add_flags, _run)
