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
from algorithm.export.formats.source import MASK_INPUT, MASK_OUTPUT, OUTPUTS
from algorithm.export.formats.whole_graph_formats import load_frozen
from algorithm.export.saved_model import MASKS, signatures_in
from algorithm.extras import need
from algorithm.modelarts.exported_file import exported_file
from algorithm.ops.detections import NmsConfig, detect
from algorithm.ops.image import letterbox_scale, pad_bottom_right, resize
from algorithm.ops.mask_assembly import fitted_shape, mask_runs
from algorithm.ops.saved_functions import SavedFunctions

Found = Mapping[str, np.ndarray]
Run = Callable[[np.ndarray], Found]
SMALLEST = 1e-9  # the lowest score whose logit is asked for
DESCRIPTION = "export.json"


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
    if masks and not has_masks(path):
        raise ArgumentError(
            "masks: expected a model that was trained with masks=True, or an export of one that "
            f"keeps them, found {path}, which answers with boxes only; train with masks=True, or "
            "leave out what asks for masks: --masks, --save_cutouts, load(..., masks=True)"
        )
    return OPENERS[path.suffix](path, masks) if path.is_file() else _open_saved_model(path, masks)


def has_masks(path: Path) -> bool:
    """Return whether the model folder or exported file at a path can answer with masks."""
    file = exported_file(path)
    if file.is_dir():
        return MASKS in signatures_in(file)
    described = file.with_name(DESCRIPTION)
    return described.is_file() and bool(_description(file).get("masks"))


def _detections(outputs: Mapping[str, Any], shape: tuple[int, ...]) -> Found:
    """Return the detections in the outputs of the signature for one picture of a shape."""
    boxes, classes, scores, count = (np.asarray(outputs[name])[0] for name in OUTPUTS)
    count = int(count)
    found = {
        "boxes": boxes[:count],
        "scores": scores[:count],
        "labels": classes[:count].astype(np.int32) - 1,
    }
    if MASK_OUTPUT in outputs:
        runs = np.asarray(outputs[MASK_OUTPUT])[0, :count]
        found["masks"] = compressed_masks(runs, *shape[:2])
    return found


def _open_saved_model(folder: Path, masks: bool) -> Run:
    whole = SavedFunctions(folder).open(f"signatures/{MASKS if masks else 'serving_default'}")
    more = {MASK_INPUT: np.float32(0)} if masks else {}
    return lambda picture: _detections(whole({"images": picture[None], **more}), picture.shape)


def _open_frozen(path: Path, masks: bool) -> Run:
    function = load_frozen(path, masks=masks)
    names = [*OUTPUTS, *([MASK_OUTPUT] if masks else [])]
    return lambda picture: _detections(
        dict(zip(names, function(picture[None]), strict=True)), picture.shape
    )


