"""The threshold that serves each class best."""

import numpy as np
import pytest

from algorithm.evaluation.operating_point import FEWEST_OBJECTS, confidence_curve


def curve(*classes):
    """Of (scores of hits, scores of misses, objects) for each class."""
    labels, scores, right = [], [], []
    for label, (hits, misses, _) in enumerate(classes):
        labels += [label] * (len(hits) + len(misses))
        scores += [*hits, *misses]
        right += [True] * len(hits) + [False] * len(misses)
    right = np.array(right, bool)
    truths = np.array([objects for *_, objects in classes])
    return confidence_curve(np.array(labels), np.array(scores), right, ~right, truths)


SURE = ([0.9] * 30, [0.6] * 40, 30)  # all misses lie below 0.61
SHY = ([0.3] * 30, [0.1] * 40, 30)  # hits end at 0.3


def test_each_class_gets_the_middle_of_its_best_thresholds():
    found = curve(SURE, SHY)
    assert found.class_thresholds().tolist() == [0.76, 0.21]
    assert found.at_class_thresholds().f1 == 1.0 > found.operating_point().f1
    first, second = found.operating_point().per_class
    assert (first["best_confidence"], first["best_f1"]) == (0.76, 1.0)
    assert second["best_confidence"] == 0.21


def test_a_class_with_few_objects_keeps_the_common_threshold():
    few = ([0.3] * (FEWEST_OBJECTS - 1), [0.1] * 5, FEWEST_OBJECTS - 1)
    found = curve(SURE, few)
    assert found.class_thresholds()[1] == found.threshold


def test_a_class_without_objects_or_hits():
    found = curve(SURE, ([], [0.5], 0), ([], [0.4], 30))
    rows = found.operating_point().per_class
    assert rows[1]["best_confidence"] is None and rows[1]["best_f1"] is None
    assert rows[2]["best_confidence"] == found.threshold
    assert found.at_class_thresholds().f1 == pytest.approx(0.5)
