"""The metrics object the platform shows for a training job and for a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_DECIMALS = 6  # the platform accepts at most 17


@dataclass(frozen=True)
class ClassScores:
    """The scores of one class, each 0 to 1.

    Attributes:
        class_name: Its name.
        class_id: 0..K-1, its place in the label list.
        precision: Its precision.
        recall: Its recall.
        f1: Its F1.
    """

    class_name: str
    class_id: int
    precision: float
    recall: float
    f1: float


def metrics_object(classes: Sequence[ClassScores], *, accuracy: float | None = None) -> dict:
    """Return the platform's metrics object.

    It has totals, which are means over the classes, and one entry per class.

    Args:
        classes: The scores of each class.
        accuracy: The overall figure that the platform shows under that name; None leaves the key
            out.

    Returns:
        The object, ready for JSON.
    """
    return {
        "total_metric": {
            "total_metric_meta": {},
            "total_reserved_data": {},
            "total_metric_values": _total_values(classes, accuracy),
        },
        "metric": [
            {
                "metric_meta": {"class_name": scores.class_name, "class_id": scores.class_id},
                "metric_values": _values(scores.recall, scores.precision, scores.f1),
                "reserved_data": {},
            }
            for scores in classes
        ],
    }


def _total_values(classes: Sequence[ClassScores], accuracy: float | None) -> dict[str, float]:
    values = _values(
        _mean([scores.recall for scores in classes]),
        _mean([scores.precision for scores in classes]),
        _mean([scores.f1 for scores in classes]),
    )
    return values if accuracy is None else values | {"accuracy": _number(accuracy)}


def _values(recall: float, precision: float, f1: float) -> dict[str, float]:
    return {"recall": _number(recall), "precision": _number(precision), "f1_score": _number(f1)}


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the values that are defined; a class without ground truth has none."""
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else 0.0


def _number(value: float) -> float:
    """Return a number that JSON can hold: rounded, and 0 where the figure is undefined."""
    return 0.0 if math.isnan(value) else round(float(value), _DECIMALS)
