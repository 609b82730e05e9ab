"""Any exported file, run by its own runtime: one picture in, its detections out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from algorithm.data.outlines import compressed_masks
from algorithm.errors import ArgumentError, DataError
from algorithm.export.formats.source import OUTPUTS
from algorithm.export.formats.whole_graph_formats import load_frozen
from algorithm.export.saved_model import MASKS, signatures_in
from algorithm.extras import need
from algorithm.modelarts.exported_file import exported_file
from algorithm.ops.detections import NmsConfig, detect
from algorithm.ops.image import letterbox_scale, pad_bottom_right, resize

Found = Mapping[str, np.ndarray]
Run = Callable[[np.ndarray], Found]
SMALLEST = 1e-9  # the lowest score whose logit is asked for


def open_exported(path: Path, *, masks: bool = False) -> Run:
    """Open an exported file in its own runtime.

    Args:
        path: A model folder, one with the version folder 1/, an export's folder, or a file .pb,
            .tflite, .onnx or .xml.
        masks: Answer with masks too.

    Returns:
        A function of a picture uint8 [H, W, 3], RGB, that returns boxes float32 [M, 4], [ymin,
        xmin, ymax, xmax] in the picture's pixels, scores [M], and labels [M] from 0; with masks
        also masks, an object array [M] of RunLengths.

    Raises:
        DataError: It is none of these.
        ArgumentError: Its runtime is not installed, or masks are asked of what has none.
    """
    path = exported_file(path)
    if not masks:
        return OPENERS[path.suffix](path) if path.is_file() else _open_saved_model(path)
    if has_masks(path):
        return _open_saved_model(path, MASKS)
    raise ArgumentError(
        f"masks: expected a model folder that was trained with masks=True, found {path}, which "
        "answers with boxes only; leave masks out"
    )


def has_masks(path: Path) -> bool:
    """Return whether there is a model folder at a path that can answer with masks."""
    file = exported_file(path)
    return file.is_dir() and MASKS in signatures_in(file)


def _detections(outputs: Mapping[str, Any]) -> Found:
    """Return the detections in the outputs of the signature for one picture."""
    boxes, classes, scores, count = (np.asarray(outputs[name])[0] for name in OUTPUTS)
    count = int(count)
    return {
        "boxes": boxes[:count],
        "scores": scores[:count],
        "labels": classes[:count].astype(np.int32) - 1,
    }


def _open_saved_model(folder: Path, name: str = "serving_default") -> Run:
    model = tf.saved_model.load(str(folder))
    signature = model.signatures[name]
    more = {"mask_above": tf.constant(0.0)} if name == MASKS else {}

    def run(picture: np.ndarray, kept: Any = model) -> Found:
        outputs = signature(images=tf.constant(picture[None]), **more)
        found = _detections(outputs)
        if name == MASKS:
            runs = outputs["detection_masks"].numpy()[0, : len(found["scores"])]
            found = {**found, "masks": compressed_masks(runs, *picture.shape[:2])}
        return found

    return run


def _open_frozen(path: Path) -> Run:
    function = load_frozen(path)
    return lambda picture: _detections(dict(zip(OUTPUTS, function(picture[None]), strict=True)))


def _open_onnx(path: Path) -> Run:
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda picture: _detections(
        dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"images": picture[None]}), strict=True))
    )


def fitted(
    picture: np.ndarray, size: tuple[int, int], mean: np.ndarray
) -> tuple[np.ndarray, float]:
    """Fit a picture into the network's input, and fill the rest with the mean.

    Args:
        picture: uint8 [H, W, 3].
        size: (height, width) of the input, in pixels.
        mean: float32 [3], in grey levels.

    Returns:
        float32 [h, w, 3], pixels 0..255, and the network's pixels per pixel of the picture.
    """
    scale, shape = letterbox_scale(tf.constant(picture.shape[:2]), size)
    return (pad_bottom_right(resize(picture, shape) - mean, size) + mean).numpy(), float(scale)


def _open_openvino(path: Path) -> Run:
    openvino = need("openvino", "openvino")
    known = _description(path)
    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return _around_network(known, np.float32, lambda pixels: list(model(pixels).values()))


def _open_tflite(path: Path) -> Run:
    known = _description(path)
    interpreter = need("ai_edge_litert.interpreter").Interpreter(
        str(path), num_threads=os.cpu_count() or 1
    )
    interpreter.allocate_tensors()
    entry, exits = interpreter.get_input_details()[0], interpreter.get_output_details()
    exits = sorted(
        exits, key=lambda each: each["name"]
    )  # a converter may write the outputs in another order

    def outputs(pixels: np.ndarray) -> list[np.ndarray]:
        interpreter.set_tensor(entry["index"], pixels)
        interpreter.invoke()
        return [interpreter.get_tensor(each["index"]) for each in exits]

    return _around_network(known, entry["dtype"], outputs)


def _description(path: Path) -> dict[str, Any]:
    file = path.with_name("export.json")
    if not file.is_file():
        raise DataError(
            f"expected export.json beside {path}, found none: keep the files of an export together"
        )
    return json.loads(file.read_text(encoding="utf-8"))


def _around_network(
    known: Mapping[str, Any], kind: type, outputs: Callable[[np.ndarray], list[np.ndarray]]
) -> Run:
    """Return what a network format leaves to its caller.

    That is fitting the picture before it, and NMS and the way back to its pixels after it.
    """
    size, mean = tuple(known["image_size"]), np.array(known["mean"], np.float32)
    finish = _own_suppression(known) if known["form"] == "none" else _four_outputs

    def run(picture: np.ndarray) -> Found:
        pixels, scale = fitted(picture, size, mean)
        if kind == np.uint8:
            pixels = np.rint(pixels).clip(0, 255)
        found = finish(outputs(pixels[None].astype(kind)), size)
        limit = np.array([*picture.shape[:2], *picture.shape[:2]], np.float32)
        return {**found, "boxes": np.clip(found["boxes"] / scale, 0, limit)}

    return run


def _four_outputs(outputs: list[np.ndarray], size: tuple[int, int]) -> dict[str, np.ndarray]:
    boxes, classes, scores, count = (np.asarray(output)[0] for output in outputs)
    count = int(count)
    return {
        "boxes": boxes[:count] * np.array([*size, *size], np.float32),
        "scores": scores[:count],
        "labels": classes[:count].astype(np.int32),
    }


def _own_suppression(
    known: Mapping[str, Any],
) -> Callable[[list[np.ndarray], tuple[int, int]], dict[str, np.ndarray]]:
    """Return the NMS of the model folder, applied to scores and deltas; boxes in network pixels."""
    rule = known["suppression"]
    hard = rule["hard_above"] >= 0
    config = NmsConfig(
        "hard" if hard else "gaussian",
        rule["hard_above"] if hard else 0.5,
        rule["sigma"],
        max_detections=rule["max_detections"],
    )
    anchors = tf.constant(known["anchors"], tf.float32)

    @tf.function
    def suppress(scores: tf.Tensor, deltas: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = tf.clip_by_value(scores, SMALLEST, 1 - 1e-7)
        return detect(
            {"class_logits": tf.math.log(scores / (1 - scores)), "box_deltas": deltas},
            anchors,
            config,
        )

    def finish(outputs: list[np.ndarray], size: tuple[int, int]) -> dict[str, np.ndarray]:
        scores, deltas = (
            outputs if outputs[1].shape[2] == 4 else outputs[::-1]
        )  # with 4 classes only the order of the writer tells them apart
        found = {
            name: value.numpy()[0]
            for name, value in suppress(tf.constant(scores), tf.constant(deltas)).items()
        }
        return {name: found[name][: int(found["count"])] for name in ("boxes", "scores", "labels")}

    return finish


OPENERS: dict[str, Callable[[Path], Run]] = {
    ".pb": _open_frozen,
    ".onnx": _open_onnx,
    ".xml": _open_openvino,
    ".tflite": _open_tflite,
}
