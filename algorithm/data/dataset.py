"""A path to a checked Dataset: read, check, split, number the classes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from algorithm.data.cleaning.cleaning import Checked, checked_entries
from algorithm.data.labels import label_map, missing_classes, near_duplicates
from algorithm.data.readers.reader import Resolve
from algorithm.data.readers.recognition import read_listing
from algorithm.data.sample import Dataset, Sample
from algorithm.data.split import BOTH, assigned_usages
from algorithm.errors import DataError


def load_dataset(
    path: str | os.PathLike[str],
    *,
    clean: bool,
    seed: int,
    work_dir: str | os.PathLike[str],
    label_names: tuple[str, ...] | None = None,
    resolve: Resolve | None = None,
    require: tuple[str, ...] = BOTH,
    pictures_dir: str | os.PathLike[str] | None = None,
    eval_last: int = 0,
) -> Dataset:
    """The dataset at a local path, checked, split and with its label map.

    clean: drop what cannot be used and report it in work_dir, instead of complaining. seed: of the split, where the
    dataset has none. label_names: the classes of a model that exists, else they come from the training samples.
    eval_last: samples at the end for evaluation, where the dataset has no split; 0 for one by seed.
    resolve: local path of an obs:// or s3:// address in a manifest. require: usages that must have samples.
    pictures_dir: where pictures inside TFRecords are written out (default: work_dir).
    Raises DataError: path missing or empty, a file that is not what it should be, faults in the data (all in one
    message), no sample of a required usage, training boxes of a class outside `label_names`.
    """
    path, work_dir = Path(path), Path(work_dir)
    listing = read_listing(path, resolve, work_dir if pictures_dir is None else Path(pictures_dir))
    if not listing.entries and not listing.complaints:
        raise DataError(
            f"expected samples with usage TRAIN and EVAL in {path}, found none: check data_url"
        )
    checked, repairs = checked_entries(listing, clean=clean, work_dir=work_dir)
    ids = _unique_ids(checked)
    usages, notes = assigned_usages(
        ids,
        [row.entry.usage for row in checked],
        [row.names for row in checked],
        seed=seed,
        work_dir=work_dir,
        require=require,
        last=eval_last,
    )
    train_names = [
        name for row, usage in zip(checked, usages) if usage == "train" for name in row.names
    ]
    eval_names = [
        name for row, usage in zip(checked, usages) if usage == "eval" for name in row.names
    ]
    names, category_ids = label_map(train_names, listing.categories, label_names)
    samples = [
        _sample(row, image_id, usage, names) for row, image_id, usage in zip(checked, ids, usages)
    ]
    warnings = (
        *listing.warnings,
        *repairs,
        *notes,
        *missing_classes(eval_names, names),
        *near_duplicates({*names, *eval_names}),
    )
    return Dataset(
        train=tuple(sample for sample in samples if sample.usage == "train"),
        eval=tuple(sample for sample in samples if sample.usage == "eval"),
        label_names=names,
        category_ids=category_ids,
        warnings=warnings,
        fingerprint=fingerprint(samples, names),
    )


def fingerprint(samples: Sequence[Sample], label_names: Sequence[str]) -> str:
    """SHA-256, in hex, over ids, usage, boxes, labels and crowd marks of the samples and over the label names."""
    digest = hashlib.sha256()
    for text in (*label_names, ""):
        digest.update(text.encode() + b"\0")
    for sample in samples:
        digest.update(f"{sample.image_id}\0{sample.usage}\0{len(sample.labels)}\0".encode())
        for array, kind in ((sample.boxes, "<f4"), (sample.labels, "<i4"), (sample.is_crowd, "?")):
            digest.update(np.ascontiguousarray(array, kind).tobytes())
    return digest.hexdigest()


def _unique_ids(checked: list[Checked]) -> list[str]:
    """The ids the dataset gives, or, where two samples share one, the sources."""
    ids = [row.entry.image_id for row in checked]
    return ids if len(set(ids)) == len(ids) else [row.entry.source for row in checked]


def _sample(row: Checked, image_id: str, usage: str, label_names: tuple[str, ...]) -> Sample:
    """The sample with numbered classes; boxes of a class that is no label are left out."""
    numbers = {name: number for number, name in enumerate(label_names)}
    known = np.array([name in numbers for name in row.names], bool)
    labels = np.array([numbers[name] for name in row.names if name in numbers], np.int32)
    return Sample(
        image_id,
        str(row.entry.path),
        row.entry.source,
        row.width,
        row.height,
        row.boxes[known],
        labels,
        row.ignored[known],
        usage,
        None if row.filled is None else _areas(row.boxes, row.filled)[known],
    )


def _areas(boxes: np.ndarray, filled: np.ndarray) -> np.ndarray:
    return filled * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
