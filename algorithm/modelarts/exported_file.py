"""An exported model on the disk: which file is opened, and what the `index` beside it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from algorithm.errors import DataError
from algorithm.modelarts.model_index import INDEX, THRESHOLDS, read_class_names

SUFFIXES = (".pb", ".tflite", ".onnx", ".xml")
CONFIDENCE = 0.3  # where the index has none, as in the handler; a test compares


@dataclass(frozen=True)
class Thresholds:
    """What detections must have to count, as the service applies it.

    Attributes:
        confidence: The least score, 0 to 1.
        overlap: The IoU above which the worse box of a class is dropped, or None.
        per_class: The least score of classes that have one of their own, by name.
    """

    confidence: float = CONFIDENCE
    overlap: float | None = None
    per_class: Mapping[str, float] = field(default_factory=dict)


def exported_file(path: Path) -> Path:
    """Return what is to be opened at a path: itself, a file in it, or the version folder in it.

    Raises:
        DataError: There is nothing to open.
    """
    if not path.exists():
        raise DataError(f"expected an exported model at {path}, found nothing: check the path")
    if path.is_file() or (path / "saved_model.pb").is_file():
        if path.is_file() and path.suffix not in SUFFIXES:
            raise DataError(
                f"expected a model folder, .pb, .tflite, .onnx or .xml, found {path}: check the "
                "path"
            )
        return path
    if (path / "export.json").is_file():
        return path / json.loads((path / "export.json").read_text(encoding="utf-8"))["file"]
    for inside in (path / "1", path / "model"):  # TensorFlow Serving's version, or a train_url
        if (inside / "saved_model.pb").is_file():
            return inside
    raise DataError(
        f"expected a model folder or an export at {path}, found neither saved_model.pb nor "
        "export.json: check the path"
    )


def label_names_of(path: Path) -> tuple[str, ...]:
    """Return the class names in the file `index` in or beside an exported file.

    Raises:
        DataError: There is no such file, or it holds no names.
    """
    return read_class_names(index_folder(path))


def thresholds_of(path: Path) -> Thresholds:
    """Return the thresholds in the file `index` in or beside an exported file.

    Raises:
        DataError: There is no such file, or a threshold is not between 0 and 1.
    """
    file = index_folder(path) / INDEX
    found = json.loads(file.read_text(encoding="utf-8")).get(THRESHOLDS, {})
    confidence, overlap = found.get("confidence", CONFIDENCE), found.get("nms_iou_threshold")
    own = found.get("per_class", {})
    if not isinstance(own, dict) or not own.keys() <= set(label_names_of(path)):
        raise DataError(f"expected thresholds of the model's classes in {file}, found {own}")
    for value in (confidence, 0.0 if overlap is None else overlap, *own.values()):
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise DataError(f"expected thresholds between 0 and 1 in {file}, found {found}")
    return Thresholds(confidence, overlap, own)


def index_folder(path: Path) -> Path:
    """Return the folder with the file `index` of an exported file.

    Raises:
        DataError: There is no such file.
    """
    file = exported_file(path)
    for folder in (file, *file.parents[:2]):
        if (folder / INDEX).is_file():
            return folder
    raise DataError(
        f"expected the class names in a file `index` beside {file}, found none: keep the files of "
        "an export together"
    )
