"""Every format as a row: what writes it, and what a person must know to use it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.data.split_record import FILE as SPLIT
from algorithm.errors import AlgorithmError, ArgumentError, DataError
from algorithm.export.formats import whole_graph_formats
from algorithm.export.formats.mask_overlap import overlap_of_masks
from algorithm.export.formats.openvino_network import write_openvino
from algorithm.export.formats.runtimes import DESCRIPTION, has_masks, open_exported
from algorithm.export.formats.source import Source, open_source
from algorithm.export.formats.tflite import write_tflite
from algorithm.extras import require_for_export
from algorithm.modelarts.model_index import INDEX, index_content
from algorithm.ops.rewriting import graph_as_written

NMS = ("none", "mediapipe")
_TOLERANCE = {
    "int8": 0.5,
    "fp16": 0.05,
}  # shares of the best score; the other formats have the one below
_EXACT = 0.01
_MASK_TOLERANCE = {"int8": 0.5, "fp16": 0.1}  # shares of the pixels of masks that may differ
_SIDE_OF_PROBE = 200


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        write: Called with (source, folder) and options; returns the path of the file or folder.
        weights: The weights of a network format, whose NMS is chosen; None for a whole graph.
    """

    write: Callable[..., Path]
    weights: str | None = None


FORMATS: dict[str, Format] = {
    "saved_model": Format(whole_graph_formats.write_saved_model),
    "frozen": Format(whole_graph_formats.write_frozen),
    "tflite": Format(partial(write_tflite, weights="float"), "float"),
    "tflite_fp16": Format(partial(write_tflite, weights="fp16"), "fp16"),
    "tflite_int8": Format(partial(write_tflite, weights="int8"), "int8"),
    "onnx": Format(whole_graph_formats.write_onnx),
    "openvino": Format(write_openvino, "float"),
}


def export_model(
    model_dir: Path,
    output: Path,
    name: str,
    *,
    nms: str = "none",
    calibration: Callable[[tuple[int, int]], Iterable[np.ndarray]] | None = None,
) -> Path:
    """Write a model folder's network in another format.

    `index` (class names), export.json and the split.json of the model folder come to lie beside it.
    The file is run by its own runtime
    and compared with the model folder before anything is put in place.

    Args:
        model_dir: The model folder.
        output: A new or empty folder.
        name: A key of FORMATS.
        nms: "none" or "mediapipe", for a network format.
        calibration: Takes the image size (height, width) and returns pictures for int8, float32
            [h, w, 3], pixels 0..255, as the network sees them.

    Returns:
        The file (or version folder) in `output`.

    Raises:
        ArgumentError: A package or the calibration is missing, or the format has no such NMS.
        DataError: There is no model folder, or `output` holds something.
        AlgorithmError: The file answers otherwise than the model.
    """
    row = FORMATS[name]
    check_request(output, name, nms=nms, calibrated=calibration is not None)
    source = open_source(model_dir)
    staged = output.with_name(f".{output.name}.staged")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    options: dict[str, Any] = {"nms": nms} if row.weights else {}
    if row.weights == "int8" and calibration is not None:
        options["pictures"] = calibration(source.image_size())
    try:
        path = row.write(source, staged, **options)
        (staged / INDEX).write_text(
            json.dumps(
                index_content(source.label_names, source.bit_depth), ensure_ascii=False, indent=1
            )
            + "\n",
            encoding="utf-8",
        )
        (staged / DESCRIPTION).write_text(
            json.dumps(_description(source, name, row, path, nms), ensure_ascii=False, indent=1)
            + "\n",
            encoding="utf-8",
        )
        if (model_dir / SPLIT).is_file():
            shutil.copyfile(model_dir / SPLIT, staged / SPLIT)
        _compare(source, row, path)
        if output.exists():
            output.rmdir()
        staged.replace(output)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return output / path.relative_to(staged)


