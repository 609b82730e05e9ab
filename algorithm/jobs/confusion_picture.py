"""The confusion matrix of an evaluation during training, as a picture."""

from __future__ import annotations

import numpy as np

from algorithm.assessment.errors.error_kinds import confusion_matrix, find_errors
from algorithm.evaluation.detection_matching import find_overlaps
from algorithm.evaluation.evaluator import Evaluator
from algorithm.evaluation.records import make_records


def confusion_picture(evaluator: Evaluator) -> np.ndarray:
    """Draw the confusion matrix of an evaluator's latest run, at its best confidence threshold.

    Args:
        evaluator: Has run at least once.

    Returns:
        uint8 [H, W, 3].
    """
    # Matplotlib is imported only now: it takes a while, and many jobs evaluate at their end alone.
    from algorithm.assessment.report.plots import confusion_pixels

    samples, found = evaluator.dataset.eval, evaluator.detections
    records = make_records(
        evaluator.dataset.label_names,
        [sample.source for sample in samples],
        [(sample.boxes, sample.labels, sample.is_crowd) for sample in samples],
        [(each["boxes"], each["labels"], each["scores"]) for each in found],
    )
    errors = find_errors(records, find_overlaps(records), evaluator.threshold)
    return confusion_pixels(records, confusion_matrix(records, errors))
