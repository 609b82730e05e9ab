"""AP in resamples of the pictures (bootstrap).

Detections are matched once, because a picture's matches do not depend on the other pictures. A
resample gives each picture a weight, how often it was drawn, and AP is computed of the weighted
hits.
"""

from __future__ import annotations

import hashlib

import numpy as np

from algorithm.evaluation.average_precision import RECALLS, class_orders, coco_outcome
from algorithm.evaluation.detection_matching import Overlaps
from algorithm.evaluation.records import Records
from algorithm.evaluation.resampled import FIGURES, Resampled, of_class

RESAMPLES = 1000
SEED = 0
_CELLS = 2**20  # weights that are looked at together, so that they stay in the cache
_TIE = np.float32(1e-4)  # of a recall in percent, where 32 bits do not tell two apart
_STEPS = len(RECALLS) - 1
# A recall of k percent does not reach these of RECALLS, by the last bit of a number.
_MISSED_BY_A_BIT = np.arange(_STEPS + 1) / _STEPS < RECALLS


def resample(records: Records, overlaps: Overlaps) -> Resampled:
    """Compute AP and AP50 of resampled pictures.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`.

    Returns:
        The figures of RESAMPLES resamples. They depend on nothing but the arguments.
    """
    right, counted = coco_outcome(records, overlaps)
    return resample_outcome(records, records.labels, right, counted, ~records.crowd)


def resample_outcome(
    records: Records,
    labels: np.ndarray,
    right: np.ndarray,
    counted: np.ndarray,
    objects: np.ndarray,
) -> Resampled:
    """Compute AP of resampled pictures, of detections that are known to be right or wrong.

    Args:
        records: Truths and detections.
        labels: int64 [D], the class of each detection.
        right: bool [S, D], whether it is a hit at each IoU, 0.5 first.
        counted: bool [S, D], whether it counts at all.
        objects: bool [T], the truths to find.

    Returns:
        The figures; AP is the mean over the S rows.
    """
    pictures = len(records.names)
    weights = np.concatenate([np.ones((1, pictures), np.int32), _weights(pictures)])
    truths = np.zeros((records.classes, pictures), np.float32)
    np.add.at(truths, (records.truth_labels[objects], records.truth_pictures[objects]), 1)
    drawn = weights.astype(np.float32) @ truths.T
    table = np.full((len(FIGURES), len(weights), records.classes), np.nan)
    for label, order in enumerate(class_orders(labels, records.scores, records.classes)):
        if truths[label].any():
            aps = _class_aps(
                weights,
                records.pictures[order],
                right[:, order],
                counted[:, order],
                drawn[:, label],
            )
            table[:, :, label] = aps.mean(axis=1), aps[:, 0]
    rows = dict(zip(FIGURES, _mean_over_classes(table), strict=True))
    for figure, columns in zip(FIGURES, table, strict=True):
        for name, column in zip(records.label_names, columns.T, strict=True):
            rows[of_class(figure, name)] = column
    values = {name: row[1:] for name, row in rows.items()}
    points = {name: float(row[0]) for name, row in rows.items()}
    return Resampled(pictures, _digest(records), values, points)


def _weights(pictures: int) -> np.ndarray:
    """int32 [RESAMPLES, P]: how often each picture is drawn."""
    rng = np.random.default_rng(SEED)
    drawn = (rng.integers(pictures, size=pictures) for _ in range(RESAMPLES))
    return np.array([np.bincount(row, minlength=pictures) for row in drawn], np.int32)


def _class_aps(
    weights: np.ndarray,
    pictures: np.ndarray,
    right: np.ndarray,
    counted: np.ndarray,
    truths: np.ndarray,
) -> np.ndarray:
    """Compute the AP of a class in each resample.

    Only hits are looked at: precision is highest at them, and recall rises at them alone.

    Args:
        weights: int32 [R, P].
        pictures: int64 [N], of the class's detections by falling score.
        right: bool [S, N].
        counted: bool [S, N].
        truths: float32 [R], objects.

    Returns:
        float64 [R, S], over 101 recalls; NaN where a resample has no object.
    """
    ever = counted.any(axis=0)
    pictures, right, counted = pictures[ever], right[:, ever], counted[:, ever]
    rows = max(1, _CELLS // max(len(pictures), 1))
    aps = np.empty((len(weights), len(right)))
    for start in range(0, len(weights), rows):
        chunk = slice(start, start + rows)
        seen_so_far = _running_sum(weights[chunk], pictures)
        for place, (hit, counts) in enumerate(zip(right, counted, strict=True)):
            at = np.flatnonzero(hit)
            found = seen_so_far[:, at]
            left_out = np.flatnonzero(~counts)
            if len(left_out):
                lost = _running_sum(weights[chunk], pictures[left_out])
                before = np.searchsorted(left_out, at)
                found = found - np.pad(lost, ((0, 0), (1, 0)))[:, before]
            aps[chunk, place] = _weighted_ap(
                _running_sum(weights[chunk], pictures[at]), found, truths[chunk]
            )
    return aps


def _running_sum(weights: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """int32 [R, N]: the weights of the first 1, 2, ... of `pictures`, int64 [N]."""
    sums = np.take(weights, pictures, axis=1)
    return np.cumsum(sums, axis=1, out=sums)  # whole numbers in place: several times faster


def _weighted_ap(hits: np.ndarray, found: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """AP of so many hits among so many detections up to each hit.

    Args:
        hits: int32 [R, H].
        found: int32 [R, H].
        truths: float32 [R], objects.

    Returns:
        float64 [R].
    """
    if not hits.shape[1]:
        return np.where(truths > 0, 0.0, np.nan)
    count = hits.astype(np.float32)
    precision = count / np.maximum(found, 1).astype(np.float32)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        count *= _STEPS / truths[:, None]  # recall in percent
    steps = np.floor(count + _TIE)
    reached = steps + 1  # how many of RECALLS
    tied = np.flatnonzero(count - steps < _TIE)
    reached.flat[tied] -= _MISSED_BY_A_BIT[steps.flat[tied].astype(int)]
    total = envelope[:, 0] * reached[:, 0]
    total += np.einsum("rh,rh->r", envelope[:, 1:], np.diff(reached, axis=1))
    return np.where(truths > 0, total / len(RECALLS), np.nan)


def _mean_over_classes(table: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is defined, NaN where nothing is."""
    defined = np.isfinite(table)
    count = defined.sum(axis=-1)
    total = np.where(defined, table, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def _digest(records: Records) -> str:
    """The objects, as 16 hexadecimal digits."""
    digest = hashlib.sha256(f"{len(records.names)} {records.classes}".encode())
    for array, kind in (
        (records.truth_pictures, "<i4"),
        (records.truth_labels, "<i4"),
        (records.truth_boxes, "<f4"),
        (records.crowd, "?"),
    ):
        digest.update(np.ascontiguousarray(array, kind).tobytes())
    return digest.hexdigest()[:16]
