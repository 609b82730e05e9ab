"""Curves: precision over recall, AP50 over the overlap in suppression, calibration of scores."""

from __future__ import annotations

import numpy as np

from algorithm.assessment.errors.error_kinds import CORRECT, FALSE_KINDS, Errors
from algorithm.evaluation.average_precision import (
    class_aps,
    class_orders,
    mean_ap,
    recall_precision,
)
from algorithm.evaluation.bootstrap import resample_outcome
from algorithm.evaluation.detection_matching import Overlaps, hits_and_misses
from algorithm.evaluation.records import Records
from algorithm.evaluation.resampled import Interval
from algorithm.ops.box_arrays import pairwise_iou

NMS_OVERLAPS = np.array([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
AS_EXPORTED = 1.0  # no suppression beside that in the exported graph
CURVE_POINTS = 101
CALIBRATION_BINS = 10


def precision_recall(records: Records, errors: Errors) -> list[list[tuple[float, float]]]:
    """Return each class's precision over recall.

    Args:
        records: Truths and detections.
        errors: The errors at confidence 0.

    Returns:
        For each class points (recall, precision) at its hits and its last detection, at most
        CURVE_POINTS of them; none for a class without objects or detections.
    """
    truths = records.truths_per_class()
    right, wrong = errors.found_kinds == CORRECT, np.isin(errors.found_kinds, FALSE_KINDS)
    curves = []
    for label, order in enumerate(class_orders(records.labels, records.scores, records.classes)):
        recall, precision = recall_precision(order, right, wrong, truths[label])
        corners = (
            np.union1d(np.flatnonzero(np.diff(recall, prepend=0.0)), [len(recall) - 1])
            if len(recall)
            else np.zeros(0, int)
        )
        chosen = (
            corners[np.unique(np.linspace(0, len(corners) - 1, CURVE_POINTS).round().astype(int))]
            if len(recall)
            else ()
        )
        curves.append(
            [(float(recall[i]), float(precision[i])) for i in chosen] if truths[label] else []
        )
    return curves


def nms_curve(records: Records, overlaps: Overlaps) -> dict[float, float]:
    """Return the mean AP50 after a further suppression at each of NMS_OVERLAPS.

    Within each class it drops what overlaps a better detection by more. This comes on top of the
    suppression in the exported graph; AS_EXPORTED leaves that as it is.

    Args:
        records: Truths and detections.
        overlaps: The overlaps of the truths and detections.

    Returns:
        AP50 by overlap.
    """
    truths, curve = records.truths_per_class(), {}
    kept_at = suppress(records, NMS_OVERLAPS)
    for overlap, kept in zip(NMS_OVERLAPS.tolist(), kept_at, strict=True):
        right, wrong = hits_and_misses(records, overlaps, kept)
        curve[overlap] = mean_ap(class_aps(records.labels, records.scores, right, wrong, truths))
    return curve


def best_overlap(curve: dict[float, float]) -> float:
    """Return the overlap with the highest AP50; AS_EXPORTED where no other one is better."""
    return max(curve, key=lambda overlap: (round(curve[overlap], 6), overlap))


def nms_gain_interval(records: Records, overlaps: Overlaps, overlap: float) -> Interval | None:
    """Return the 95 % interval of the AP50 that a further suppression adds.

    Args:
        records: Truths and detections.
        overlaps: The overlaps of the truths and detections.
        overlap: One of NMS_OVERLAPS.

    Returns:
        The interval; None where it is undefined.
    """
    both = []
    for kept in suppress(records, np.array([AS_EXPORTED, overlap])):
        right, wrong = hits_and_misses(records, overlaps, kept)
        outcome = (right[None], (right | wrong)[None])
        both.append(resample_outcome(records, records.labels, *outcome, ~records.crowd))
    return both[1].change_since(both[0], "AP50")


def suppress(records: Records, overlaps: np.ndarray) -> np.ndarray:
    """Return which detections stay after hard suppression within picture and class.

    Args:
        records: Truths and detections.
        overlaps: float64 [S], the overlaps to suppress at.

    Returns:
        bool [S, D].
    """
    kept = np.ones((len(overlaps), len(records.scores)), bool)
    pictures = np.arange(len(records.names) + 1)
    ends = np.searchsorted(records.pictures, pictures)
    for start, stop in zip(ends, ends[1:], strict=False):
        if stop - start < 2:
            continue
        boxes, labels = records.boxes[start:stop], records.labels[start:stop]
        iou = np.triu(pairwise_iou(boxes, boxes) * (labels[:, None] == labels), 1)
        here = kept[:, start:stop]
        for row in np.flatnonzero(iou.max(axis=1) > overlaps.min()):
            here &= ~(here[:, row, None] & (iou[row] > overlaps[:, None]))
    return kept


def calibration(records: Records, errors: Errors) -> tuple[list[dict[str, float]], float]:
    """Measure the calibration: does a score of 0.7 mean that 7 of 10 are right?

    Args:
        records: Truths and detections.
        errors: The errors at confidence 0.

    Returns:
        Bins of equal width over the scores, each with low, high, count, mean score and the share
        that is right; and the expected calibration error, which is the mean distance of the two,
        weighted by count (Guo et al. 2017), 0 without detections.
    """
    right = errors.found_kinds == CORRECT
    counted = right | np.isin(errors.found_kinds, FALSE_KINDS)
    scores, right = records.scores[counted], right[counted]
    place = np.clip((scores * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    rows, error = [], 0.0
    for index in range(CALIBRATION_BINS):
        inside = place == index
        count = int(inside.sum())
        score, share = (float(part[inside].mean()) if count else 0.0 for part in (scores, right))
        rows.append(
            {
                "low": index / CALIBRATION_BINS,
                "high": (index + 1) / CALIBRATION_BINS,
                "count": count,
                "score": score,
                "right": share,
            }
        )
        error += count * abs(score - share)
    return rows, error / len(scores) if len(scores) else 0.0
