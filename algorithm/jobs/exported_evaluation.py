"""The evaluation of an exported file by its own runtime, and pictures to calibrate one on."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.data import Dataset, Sample, load_dataset
from algorithm.data.feeding.decoding import decode_image
from algorithm.errors import ArgumentError
from algorithm.evaluation.coco_metrics import Evaluation, evaluate_detections
from algorithm.export.formats import export_model
from algorithm.export.formats.runtimes import exported_file, fitted, label_names_of, open_exported
from algorithm.export.formats.source import open_source

SPLITS = ("eval", "train", "all")
BYTES_PER_MB = 1e6


def evaluate_exported(
    path: Path, data_url: Path, *, split: str = "eval", most: int | None = None
) -> tuple[Evaluation, dict[str, Any]]:
    """Evaluate an exported file on the pictures of a split.

    Args:
        path: The file or folder, see open_exported.
        data_url: A dataset on the local disk.
        split: One of SPLITS.
        most: That many pictures at most, the first ones; None for all.

    Returns:
        The evaluation, and {"file", "mb", "ms"}: the file, its size (or that of the folder) in MB,
        and the median time of a picture in milliseconds.

    Raises:
        ArgumentError: The split has no pictures, or see open_exported.
        DataError: See open_exported and load_dataset.
    """
    names = label_names_of(path)
    run = open_exported(path)
    with tempfile.TemporaryDirectory() as folder:
        samples = _samples(_dataset(data_url, names, folder), split)[:most]
        if not samples:
            raise ArgumentError(
                f"split={split}: expected pictures in {data_url}, found none; choose one of "
                f"{', '.join(SPLITS)}"
            )
        detections, seconds = [], []
        for sample in samples:
            picture = decode_image(Path(sample.path).read_bytes(), sample.source)
            begun = time.perf_counter()
            detections.append(run(picture))
            seconds.append(time.perf_counter() - begun)
        evaluation = evaluate_detections(samples, detections, names)
    return evaluation, {
        "file": str(exported_file(path)),
        "mb": _megabytes(exported_file(path)),
        "ms": 1e3 * statistics.median(seconds),
    }


def export_with_calibration(
    model_dir: Path, output: Path, name: str, *, nms: str, data_url: Path | None, pictures: int
) -> Path:
    """Export a model folder, calibrated on training pictures where a dataset is given.

    Args:
        model_dir: The model folder.
        output: The folder to write into.
        name: The format.
        nms: The NMS of a network format, see export_model.
        data_url: The dataset, or None to export without calibration.
        pictures: How many training pictures to calibrate on.

    Returns:
        The path that was written, see export_model.

    Raises:
        ArgumentError, DataError, AlgorithmError: See export_model and load_dataset.
    """
    if data_url is None:
        return export_model(model_dir, output, name, nms=nms)
    with tempfile.TemporaryDirectory() as folder:
        source = open_source(model_dir)
        samples = _samples(_dataset(data_url, source.label_names, folder), "train")[:pictures]
        return export_model(
            model_dir,
            output,
            name,
            nms=nms,
            calibration=lambda size: _fitted(samples, size, source.settings["mean"]),
        )


def _fitted(
    samples: tuple[Sample, ...], size: tuple[int, int], mean: np.ndarray
) -> Iterable[np.ndarray]:
    for sample in samples:
        yield fitted(decode_image(Path(sample.path).read_bytes(), sample.source), size, mean)[0]


def _dataset(data_url: Path, names: tuple[str, ...], folder: str) -> Dataset:
    return load_dataset(
        data_url, clean=True, seed=0, work_dir=folder, label_names=names, require=()
    )


def _samples(dataset: Dataset, split: str) -> tuple[Sample, ...]:
    return dataset.train + dataset.eval if split == "all" else getattr(dataset, split)


def _megabytes(path: Path) -> float:
    """Return the size of a file (with its .bin, for .xml) or of a SavedModel."""
    if path.is_file():
        files = [path, *([path.with_suffix(".bin")] if path.suffix == ".xml" else [])]
    else:
        files = [path / "saved_model.pb", *(path / "variables").iterdir()]
    return sum(file.stat().st_size for file in files) / BYTES_PER_MB
