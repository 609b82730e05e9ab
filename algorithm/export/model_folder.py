"""The model folder: a SavedModel with everything the platform needs to serve it."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import algorithm
from algorithm.errors import DataError
from algorithm.export.carried_package import carry
from algorithm.modelarts.model_index import FULL_DEPTH, INDEX, index_content

SAVED_MODEL_PARTS = (
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
)
MODEL_PARTS = (*SAVED_MODEL_PARTS, "customize_service.py", "config.json", "index")
HANDLER = Path(algorithm.__file__).parent.parent / "customize_service" / "customize_service.py"
COMPANIONS = (
    "local_model.py",
    "mask_forms.py",
    "pictures.py",
    "request_fields.py",
)  # the files that the handler loads from the folder it lies in
# One more, which this package uses too.
SHARED = Path(algorithm.__file__).parent / "ops" / "saved_functions.py"
# The newest runtime that the platform offers, for CPU and GPU.
RUNTIME = "tensorflow_2.6.0-cuda_11.2-py_3.7-ubuntu_18.04-x86_64"
# The packages that the handler imports. The lowest versions must exist for the runtime's Python
# 3.7, whose newest Pillow is 9.5.0; a higher numpy would replace the one that TensorFlow needs.
HANDLER_PACKAGES = (("numpy", "1.17.0"), ("Pillow", "9.5.0"))
METRICS = ("f1", "recall", "precision", "accuracy")
METRIC_DECIMALS = 6


def package_model(
    saved_model_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    label_names: Sequence[str],
    metrics: Mapping[str, float],
    handler: Path = HANDLER,
    beside: Sequence[str] = (),
    split: Path | None = None,
    bit_depth: int = FULL_DEPTH,
) -> Path:
    """Assemble a model folder beside its place and move it there, in place of an earlier one.

    The folder holds exactly MODEL_PARTS, COMPANIONS and SHARED, which serving needs, and what
    carried_package.carry adds for assessment, besides the folders that `beside` names and the
    record of the split.

    Args:
        saved_model_dir: The SavedModel.
        output_dir: The model folder.
        label_names: Names of the classes, class 1 first.
        metrics: Some of METRICS.
        handler: The inference handler.
        beside: Names of folders of the SavedModel to take along.
        split: split.json of the job, which tells the pictures that the model was trained on.
        bit_depth: The bits that 16-bit pictures use, for the handler and the assessment.

    Returns:
        The model folder.

    Raises:
        DataError: The SavedModel lacks a part or needs asset files, the handler is absent, or
            `output_dir` is something else than a model folder.
    """
    source, target = Path(saved_model_dir), Path(output_dir)
    _check(source, target, handler)
    staged = target.with_name(f".{target.name}.staged")
    shutil.rmtree(staged, ignore_errors=True)
    (staged / "variables").mkdir(parents=True)
    for part in SAVED_MODEL_PARTS:
        shutil.copyfile(source / part, staged / part)
    for name in beside:
        shutil.copytree(source / name, staged / name)
    shutil.copyfile(handler, staged / "customize_service.py")
    for name in COMPANIONS:
        shutil.copyfile(HANDLER.with_name(name), staged / name)
    shutil.copyfile(SHARED, staged / SHARED.name)
    carry(staged)
    if split is not None:
        shutil.copyfile(split, staged / split.name)
    _write_json(staged / "config.json", model_config(metrics))
    _write_json(staged / INDEX, index_content(label_names, bit_depth))
    _put_in_place(staged, target)
    return target


def missing_parts(model_dir: str | os.PathLike[str]) -> list[str]:
    """Return what a model folder lacks.

    Args:
        model_dir: The folder.

    Returns:
        Those of MODEL_PARTS, and of the files its handler loads, that are missing; empty for a
        complete folder.
    """
    folder = Path(model_dir)
    missing = [part for part in MODEL_PARTS if not (folder / part).is_file()]
    handler = (
        ""
        if "customize_service.py" in missing
        else (folder / "customize_service.py").read_text(encoding="utf-8", errors="replace")
    )
    named = sorted({f"{name}.py" for name in re.findall(r'companion\("(\w+)"\)', handler)})
    return missing + [name for name in named if not (folder / name).is_file()]


def model_config(metrics: Mapping[str, float]) -> dict[str, Any]:
    """Return the platform's config.json of a detection model.

    Args:
        metrics: Some of METRICS, rounded here. An undefined (non-finite) one is left out, because
            JSON cannot hold it.

    Returns:
        The content of the file.

    Raises:
        ValueError: The platform does not know a metric.
    """
    unknown = sorted(set(metrics) - set(METRICS))
    if unknown:
        raise ValueError(f"expected metrics among {', '.join(METRICS)}, found {', '.join(unknown)}")
    return {
        "model_algorithm": "object_detection",
        "model_type": "TensorFlow",
        "runtime": RUNTIME,
        "metrics": {
            name: round(float(metrics[name]), METRIC_DECIMALS)
            for name in METRICS
            if name in metrics and math.isfinite(metrics[name])
        },
        "apis": [
            {
                "protocol": "http",
                "url": "/",
                "method": "post",
                "request": {
                    "Content-type": "multipart/form-data",
                    "data": {"type": "object", "properties": {"images": {"type": "file"}}},
                },
                "response": {"Content-type": "application/json", "data": _reply_schema()},
            }
        ],
        "dependencies": [
            {
                "installer": "pip",
                "packages": [
                    {"package_name": name, "package_version": version, "restraint": "ATLEAST"}
                    for name, version in HANDLER_PACKAGES
                ],
            }
        ],
    }


def _reply_schema() -> dict[str, Any]:
    """Return the JSON Schema, in the platform's spelling, of the handler's reply."""
    numbers = {"type": "array", "items": [{"type": "number"}]}
    return {
        "type": "object",
        "required": ["detection_classes", "detection_boxes", "detection_scores"],
        "properties": {
            "detection_classes": {"type": "array", "items": [{"type": "string"}]},
            "detection_boxes": {
                "type": "array",
                "items": [{**numbers, "minItems": 4, "maxItems": 4}],
            },
            "detection_scores": numbers,
        },
    }


def _check(source: Path, target: Path, handler: Path) -> None:
    """Check that a folder will serve and that nothing else is destroyed.

    Raises:
        DataError: It would not serve, or something else would be destroyed.
    """
    absent = [part for part in SAVED_MODEL_PARTS if not (source / part).is_file()]
    if absent:
        raise DataError(f"expected a SavedModel in one shard, {source} lacks {', '.join(absent)}")
    if any((source / "assets").glob("*")):
        raise DataError(
            f"expected a SavedModel without asset files, {source / 'assets'} holds some"
        )
    if not handler.is_file():
        raise DataError(
            f"expected the inference handler at {handler}, found nothing: install the whole package"
        )
    replaceable = (target / "saved_model.pb").exists() or (
        target.is_dir() and not any(target.iterdir())
    )
    if target.exists() and not replaceable:
        raise DataError(
            f"expected an earlier model folder or nothing at {target}, found something else: move "
            "it away"
        )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(
        json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )


def _put_in_place(staged: Path, target: Path) -> None:
    """Move the finished folder to its name; the earlier one is kept until the new one stands."""
    earlier = target.with_name(f".{target.name}.earlier")
    shutil.rmtree(earlier, ignore_errors=True)
    if target.exists():
        target.replace(earlier)
    try:
        staged.replace(target)
    except OSError:
        if earlier.exists():
            earlier.replace(target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)
