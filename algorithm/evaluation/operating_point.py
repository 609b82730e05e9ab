"""The confidence threshold that serves best, and precision, recall and F1 at it: one rule for all.

`metrics.json`, the platform's metrics and the assessment all take their figures from here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CONFIDENCES = np.arange(100) / 100
FEWEST_OBJECTS = 20  # of a class for a threshold of its own: fewer would fit it to chance


@dataclass(frozen=True)
class OperatingPoint:
    """Figures at one confidence threshold, at IoU 0.5.

    Attributes:
        threshold: Detections at or above it count.
        precision: Mean over the classes that have objects; 0 without any.
        recall: Likewise.
        f1: Likewise.
        per_class: Precision, recall and f1 of each class, in the order of the labels, and
            best_confidence, the threshold that serves the class best, with best_f1 at it; both are
            None without objects.
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    per_class: tuple[dict[str, float | None], ...]


@dataclass(frozen=True)
class ConfidenceCurve:
    """Figures at every threshold of CONFIDENCES.

    Attributes:
        precision: float64 [100, K].
        recall: float64 [100, K].
        f1: float64 [100, K].
        mean_f1: float64 [100], over the classes that have objects.
        present: bool [K], the classes that have objects.
        best: The place of the highest mean F1. Of equal ones those with the highest F1 over all
            detections, and of these the middle one; the highest threshold where all are 0.
        class_best: int64 [K], the place of each class's highest F1, of equal ones the middle one;
            `best` for a class with fewer than FEWEST_OBJECTS objects or without hits.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    mean_f1: np.ndarray
    present: np.ndarray
    best: int
    class_best: np.ndarray

    @property
    def threshold(self) -> float:
        """The confidence threshold with the best mean F1."""
        return float(CONFIDENCES[self.best])

    def operating_point(self) -> OperatingPoint:
        """Return the figures at the best threshold."""
        return self._at(np.full(len(self.present), self.best))

    def at_class_thresholds(self) -> OperatingPoint:
        """Return the figures with each class's own threshold; `threshold` is the common one."""
        return self._at(self.class_best)

    def class_thresholds(self) -> np.ndarray:
        """Return the threshold that serves each class best, float64 [K]."""
        return CONFIDENCES[self.class_best]

    def _at(self, places: np.ndarray) -> OperatingPoint:
        """The figures with the thresholds at these places of CONFIDENCES, one for each class."""
        labels = np.arange(len(self.present))
        rows = {
            name: table[places, labels]
            for name, table in (
                ("precision", self.precision),
                ("recall", self.recall),
                ("f1", self.f1),
            )
        }
        means = {
            name: float(row[self.present].mean()) if self.present.any() else 0.0
            for name, row in rows.items()
        }
        rows |= {
            "best_confidence": self.class_thresholds(),
            "best_f1": self.f1[self.class_best, labels],
        }
        per_class = tuple(
            {
                name: None if name.startswith("best") and not here else float(row[label])
                for name, row in rows.items()
            }
            for label, here in enumerate(self.present)
        )
        return OperatingPoint(self.threshold, **means, per_class=per_class)


def confidence_curve(
    labels: np.ndarray,
    scores: np.ndarray,
    right: np.ndarray,
    wrong: np.ndarray,
    truths: np.ndarray,
) -> ConfidenceCurve:
    """Count what is right and wrong at every threshold.

    A match made at threshold 0 stands at every threshold, because detections choose in order of
    their scores.

    Args:
        labels: int64 [D], the class of each detection.
        scores: float64 [D].
        right: bool [D], whether it matches an object of its class at IoU 0.5.
        wrong: bool [D], whether it matches none. Neither holds for one on a crowd.
        truths: int64 [K], objects of each class, without crowds.

    Returns:
        The curve over CONFIDENCES.
    """
    place = np.minimum(np.searchsorted(CONFIDENCES, scores, side="right"), len(CONFIDENCES)) - 1
    hits, misses = (
        _at_least(place[which], labels[which], len(truths))
        for which in (right & (place >= 0), wrong & (place >= 0))
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
    return ConfidenceCurve(
        precision, recall, f1, mean, present, best, _class_best(f1, truths, best)
    )


def _class_best(f1: np.ndarray, truths: np.ndarray, common: int) -> np.ndarray:
    """int64 [K], see ConfidenceCurve.class_best."""
    best = np.full(len(truths), common)
    for label in np.flatnonzero((truths >= FEWEST_OBJECTS) & f1.any(axis=0)):
        highest = np.flatnonzero(f1[:, label] == f1[:, label].max())
        best[label] = highest[len(highest) // 2]
    return best


def _at_least(place: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """int64 [100, K]: detections of a class whose score reaches each threshold."""
    table = np.zeros((len(CONFIDENCES), classes), np.int64)
    np.add.at(table, (place, labels), 1)
    return table[::-1].cumsum(axis=0)[::-1]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
