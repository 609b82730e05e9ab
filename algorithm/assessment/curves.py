"""What a threshold does: precision against recall, F1 against the confidence, AP50 against the overlap in suppression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithm.assessment.errors.error_kinds import CORRECT, FALSE_KINDS, Errors
from algorithm.evaluation.average_precision import (
    class_aps,
    class_orders,
    mean_ap,
    recall_precision,
)
from algorithm.evaluation.matching import HIT_OVERLAP, NONE, Overlaps, match, pairwise_iou
from algorithm.evaluation.records import Records

CONFIDENCES = np.arange(100) / 100
NMS_OVERLAPS = np.array([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
AS_EXPORTED = 1.0  # no suppression besides that in the exported graph
CURVE_POINTS = 101
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class ConfidenceCurve:
    """Figures at every threshold of CONFIDENCES. precision, recall, f1: float64 [100, K]; mean_f1: [100], over the classes that
    have objects. best: the place of its highest value, of equals that with the highest F1 over all detections and of these the
    middle one; the highest threshold where all are 0."""

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    mean_f1: np.ndarray
    best: int

    @property
    def threshold(self) -> float:
        """The confidence threshold with the best mean F1."""
        return float(CONFIDENCES[self.best])


def confidence_curve(records: Records, errors: Errors) -> ConfidenceCurve:
    """errors: found at confidence 0. A match made at 0 stands at every threshold, because detections choose in order of score."""
    truths = records.truths_per_class()
    place = np.minimum(
        np.searchsorted(CONFIDENCES, records.scores, side="right") - 1, len(CONFIDENCES) - 1
    )
    hits, misses = (
        _at_least(records, place, which)
        for which in (errors.found_kinds == CORRECT, np.isin(errors.found_kinds, FALSE_KINDS))
    )
    precision = _ratio(hits, hits + misses)
    recall = _ratio(hits, np.broadcast_to(truths, hits.shape))
    f1 = _ratio(2 * hits, hits + misses + truths)
    present = truths > 0
    mean = f1[:, present].mean(axis=1) if present.any() else np.zeros(len(CONFIDENCES))
    together = _ratio(2 * hits.sum(axis=1), (hits + misses).sum(axis=1) + truths.sum())
    highest = np.flatnonzero(mean == mean.max())
    highest = highest[together[highest] == together[highest].max()]
    best = int(highest[len(highest) // 2]) if mean.any() else len(CONFIDENCES) - 1
    return ConfidenceCurve(precision, recall, f1, mean, best)


def _at_least(records: Records, place: np.ndarray, which: np.ndarray) -> np.ndarray:
    """int64 [100, K]: detections of a class whose score reaches each threshold."""
    table = np.zeros((len(CONFIDENCES), records.classes), np.int64)
    inside = which & (place >= 0)
    np.add.at(table, (place[inside], records.labels[inside]), 1)
    return table[::-1].cumsum(axis=0)[::-1]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)


def precision_recall(records: Records, errors: Errors) -> list[list[tuple[float, float]]]:
    """For each class points (recall, precision) at its hits and its last detection, at most CURVE_POINTS of them; none for a class
    without objects or detections."""
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
    """Mean AP50 after dropping, within each class, what overlaps a better detection by more than each of NMS_OVERLAPS.

    This comes on top of the suppression in the exported graph; AS_EXPORTED leaves that as it is.
    """
    truths, curve = records.truths_per_class(), {}
    kept_at = suppress(records, NMS_OVERLAPS)
    for overlap, kept in zip(NMS_OVERLAPS.tolist(), kept_at, strict=True):
        matched = match(records, overlaps, np.array([HIT_OVERLAP]), kept=kept)[0]
        hit = matched != NONE
        on_crowd = hit & np.append(records.crowd, False)[matched]
        curve[overlap] = mean_ap(
            class_aps(records.labels, records.scores, hit & ~on_crowd, kept & ~hit, truths)
        )
    return curve


def suppress(records: Records, overlaps: np.ndarray) -> np.ndarray:
    """bool [S, D]: detections that stay after hard suppression within picture and class at each of S overlaps."""
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
    """(bins of equal width over the scores, expected calibration error): does a score of 0.7 mean 7 of 10 are right?

    A bin: low, high, count, mean score, share that is right. The error is the mean distance of the two, weighted by count
    (Guo et al. 2017); 0 without detections. errors: found at confidence 0.
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