def _open_onnx(path: Path, masks: bool) -> Run:
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    options.log_severity_level = 3  # no warning that MASK_INPUT has a default
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [*OUTPUTS, *([MASK_OUTPUT] if masks else [])]
    more = {MASK_INPUT: np.array(0.0, np.float32)} if masks else {}
    return lambda picture: _detections(
        dict(zip(names, session.run(names, {"images": picture[None], **more}), strict=True)),
        picture.shape,
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


def _open_openvino(path: Path, masks: bool) -> Run:
    openvino = need("openvino", "openvino")
    known = _description(path)
    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    exits = sorted(
        model.outputs,
        key=lambda each: next(name for name in each.get_names() if name.startswith("Identity")),
    )  # the plug-in knows an output by the names of all operations that passed it on

    def outputs(pixels: np.ndarray) -> list[np.ndarray]:
        answer = model(pixels)
        return [answer[each] for each in exits]

    return _around_network(known, np.float32, outputs, masks)


def _open_tflite(path: Path, masks: bool) -> Run:
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

    return _around_network(known, entry["dtype"], outputs, masks)


def _description(path: Path) -> dict[str, Any]:
    file = path.with_name(DESCRIPTION)
    if not file.is_file():
        raise DataError(
            f"expected export.json beside {path}, found none: keep the files of an export together"
        )
    return json.loads(file.read_text(encoding="utf-8"))


def _around_network(
    known: Mapping[str, Any],
    kind: type,
    outputs: Callable[[np.ndarray], list[np.ndarray]],
    masks: bool,
) -> Run:
    """Return what a network format leaves to its caller.

    That is fitting the picture before it, and NMS, the way back to its pixels and the assembly of
    masks after it.
    """
    size, mean = tuple(known["image_size"]), np.array(known["mean"], np.float32)
    finish = _own_suppression(known, masks) if known["form"] == "none" else _four_outputs

    def run(picture: np.ndarray) -> Found:
        pixels, scale = fitted(picture, size, mean)
        if kind == np.uint8:
            pixels = np.rint(pixels).clip(0, 255)
        found = finish(outputs(pixels[None].astype(kind)), size)
        limit = np.array([*picture.shape[:2], *picture.shape[:2]], np.float32)
        found["boxes"] = np.clip(found["boxes"] / scale, 0, limit)
        return _assembled(found, scale, picture.shape) if masks else found

    return run


_mask_runs = tf.function(mask_runs, reduce_retracing=True)


def _assembled(found: dict[str, np.ndarray], scale: float, shape: tuple[int, ...]) -> Found:
    """Return detections with the masks of their coefficients and prototypes."""
    size = tf.constant([shape[:2]], tf.float32)
    runs = _mask_runs(
        tf.constant(found.pop("coefficients")[None]),
        tf.constant(found.pop("prototypes")[None]),
        tf.constant(found["boxes"][None]),
        tf.constant([len(found["boxes"])]),
        fitted_shape(size, tf.constant([scale], tf.float32)),
        size,
    )
    return {**found, "masks": compressed_masks(runs.numpy()[0], *shape[:2])}


def _four_outputs(outputs: list[np.ndarray], size: tuple[int, int]) -> dict[str, np.ndarray]:
    boxes, classes, scores, count = (np.asarray(output)[0] for output in outputs)
    count = int(count)
    return {
        "boxes": boxes[:count] * np.array([*size, *size], np.float32),
        "scores": scores[:count],
        "labels": classes[:count].astype(np.int32),
    }


def _own_suppression(
    known: Mapping[str, Any], masks: bool
) -> Callable[[list[np.ndarray], tuple[int, int]], dict[str, np.ndarray]]:
    """Return the NMS of the model folder, applied to a network's outputs; boxes in network pixels.

    With masks, detections keep their coefficients, and the prototypes of the picture.
    """
    rule = known["suppression"]
    hard = rule["hard_above"] >= 0
    config = NmsConfig(
        "hard" if hard else "gaussian",
        rule["hard_above"] if hard else NmsConfig.iou_threshold,
        rule["sigma"],
        max_detections=rule["max_detections"],
    )
    anchors = tf.constant(known["anchors"], tf.float32)

    @tf.function
    def suppress(scores: tf.Tensor, **more: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = tf.clip_by_value(scores, SMALLEST, 1 - 1e-7)
        return detect({"class_logits": tf.math.log(scores / (1 - scores)), **more}, anchors, config)

    parts = ("boxes", "scores", "labels", *(["coefficients"] if masks else []))

    def finish(outputs: list[np.ndarray], size: tuple[int, int]) -> dict[str, np.ndarray]:
        scores, deltas, *made = outputs
        if deltas.shape[2] != 4:  # with 4 classes only the order of the writer tells them apart
            scores, deltas = deltas, scores
        network = {"scores": tf.constant(scores), "box_deltas": tf.constant(deltas)}
        if masks:
            network["mask_coefficients"] = tf.constant(made[0])
        found = {name: value.numpy()[0] for name, value in suppress(**network).items()}
        kept = {name: found[name][: int(found["count"])] for name in parts}
        return {**kept, "prototypes": made[1][0]} if masks else kept

    return finish


OPENERS: dict[str, Callable[[Path, bool], Run]] = {
    ".pb": _open_frozen,
    ".onnx": _open_onnx,
    ".xml": _open_openvino,
    ".tflite": _open_tflite,
}
