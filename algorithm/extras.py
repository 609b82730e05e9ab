"""The packages that not everyone has: which extra of this project brings them, and what needs them.

Imports nothing heavy, so that a command can ask before it begins.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from algorithm.errors import ArgumentError

EXPORT, OPENVINO, MEDIAPIPE = "export", "openvino", "mediapipe"
# What writes a format, and what runs it: an export is compared with its model before it is put in
# place.
OF_FORMAT: dict[str, dict[str, str]] = {
    "saved_model": {},
    "frozen": {},
    **{name: {"ai_edge_litert": EXPORT} for name in ("tflite", "tflite_fp16", "tflite_int8")},
    "onnx": {"tf2onnx": EXPORT, "onnx": EXPORT, "onnxruntime": EXPORT},
    "openvino": {"openvino": OPENVINO},
}
OF_NMS: dict[str, dict[str, str]] = {"none": {}, "mediapipe": {"mediapipe": MEDIAPIPE}}

OF_FILE = {
    ".tflite": ("ai_edge_litert", EXPORT),
    ".onnx": ("onnxruntime", EXPORT),
    ".xml": ("openvino", OPENVINO),
}


def require_for_export(name: str, nms: str) -> None:
    """Check that the packages of an export are there; none is imported.

    Args:
        name: The format, a key of OF_FORMAT.
        nms: A key of OF_NMS.

    Raises:
        ArgumentError: Packages are missing; all are named.
    """
    wanted = {**OF_FORMAT[name], **OF_NMS[nms]}
    missing = [package for package in wanted if find_spec(package) is None]
    if missing:
        words, what = (
            ("package", "which writes or checks")
            if len(missing) == 1
            else ("packages", "which write or check")
        )
        raise ArgumentError(
            f"format={name}: expected the {words} {', '.join(missing)}, {what} the "
            f"file, found none: {_install(wanted[package] for package in missing)}"
        )


def require_for_file(path: Path) -> None:
    """Check that the package that runs an exported file is there; it is not imported.

    Args:
        path: The file, or the folder of an export.

    Raises:
        ArgumentError: The package is missing.
    """
    described = path / "export.json"
    if described.is_file():
        path = path / str(json.loads(described.read_text(encoding="utf-8")).get("file", ""))
    package, extra = OF_FILE.get(path.suffix, ("", ""))
    if package and find_spec(package) is None:
        raise ArgumentError(
            f"{path.name}: expected the package {package}, which runs it, found none: "
            f"{_install([extra])}"
        )


def need(package: str, extra: str = EXPORT) -> ModuleType:
    """Import a package that not everyone has.

    Args:
        package: Its name.
        extra: The extra of this project that installs it.

    Returns:
        The package.

    Raises:
        ArgumentError: It is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ArgumentError(
            f"expected the package {package}, found none ({error}): {_install([extra])}"
        ) from error


def _install(extras: Iterable[str]) -> str:
    names = ",".join(sorted(set(extras)))
    return f"pip install 'efficientdet-modelarts[{names}]', in a clone pip install '.[{names}]'"