def check_request(output: Path, name: str, *, nms: str, calibrated: bool) -> None:
    """Check what can be told of an export before any of its work.

    Args:
        output: The folder to write.
        name: A key of FORMATS.
        nms: As of export_model.
        calibrated: Whether there are pictures to calibrate on.

    Raises:
        ArgumentError: A package or the calibration is missing, or the format has no such NMS.
        DataError: `output` holds something.
    """
    if FORMATS[name].weights == "int8" and not calibrated:
        raise ArgumentError(
            "tflite_int8: expected pictures to measure the ranges on, found none; give --data_url"
        )
    if name == "openvino" and nms != "none":
        raise ArgumentError(
            f"nms={nms}: expected none for openvino, TFLite alone has that operation"
        )
    require_for_export(name, nms)
    if output.exists() and any(output.iterdir()):
        raise DataError(
            f"output {output}: expected a new or an empty folder, found files; give another one"
        )


def _description(source: Source, name: str, row: Format, path: Path, nms: str) -> dict[str, Any]:
    """Return the content of export.json."""
    masks = {"masks": True} if source.masks and nms == "none" else {}
    if not row.weights:
        return {
            "format": name,
            "file": path.name,
            "input": "images: uint8 [B, H, W, 3], RGB, any size"
            + ("; mask_above: float32 [], the score from which on masks are made" if masks else ""),
            "outputs": "boxes [ymin, xmin, ymax, xmax] in pixels, classes from 1, scores, count"
            + ("; masks int32 [B, M, R], run lengths as COCO counts them" if masks else ""),
            "nms": source.suppression(),
            **masks,
        }
    height, width = source.image_size()
    how = {
        "none": "none: decode the deltas on the anchors, then NMS; python -m algorithm evaluate "
        "does it as the model folder",
        "mediapipe": "TFLite_Detection_PostProcess, hard, IoU 0.5, per class",
    }[nms]
    outputs = {
        "none": "scores [1, A, K], deltas [1, A, 4]: ty, tx, th, tw"
        + (
            ", coefficients [1, A, k], prototypes [1, rows, columns, k]: their product above 0, "
            "enlarged by 4 to the input's pixels, inside of the box is a mask"
            if masks
            else ""
        ),
        "mediapipe": "boxes [ymin, xmin, ymax, xmax] in shares of the input, classes from 0, "
        "scores, count",
    }[nms]
    return {
        "format": name,
        "file": path.name,
        "nms": how,
        "outputs": outputs,
        "input": f"images: {'uint8' if row.weights == 'int8' else 'float32'} "
        f"[1, {height}, {width}, 3], RGB, pixels 0..255; keep the "
        "aspect, put the picture in the upper left corner, fill the rest with the mean",
        "image_size": [height, width],
        "form": nms,
        "mean": source.settings["mean"].tolist(),
        "suppression": {
            "hard_above": float(source.settings["hard_above"]),
            "sigma": float(source.settings["sigma"]),
            "max_detections": int(source.settings["max_detections"]),
        },
        "anchors": source.settings["anchors"].tolist() if nms == "none" else None,
        **masks,
    }


def _compare(source: Source, row: Format, path: Path) -> None:
    """Check that the written file answers a picture of noise as the model folder does.

    Raises:
        AlgorithmError: It does not.
    """
    pixels = np.random.default_rng(0).integers(
        0, 256, (_SIDE_OF_PROBE, _SIDE_OF_PROBE, 3), dtype=np.uint8
    )
    masks = has_masks(path)
    with graph_as_written():  # for one picture, rewriting takes longer than it spares
        expected, found = (
            open_exported(each, masks=masks)(pixels) for each in (source.folder, path)
        )
    best, other = (float(each["scores"].max(initial=0)) for each in (expected, found))
    if not abs(best - other) <= _TOLERANCE.get(row.weights or "", _EXACT) * best:
        raise AlgorithmError(
            f"export {path.name}: expected the answers of the model folder, found a best score of "
            f"{other:g} for {best:g} on the same picture; nothing was published"
        )
    if masks:
        differing = 1 - overlap_of_masks(expected, found)
        if not differing <= _MASK_TOLERANCE.get(row.weights or "", _EXACT):
            raise AlgorithmError(
                f"export {path.name}: expected the masks of the model folder, found "
                f"{differing:.0%} of their pixels otherwise on the same picture; nothing was "
                "published"
            )
