"""Predictions for picture files by the handler of a model folder."""

from __future__ import annotations

import glob
import io
import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from algorithm.errors import DataError
from algorithm.serving.model_handler import load_service

LOGGER = logging.getLogger(__name__)
# Those of data.readers, which serving may not import; a test compares the two.
PICTURE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".bmp",
    ".webp",
    ".gif",
    ".tif",
    ".tiff",
)
JPEG_QUALITY = 92
LayMasks = Callable[[np.ndarray, dict[str, Any]], np.ndarray]
Draw = Callable[
    [np.ndarray, Sequence[Sequence[float]], Sequence[str], Sequence[float], Sequence[str]],
    np.ndarray,
]


def predict(
    model_dir: str | os.PathLike[str],
    images: str,
    output_dir: str | os.PathLike[str],
    *,
    draw: Draw,
    lay_masks: LayMasks | None = None,
) -> Path:
    """Ask the handler of a model folder about picture files, and write what it answers.

    Each picture is drawn as `<picture name>.detections.jpg` in the output folder.

    Args:
        model_dir: The model folder.
        images: A file, a directory, or a glob pattern (`**` goes into subdirectories).
        output_dir: The folder for the results.
        draw: Takes pixels uint8 [H, W, 3], boxes [ymin, xmin, ymax, xmax] in pixels, class names,
            scores, and all names of the model; returns the drawn picture, uint8 [H, W, 3].
        lay_masks: Asks for masks too; takes pixels and the reply, and returns the pixels with its
            masks, on which `draw` draws.

    Returns:
        The written `detections.json`: {picture path: the service's reply}.

    Raises:
        DataError: Nothing matches, the model folder is not usable, or a picture is not usable; that
            is said after the others are done.
    """
    paths = find_pictures(images)
    service = load_service(model_dir)
    names = tuple(getattr(service, "label_names", ()))
    root = os.path.commonpath([path.parent for path in paths])
    replies: dict[str, Any] = {}
    complaints = []
    for path in paths:
        try:
            pixels, reply = _ask(service, path, {"masks": "rle"} if lay_masks else {})
        except DataError as error:
            LOGGER.error("%s", error)
            complaints.append(str(error))
            continue
        replies[str(path)] = reply
        marked = draw(
            lay_masks(pixels, reply) if lay_masks else pixels,
            reply["detection_boxes"],
            reply["detection_classes"],
            reply["detection_scores"],
            names,
        )
        _write(Path(output_dir) / f"{path.relative_to(root)}.detections.jpg", _jpeg(marked))
    written = Path(output_dir) / "detections.json"
    _write(written, json.dumps(replies, ensure_ascii=False, indent=1, allow_nan=False).encode())
    if complaints:
        raise DataError(
            "\n".join([f"{len(complaints)} of {len(paths)} pictures are not usable:", *complaints])
        )
    return written


def find_pictures(images: str) -> list[Path]:
    """Find picture files.

    Args:
        images: A file, a directory, or a glob pattern (`**` goes into subdirectories).

    Returns:
        The files, sorted.

    Raises:
        DataError: There is none.
    """
    if Path(images).is_dir():
        paths = [path for path in Path(images).iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    elif Path(images).exists():  # a file name may hold [ ] or *
        paths = [Path(images)]
    else:
        paths = [Path(name) for name in glob.glob(images, recursive=True)]  # noqa: PTH207 - it takes absolute patterns
    files = sorted(path for path in paths if path.is_file())
    if not files:
        raise DataError(
            f"expected picture files at {images}, found none; check the path, and quote a glob "
            "pattern"
        )
    return files


def _ask(service: Any, path: Path, fields: dict[str, str]) -> tuple[np.ndarray, dict[str, Any]]:
    """Return pixels uint8 [H, W, 3] and the reply of one picture file.

    Raises:
        DataError: It has no answer; the message names the file.
    """
    try:
        picture = {str(path): io.BytesIO(path.read_bytes())}
        prepared = service._preprocess({"images": picture, **fields})
        return np.asarray(prepared["images"])[0], service._postprocess(service._inference(prepared))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # the handler may be anybody's code
        reason = getattr(error, "reason", None)  # it names the picture
        raise DataError(
            reason or f"{path}: no answer from the model: {type(error).__name__}: {error}"
        ) from error


def _jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Write the whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)
