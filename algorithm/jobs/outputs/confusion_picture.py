"""The confusion matrix of an evaluation during training, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algorithm.assessment.errors.error_kinds import confusion_matrix, find_errors
from algorithm.data import Dataset
from algorithm.evaluation.detection_matching import find_overlaps
from algorithm.evaluation.evaluator import Evaluator
from algorithm.evaluation.records import Records, make_records


def confusion_picture(evaluator: Evaluator) -> np.ndarray:
    """Draw the confusion matrix of an evaluator's latest run, at its best confidence threshold.

    Args:
        evaluator: Has run at least once.

    Returns:
        uint8 [H, W, 3].
    """
    # Matplotlib is imported only now: it takes a while, and many jobs evaluate at their end alone.
    from algorithm.assessment.report.plots import confusion_pixels

    return confusion_pixels(
        *confusion_of(evaluator.dataset, evaluator.detections, evaluator.threshold)
    )


def confusion_of(
    dataset: Dataset, detections: Sequence[dict[str, np.ndarray]], threshold: float
) -> tuple[Records, np.ndarray]:
    """Count what was taken for what in the EVAL pictures.

    Args:
        dataset: Its EVAL samples are the truth.
        detections: Of each EVAL sample: boxes float32 [M, 4] yxyx in pixels of the picture, scores
            float32 [M], labels int32 [M].
        threshold: Detections at or above it count.

    Returns:
        The records, and the matrix int64 [K + 1, K + 1], see error_kinds.confusion_matrix.
    """
    samples = dataset.eval
    records = make_records(
        dataset.label_names,
        [sample.source for sample in samples],
        [(sample.boxes, sample.labels, sample.is_crowd) for sample in samples],
        [(each["boxes"], each["labels"], each["scores"]) for each in detections],
    )
    errors = find_errors(records, find_overlaps(records), threshold)
    return records, confusion_matrix(records, errors)
