"""The evaluation of an exported file by its own runtime."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from algorithm.data import Dataset, Sample, load_dataset
from algorithm.data.feeding.decoding import decode_image
from algorithm.errors import ArgumentError
from algorithm.evaluation.coco_metrics import Evaluation, evaluate_detections
from algorithm.evaluation.mask_metrics import evaluate_masks
from algorithm.export.formats.runtimes import exported_file, label_names_of, open_exported

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
        dataset = dataset_with_classes(data_url, names, folder, outlines=True)
        samples = _samples(dataset, split)[:most]
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
        if "masks" in detections[0] and any(sample.outlines for sample in samples):
            evaluation = replace(evaluation, masks=evaluate_masks(samples, detections, names))
    return evaluation, {
        "file": str(exported_file(path)),
        "mb": _megabytes(exported_file(path)),
        "ms": 1e3 * statistics.median(seconds),
    }


def dataset_with_classes(
    data_url: Path, names: tuple[str, ...], folder: str, *, outlines: bool = False
) -> Dataset:
    """Return a cleaned dataset whose classes are numbered as an exported model's."""
    return load_dataset(
        data_url,
        clean=True,
        seed=0,
        work_dir=folder,
        label_names=names,
        require=(),
        outlines=outlines,
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
