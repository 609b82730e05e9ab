"""Precision, recall and F1 at the confidence threshold that serves best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pycocotools.cocoeval import COCOeval

_ALL_AREAS = 0
_IOU_50 = 0


@dataclass(frozen=True)
class OperatingPoint:
    """Figures at the confidence `threshold` with the highest F1 over all classes, at IoU 0.5.

    per_class: precision, recall and f1 of each class, in label order, at the same threshold.
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    per_class: tuple[dict[str, float], ...]


def _rates(true_positives: float, found: float, truths: float) -> dict[str, float]:
    precision = true_positives / found if found else 0.0
    recall = true_positives / truths if truths else 0.0
    total = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / total if total else 0.0,
    }


def _matches(
    evaluator: COCOeval, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores, hit flags and classes of all counted detections, and the number of truths of each class."""
    scores, hits, labels = [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, int)]
    truths = np.zeros(classes)
    for result in evaluator.evalImgs:
        if result is None or result["aRng"] != evaluator.params.areaRng[_ALL_AREAS]:
            continue
        label = evaluator.params.catIds.index(result["category_id"])
        counted = ~result["dtIgnore"][_IOU_50].astype(bool)
        scores.append(np.asarray(result["dtScores"])[counted])
        hits.append(result["dtMatches"][_IOU_50][counted] > 0)
        labels.append(np.full(int(counted.sum()), label))
        truths[label] += (~np.asarray(result["gtIgnore"], bool)).sum()
    return np.concatenate(scores), np.concatenate(hits), np.concatenate(labels), truths


def best_operating_point(evaluator: COCOeval) -> OperatingPoint:
    """The operating point of an evaluated COCOeval. With nothing found, all figures are 0 and the threshold is 1."""
    classes = len(evaluator.params.catIds)
    scores, hits, labels, truths = _matches(evaluator, classes)
    order = np.argsort(-scores, kind="stable")
    scores, hits, labels = scores[order], hits[order], labels[order]
    true_positives = np.cumsum(hits)
    f1 = 2 * true_positives / np.maximum(np.arange(1, len(scores) + 1) + truths.sum(), 1)
    # Detections of equal score come and go together: only the last of them is a threshold.
    last_of_score = np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, bool)
    f1 = np.where(last_of_score, f1, -1.0)
    best = int(np.argmax(f1)) if len(scores) and f1.max() > 0 else -1
    kept = slice(0, best + 1)
    overall = _rates(float(hits[kept].sum()), best + 1, truths.sum())
    per_class = tuple(
        _rates(
            float(hits[kept][labels[kept] == c].sum()), float((labels[kept] == c).sum()), truths[c]
        )
        for c in range(classes)
    )
    return OperatingPoint(float(scores[best]) if best >= 0 else 1.0, **overall, per_class=per_class)
