"""The evaluation of an exported file by its own runtime."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from algorithm.data import Dataset, Sample, load_dataset
from algorithm.data.feeding.decoding import decode_image
from algorithm.data.split_record import UNRECORDED, SplitRecord, find_record
from algorithm.errors import ArgumentError
from algorithm.evaluation.coco_metrics import Evaluation, evaluate_detections
from algorithm.evaluation.mask_metrics import evaluate_masks
from algorithm.export.formats.runtimes import has_masks, open_exported
from algorithm.modelarts.exported_file import exported_file, index_folder
from algorithm.modelarts.model_index import read_bit_depth, read_class_names

_log = logging.getLogger("algorithm.jobs.evaluation")
SPLITS = ("eval", "train", "all")
BYTES_PER_MB = 1e6


def evaluate_exported(
    path: Path, data_url: Path, *, split: str = "eval", most: int | None = None
) -> tuple[Evaluation, dict[str, Any]]:
    """Evaluate an exported file on the pictures of a split.

    The split is the one that the training job recorded, in the model folder, in the export or
    beside it; else that of the dataset, and all pictures evaluate where it has none.

    Args:
        path: The file or folder, see open_exported.
        data_url: A dataset on the local disk.
        split: One of SPLITS.
        most: That many pictures at most, the first ones; None for all.

    Returns:
        The evaluation, and {"file", "mb", "ms", "may_have_been_trained_on"}: the file, its size (or
        that of the folder) in MB, the median time of a picture in milliseconds, and how many of
        the pictures the model may have been trained on (None where no record tells).

    Raises:
        ArgumentError: The split has no pictures, or see open_exported.
        DataError: See open_exported and load_dataset.
    """
    index = index_folder(path)
    names = read_class_names(index)
    run = open_exported(path, masks=has_masks(path))
    with tempfile.TemporaryDirectory() as folder:
        record = find_record(path)
        dataset = dataset_with_classes(
            data_url,
            names,
            folder,
            record,
            read_bit_depth(index),
            _required(split),
            outlines=True,
        )
        for line in (*dataset.warnings, *((UNRECORDED,) if record is None else ())):
            _log.warning("%s", line)
        samples = _samples(dataset, split)[:most]
        if not samples:
            raise ArgumentError(
                f"split={split}: expected pictures in {data_url}, found none; choose one of "
                f"{', '.join(SPLITS)}"
            )
        detections, seconds = [], []
        for sample in samples:
            picture = decode_image(Path(sample.path).read_bytes(), sample.source, sample.bit_depth)
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
        "may_have_been_trained_on": dataset.seen_among(samples),
    }


def dataset_with_classes(
    data_url: Path,
    names: tuple[str, ...],
    folder: str,
    record: SplitRecord | None,
    bit_depth: int,
    require: tuple[str, ...] = (),
    *,
    outlines: bool = False,
) -> Dataset:
    """Return a cleaned dataset whose classes are numbered as an exported model's.

    Args:
        data_url: The dataset.
        names: The classes of the model.
        folder: For intermediate files.
        record: The split that the training job recorded, or None.
        bit_depth: The bits that 16-bit pictures use, as of decode_image.
        require: The usages that must have samples.
        outlines: Whether to read outlines, too.
    """
    return load_dataset(
        data_url,
        clean=True,
        seed=0,
        work_dir=folder,
        label_names=names,
        require=require,
        record=record,
        bit_depth=bit_depth,
        outlines=outlines,
    )


def _required(split: str) -> tuple[str, ...]:
    return ("eval",) if split == "eval" else ()


def _samples(dataset: Dataset, split: str) -> tuple[Sample, ...]:
    return dataset.train + dataset.eval if split == "all" else getattr(dataset, split)


def _megabytes(path: Path) -> float:
    """Return the size of a file (with its .bin, for .xml) or of a SavedModel."""
    if path.is_file():
        files = [path, *([path.with_suffix(".bin")] if path.suffix == ".xml" else [])]
    else:
        files = [path / "saved_model.pb", *(path / "variables").iterdir()]
    return sum(file.stat().st_size for file in files) / BYTES_PER_MB
