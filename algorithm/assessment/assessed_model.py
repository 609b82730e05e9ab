"""The model folder under assessment: its classes, its answers, and its thresholds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.data.outlines import RunLengths, compressed_masks
from algorithm.errors import DataError
from algorithm.modelarts.model_index import INDEX, THRESHOLDS
from algorithm.ops.saved_functions import SavedFunctions
from algorithm.storage.atomic_files import write_json

SIGNATURE = "serving_default"
MASK_SIGNATURE = "masks"
OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
MASK_OUTPUT = "detection_masks"
CONFIG = "config.json"
CONFIG_DECIMALS = 6


@dataclass(frozen=True)
class Seen:
    """What a model sees in a picture.

    Attributes:
        boxes: float64 [M, 4], [ymin, xmin, ymax, xmax] in pixels.
        labels: int64 [M], from 0.
        scores: float64 [M].
        masks: M of them; none where only boxes were asked for.
    """

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    masks: Sequence[RunLengths] = ()


Detect = Callable[[np.ndarray], Seen]
Run = Callable[[Mapping[str, Any]], dict[str, np.ndarray]]


@dataclass(frozen=True)
class AssessedModel:
    """A model folder that is loaded.

    Attributes:
        detect: Takes pixels uint8 [H, W, 3] and gives boxes.
        detect_masks: The same with masks, None of a model that has none.
        input_size: (height, width) of the network's input in pixels, of a model with masks.
    """

    detect: Detect
    detect_masks: Detect | None = None
    input_size: tuple[int, int] | None = None


def load_model(model_dir: Path) -> AssessedModel:
    """Load a model folder.

    Args:
        model_dir: The folder.

    Returns:
        The model.

    Raises:
        DataError: The folder holds no SavedModel, or one without the signature or outputs of a
            detector.
    """
    if not (model_dir / "saved_model.pb").is_file():
        raise DataError(
            f"expected a model folder with saved_model.pb at {model_dir}, found none: give the "
            "folder `model` that a finished training job wrote"
        )
    try:
        functions = SavedFunctions(model_dir)
        plain, masked = (f"signatures/{name}" for name in (SIGNATURE, MASK_SIGNATURE))
        run = functions.open(plain) if plain in functions.names else None
        run_masks = functions.open(masked) if masked in functions.names else None
    except Exception as error:  # damaged files surface as many unrelated types
        raise DataError(
            f"expected a SavedModel in {model_dir}, found one that cannot be loaded: {error}"
        ) from error
    if run is None:
        found = sorted(name.split("/")[1] for name in functions.names if "/" in name)
        raise DataError(
            f"expected the signature {SIGNATURE} in {model_dir}, found "
            f"{', '.join(found) or 'none'}: export the model again"
        )
    missing = sorted(set(OUTPUTS) - set(functions.outputs(plain)))
    if missing:
        raise DataError(
            f"expected a detector in {model_dir}, its signature lacks {', '.join(missing)}"
        )
    if run_masks is None:
        return AssessedModel(partial(_detected, run, {}))
    every = {"mask_above": np.float32(0)}
    height, width = functions.outputs("prepare")["inputs"][:2]
    return AssessedModel(
        partial(_detected, run, {}), partial(_detected, run_masks, every), (height, width)
    )


def _detected(run: Run, more: Mapping[str, Any], pixels: np.ndarray) -> Seen:
    """Return what a signature sees in a picture uint8 [H, W, 3]; `more` are its other arguments."""
    answer = run({"images": pixels[None], **more})
    count = int(answer["num_detections"][0])
    boxes, classes, scores = (answer[name][0, :count].astype(np.float64) for name in OUTPUTS[:3])
    runs = answer.get(MASK_OUTPUT)
    kept = np.zeros((0, 0), np.int32) if runs is None else runs[0, :count]
    masks = tuple(compressed_masks(kept, *pixels.shape[:2]))
    return Seen(boxes, classes.astype(np.int64) - 1, scores, masks)


def apply_thresholds(
    model_dir: Path,
    confidence: float,
    per_class: Mapping[str, float],
    nms_overlap: float | None,
    figures: dict[str, float],
) -> None:
    """Write the thresholds into `index` and the figures measured at them into config.json.

    index gets {"thresholds": {"confidence": c}}, "per_class": {name: c} where a class has another
    one, and, where further suppression helps, "nms_iou_threshold". Applying again replaces what was
    applied before.

    Args:
        model_dir: The model folder.
        confidence: The confidence threshold.
        per_class: The confidence threshold of each class.
        nms_overlap: The IoU of the further suppression, or None.
        figures: precision, recall and f1.

    Raises:
        DataError: A file is not usable; then nothing is written.
    """
    index, config = _read_json(model_dir / INDEX), _read_json(model_dir / CONFIG)
    own = {name: value for name, value in per_class.items() if value != confidence}
    thresholds = {
        "confidence": confidence,
        **({"per_class": own} if own else {}),
        **({} if nms_overlap is None else {"nms_iou_threshold": nms_overlap}),
    }
    metrics = {
        name: round(figures[name], CONFIG_DECIMALS) for name in ("f1", "recall", "precision")
    }
    write_json(model_dir / CONFIG, {**config, "metrics": {**config.get("metrics", {}), **metrics}})
    write_json(model_dir / INDEX, {**index, THRESHOLDS: thresholds})


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"expected a JSON object in {path}, found "
            f"{getattr(error, 'strerror', None) or error}: give the folder `model` that a "
            "finished training job wrote"
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"expected a JSON object in {path}, found {type(content).__name__}")
    return content
