"""A path to a checked Dataset: read, check, split, number the classes."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from algorithm.data.cleaning.cleaning import (
    Cleaned,
    checked_entries,
    inspect_entries,
    report_cleaning,
)
from algorithm.data.cleaning.findings import Checked
from algorithm.data.cleaning.picture_facts import Reading
from algorithm.data.feeding.decoding import FULL_DEPTH
from algorithm.data.labels import (
    label_map,
    missing_classes,
    near_duplicates,
    no_boxes,
    nothing_to_evaluate,
    require_listed,
)
from algorithm.data.outlines import Outline, RunLengths
from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.reader import Resolve
from algorithm.data.readers.recognition import read_listing
from algorithm.data.recorded_usages import recorded_usages
from algorithm.data.sample import Dataset, Sample
from algorithm.data.split import BOTH, assigned_usages
from algorithm.data.split_record import SplitRecord, contents_of
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
    record: SplitRecord | None = None,
    outlines: bool = False,
    bit_depth: int = FULL_DEPTH,
) -> Dataset:
    """Check the dataset at a local path, split it and give it a label map.

    Args:
        path: File, folder or pattern of a dataset.
        clean: Drop what cannot be used and report it in work_dir, instead of complaining.
        seed: Of the split, where the dataset has none.
        work_dir: Gets the reports of cleaning.
        label_names: The classes of a model that exists; None: those of the training samples.
        resolve: Gives the local paths of obs:// and s3:// addresses in a manifest.
        require: Usages that must have samples. With "train", TRAIN must have a box to learn from.
        pictures_dir: Where pictures inside TFRecords are written out (default: work_dir).
        eval_last: Samples at the end for evaluation, where the dataset has no split; 0: by seed.
        record: The split that a job recorded, which counts before that of the dataset.
        outlines: Read the outlines of objects too, where the dataset has them. They take memory.
        bit_depth: The bits that 16-bit pictures use, as of decode_image.

    Returns:
        The dataset. Its warnings say what was lost, how much and why.

    Raises:
        DataError: The path is missing or empty, a file is not what it should be, the data has
            faults (all in one message), more than half of the pictures or objects of a side cannot
            be used, a required usage has no sample, the model was trained on all that should be
            evaluated, or training boxes have a class outside label_names.
    """
    path, work_dir = Path(path), Path(work_dir)
    pictures_dir = work_dir if pictures_dir is None else Path(pictures_dir)
    listing = _listed(path, read_listing(path, resolve, pictures_dir, outlines=outlines))
    reading = Reading(bit_depth)
    checked, lines = checked_entries(listing, clean=clean, work_dir=work_dir, reading=reading)
    found = _Found(listing, checked, tuple(lines), bit_depth)
    return _dataset(found, seed, label_names, require, eval_last, record)


@dataclass(frozen=True)
class Survey:
    """What is in a dataset, with all that is wrong in it.

    Attributes:
        dataset: What can be used; None where nothing can.
        cleaned: Every finding.
        refusal: The error that a training job on this data would end in; None: it trains.
    """

    dataset: Dataset | None
    cleaned: Cleaned
    refusal: DataError | None


def survey_dataset(
    path: str | os.PathLike[str],
    *,
    decode: bool,
    seed: int,
    work_dir: str | os.PathLike[str],
    bit_depth: int = FULL_DEPTH,
) -> Survey:
    """Read the dataset at a local path as a cleaning job does, and collect its faults.

    Args:
        path: File, folder or pattern of a dataset.
        decode: Decode every picture, apply all rules of cleaning and write their report to
            work_dir; else headers are read.
        seed: Of the split, where the dataset has none.
        work_dir: As of load_dataset.
        bit_depth: As of load_dataset.

    Returns:
        The dataset with its faults, which are told, not raised.

    Raises:
        DataError: The path is no dataset at all.
    """
    path, work_dir = Path(path), Path(work_dir)
    listing = _listed(path, read_listing(path, None, work_dir, outlines=True))
    cleaned = inspect_entries(listing, decode=decode, reading=Reading(bit_depth))
    if decode:
        report_cleaning(cleaned, work_dir)
    refusal = cleaned.losses.refusal
    lines = (*cleaned.losses.lines, *cleaned.remarks.lines)
    found = _Found(listing, cleaned.usable, lines, bit_depth)
    for require in (BOTH, ()):
        try:
            dataset = _dataset(found, seed, None, require)
            return Survey(dataset, cleaned, refusal)
        except DataError as error:
            refusal = refusal or error
    return Survey(None, cleaned, refusal)


def _listed(path: Path, listing: Listing) -> Listing:
    """Return the listing under the name of its file or folder.

    Raises:
        DataError: It has nothing.
    """
    if not listing.entries and not listing.complaints:
        raise DataError(
            f"expected samples with usage TRAIN and EVAL in {path}, found none: check data_url"
        )
    return replace(listing, name=path.absolute().name)


@dataclass(frozen=True)
class _Found:
    """What was found in a listing.

    Attributes:
        listing: As it was read.
        checked: The entries that stay.
        lines: To log about them.
        bit_depth: As of load_dataset.
    """

    listing: Listing
    checked: list[Checked]
    lines: tuple[str, ...]
    bit_depth: int


def _dataset(
    found: _Found,
    seed: int,
    label_names: tuple[str, ...] | None,
    require: tuple[str, ...],
    eval_last: int = 0,
    record: SplitRecord | None = None,
) -> Dataset:
    checked = found.checked
    ids = _unique_ids(checked)
    stated: Sequence[str | None] = [row.entry.usage for row in checked]
    recorded = None
    if record is not None:
        contents = contents_of(row.entry.path for row in checked)
        recorded = recorded_usages(record, ids, contents, stated, require)
        stated = recorded.usages
    classes = [row.names for row in checked]
    usages, rule, notes = assigned_usages(
        ids, stated, classes, seed=seed, require=require, last=eval_last
    )
    sides = {
        side: [row for row, usage in zip(checked, usages, strict=True) if usage == side]
        for side in BOTH
    }
    if "train" in require and not any((~row.ignored).any() for row in sides["train"]):
        ignored = sum(len(row.names) for row in sides["train"])
        raise no_boxes(len(sides["train"]), found.lines, ignored, found.listing.warnings)
    train_names, eval_names = ([name for row in sides[side] for name in row.names] for side in BOTH)
    require_listed((*train_names, *eval_names), found.listing.categories)
    names, category_ids = label_map(train_names, found.listing.categories, label_names)
    numbers = {name: number for number, name in enumerate(names)}
    samples = [
        _sample(row, image_id, usage, numbers, found.bit_depth)
        for row, image_id, usage in zip(checked, ids, usages, strict=True)
    ]
    if not any(one is not None for sample in samples for one in sample.outlines or ()):
        samples = [replace(sample, outlines=None) for sample in samples]
    blind = sides["eval"] and not eval_names
    return Dataset(
        train=tuple(sample for sample in samples if sample.usage == "train"),
        eval=tuple(sample for sample in samples if sample.usage == "eval"),
        label_names=names,
        category_ids=category_ids,
        warnings=(
            *found.listing.warnings,
            *found.lines,
            *(recorded.lines if recorded else ()),
            *notes,
            *([nothing_to_evaluate(len(sides["eval"]))] if blind else ()),
            *missing_classes(eval_names, names),
            *near_duplicates({*names, *eval_names}),
        ),
        fingerprint=fingerprint(samples, names),
        split_rule=rule,
        seen=frozenset(ids[place] for place in recorded.seen) if recorded else None,
        same_eval=bool(recorded and recorded.same_eval),
        name=found.listing.name,
    )


def fingerprint(samples: Sequence[Sample], label_names: Sequence[str]) -> str:
    """Return SHA-256, in hex, over ids, usage, boxes, labels, crowd marks and the label names.

    Outlines count where the samples have them.
    """
    digest = hashlib.sha256()
    for text in (*label_names, ""):
        digest.update(text.encode() + b"\0")
    for sample in samples:
        digest.update(f"{sample.image_id}\0{sample.usage}\0{len(sample.labels)}\0".encode())
        for outline in sample.outlines or ():
            digest.update(_bytes_of(outline))
        for array, kind in ((sample.boxes, "<f4"), (sample.labels, "<i4"), (sample.is_crowd, "?")):
            digest.update(np.ascontiguousarray(array, kind).tobytes())
    return digest.hexdigest()


def _bytes_of(outline: Outline | None) -> bytes:
    if outline is None:
        return b"\0"
    if isinstance(outline, RunLengths):
        return f"{outline.height}x{outline.width} ".encode() + outline.counts
    return b"".join(np.ascontiguousarray(part, "<f4").tobytes() + b"\1" for part in outline.parts)


def _unique_ids(checked: list[Checked]) -> list[str]:
    """The ids the dataset gives, or, where two samples share one, the sources."""
    ids = [row.entry.image_id for row in checked]
    return ids if len(set(ids)) == len(ids) else [row.entry.source for row in checked]


def _sample(
    row: Checked, image_id: str, usage: str, numbers: dict[str, int], bit_depth: int
) -> Sample:
    """The sample with numbered classes; boxes of a class that is no label are left out."""
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
        tuple(itertools.compress(row.outlines or (None,) * len(row.names), known)),
        bit_depth=bit_depth,
    )


def _areas(boxes: np.ndarray, filled: np.ndarray) -> np.ndarray:
    return filled * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
