"""What the best checkpoint detects in the EVAL pictures, kept beside it for the plots."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from algorithm.storage.atomic_files import write_bytes

FILE = "detections.npz"
_COLUMNS = ("boxes", "scores", "labels")


def save_detections(folder: Path, step: int, detections: Sequence[dict[str, np.ndarray]]) -> None:
    """Write the detections of one evaluation.

    Args:
        folder: Of the checkpoint, archive/.
        step: The checkpoint's global step.
        detections: For each EVAL sample, in order: boxes float32 [M, 4] yxyx in pixels of the
            picture, scores float32 [M], labels int32 [M].
    """
    counts = [len(found["scores"]) for found in detections]
    content = io.BytesIO()
    np.savez_compressed(
        content,
        step=np.int64(step),
        counts=np.array(counts, np.int64),
        boxes=np.concatenate([np.zeros((0, 4), np.float32), *(row["boxes"] for row in detections)]),
        scores=np.concatenate([np.zeros(0, np.float32), *(row["scores"] for row in detections)]),
        labels=np.concatenate([np.zeros(0, np.int32), *(row["labels"] for row in detections)]),
    )
    write_bytes(folder / FILE, content.getvalue())


def load_detections(folder: Path, step: int) -> list[dict[str, np.ndarray]] | None:
    """Read the detections of a checkpoint.

    Args:
        folder: Of the checkpoint.
        step: Its global step.

    Returns:
        As they were given to save_detections; None where the file is missing, damaged or of another
        step.
    """
    try:
        with (folder / FILE).open("rb") as opened, np.load(opened) as file:
            tables = {name: file[name] for name in ("step", "counts", *_COLUMNS)}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    if int(tables["step"]) != step:
        return None
    ends = tables["counts"].cumsum()[:-1]
    parts = {name: np.split(tables[name], ends) for name in _COLUMNS}
    return [
        {name: parts[name][place] for name in _COLUMNS} for place in range(len(tables["counts"]))
    ]
