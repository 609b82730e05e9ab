"""Kinds of error, their cost, curves and calibration on cases known by arithmetic."""

import numpy as np
import pytest

from algorithm.assessment.curves import (
    calibration,
    nms_curve,
    precision_recall,
    suppress,
)
from algorithm.assessment.errors.error_costs import COST_KINDS, error_costs
from algorithm.assessment.errors.error_kinds import confusion_matrix, find_errors
from algorithm.evaluation.average_precision import coco_figures
from algorithm.evaluation.detection_matching import find_overlaps, hits_and_misses
from algorithm.evaluation.operating_point import confidence_curve
from algorithm.evaluation.records import make_records

FAR = [500, 500, 520, 520]


def square(x, side=10):
    return [0, x, side, x + side]


def case(truths, found, classes=2):
    """One picture. truths: (box, class). found: (box, class, score)."""
    return make_records(
        [f"c{i}" for i in range(classes)],
        ["p"],
        [([t[0] for t in truths], [t[1] for t in truths])],
        [([f[0] for f in found], [f[1] for f in found], [f[2] for f in found])],
    )


def errors_of(records, threshold=0.0):
    return find_errors(records, find_overlaps(records), threshold)


def curve_of(records):
    return confidence_curve(
        records.labels,
        records.scores,
        *hits_and_misses(records, find_overlaps(records)),
        records.truths_per_class(),
    )


TRUTHS = [(square(0), 0), (square(100), 0), (square(200), 1), (square(300), 1), (square(400), 0)]
FOUND = [
    (square(0), 0, 0.95),  # correct
    (square(1), 0, 0.90),  # duplicate: IoU 9/11 with a truth that is taken
    (square(106), 0, 0.85),  # position: 4/16 = 0.25 with its own class
    (square(201), 0, 0.80),  # class: 9/11 with class 1
    (square(306), 0, 0.75),  # both: 0.25 with class 1 only
    (FAR, 1, 0.70),  # background
]


def test_every_kind_of_false_detection():
    errors = errors_of(case(TRUTHS, FOUND))
    assert errors.found_kinds.tolist() == [
        "correct",
        "duplicate",
        "position",
        "class",
        "both",
        "background",
    ]
    assert errors.matched.tolist() == [0, -1, -1, -1, -1, -1]
    assert errors.partner.tolist() == [-1, -1, 1, 2, -1, -1]
    assert errors.false_counts() == {
        "class": 1,
        "position": 1,
        "both": 1,
        "duplicate": 1,
        "background": 1,
    }


def test_every_kind_of_missed_object():
    errors = errors_of(case(TRUTHS, FOUND))
    assert errors.truth_kinds.tolist() == [
        "correct",
        "position",
        "class",
        "background",
        "background",
    ]
    # Two objects over each other, IoU 8/12, and one detection: the second object shares it.
    pair = errors_of(case([(square(0), 0), (square(2), 0)], [(square(0), 0, 0.9)]))
    assert pair.truth_kinds.tolist() == ["correct", "shared"]
    assert pair.missed_counts() == {"class": 0, "position": 0, "shared": 1, "background": 0}


def test_a_threshold_leaves_detections_out():
    errors = errors_of(case(TRUTHS, FOUND), 0.82)
    assert errors.found_kinds.tolist() == ["correct", "duplicate", "position", "", "", ""]
    assert errors.truth_kinds.tolist() == [
        "correct",
        "position",
        "background",
        "background",
        "background",
    ]


def test_a_detection_on_a_crowd_counts_for_nothing():
    records = make_records(
        ["a"],
        ["p"],
        [([square(0), square(50)], [0, 0], [True, False])],
        [([square(0)], [0], [0.9])],
    )
    errors = errors_of(records)
    assert errors.found_kinds.tolist() == [""] and errors.truth_kinds.tolist() == ["", "background"]


def test_confusion_matrix_by_hand():
    records = case(TRUTHS, FOUND)
    table = confusion_matrix(records, errors_of(records))
    # class 0: one found, two not detected; class 1: one taken for 0, one not detected; nothing there: 3 times 0, once 1
    assert table.tolist() == [[1, 0, 2], [1, 0, 1], [3, 1, 0]]
    assert table[:2].sum() == len(TRUTHS) and table[:, :2].sum() == len(FOUND)


def test_costs_by_hand():
    """One class, truths A and B, detections: background .9, A .8; B is not seen.

    AP50 of 101 points: recall reaches 1/2 at precision 1/2: 51 of 101 points at 0.5.
    """
    records = case(
        [(square(0), 0), (square(100), 0)], [(FAR, 0, 0.9), (square(0), 0, 0.8)], classes=1
    )
    costs = error_costs(records, errors_of(records))
    base = 51 / 101 * 0.5
    assert costs["background"] == pytest.approx(51 / 101 - base)
    assert costs["missed"] == pytest.approx(
        0.5 - base
    )  # one truth left: precision 1/2 up to recall 1
    assert costs["missed_objects"] == pytest.approx(0.5 - base)
    assert costs["false_detections"] == pytest.approx(51 / 101 - base)
    assert [costs[kind] for kind in ("class", "position", "both", "duplicate")] == [0.0] * 4


def test_corrected_errors_become_hits_once():
    # Two detections 0.25 off one object: put right, the better one is the hit, the other goes.
    records = case([(square(0), 0)], [(square(6), 0, 0.9), ([0, -6, 10, 4], 0, 0.8)], classes=1)
    assert error_costs(records, errors_of(records))["position"] == pytest.approx(1.0)
    wrong_class = case([(square(0), 0)], [(square(0), 1, 0.9)])
    assert error_costs(wrong_class, errors_of(wrong_class))["class"] == pytest.approx(1.0)
    taken = case([(square(0), 0)], [(square(6), 0, 0.9), (square(0), 0, 0.8)], classes=1)
    assert error_costs(taken, errors_of(taken))["position"] == pytest.approx(0.5)


def test_best_confidence_by_hand():
    # hit .9, miss .8, hit .7 of two objects: F1 2/3 above .8, 1/2 down to .7, 4/5 below
    records = case(
        [(square(0), 0), (square(100), 0)],
        [(square(0), 0, 0.9), (FAR, 0, 0.8), (square(100), 0, 0.7)],
        classes=1,
    )
    curve = curve_of(records)
    assert curve.mean_f1[[90, 81, 80, 70, 0, 91]] == pytest.approx(
        [2 / 3, 2 / 3, 0.5, 0.8, 0.8, 0.0]
    )
    assert curve.best == 35 and curve.precision[85, 0] == 1.0 and curve.recall[85, 0] == 0.5
    assert precision_recall(records, errors_of(records)) == [
        [(0.5, 1.0), (1.0, pytest.approx(2 / 3))]
    ]


def test_mean_f1_leaves_out_classes_without_objects():
    records = case([(square(0), 0)], [(square(0), 0, 0.9), (FAR, 1, 0.95)])
    curve = curve_of(records)
    assert curve.mean_f1[50] == 1.0


def test_suppression_by_hand():
    # 0.9 and 0.8 overlap by 9/11 = 0.82, 0.8 and 0.7 too, 0.9 and 0.7 by 8/12 = 0.67; another class is left alone.
    records = case(
        [(square(0), 0)],
        [(square(0), 0, 0.9), (square(1), 0, 0.8), (square(2), 0, 0.7), (square(0), 1, 0.6)],
    )
    kept = suppress(records, np.array([0.5, 0.7, 0.9]))
    assert kept.tolist() == [
        [True, False, False, True],
        [True, False, True, True],
        [True, True, True, True],
    ]


def test_ap_against_suppression():
    found = [(square(0), 0, 0.9), (square(1), 0, 0.8), (square(100), 0, 0.7)]
    records = case([(square(0), 0), (square(100), 0)], found, classes=1)
    curve = nms_curve(records, find_overlaps(records))
    assert curve[0.5] == pytest.approx(1.0)
    assert curve[1.0] == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_calibration_by_hand():
    records = case([(square(0), 0)], [(square(0), 0, 0.95), (FAR, 0, 0.95), (FAR, 1, 0.25)])
    rows, error = calibration(records, errors_of(records))
    assert rows[9] == {
        "low": 0.9,
        "high": 1.0,
        "count": 2,
        "score": pytest.approx(0.95),
        "right": 0.5,
    }
    assert rows[2]["count"] == 1 and rows[0]["count"] == 0
    assert error == pytest.approx((2 * 0.45 + 1 * 0.25) / 3)


def test_kinds_and_costs_hold_together_at_random(random_records):
    records = random_records(3)
    overlaps = find_overlaps(records)
    errors = find_errors(records, overlaps)
    costs = error_costs(records, errors)
    assert all(0 <= costs[kind] <= 1 for kind in COST_KINDS)
    assert nms_curve(records, overlaps)[1.0] == pytest.approx(
        coco_figures(records, overlaps)[0]["AP50"]
    )
    table = confusion_matrix(records, errors)
    assert table[:-1].sum() == (~records.crowd).sum()


def test_nothing_at_all_has_figures():
    records = case([], [])
    errors = errors_of(records)
    assert set(error_costs(records, errors).values()) == {0.0}
    curve = curve_of(records)
    assert curve.threshold == 0.99 and not curve.mean_f1.any()
    assert set(nms_curve(records, find_overlaps(records)).values()) == {0.0}
    assert calibration(records, errors)[1] == 0.0
    assert confusion_matrix(records, errors).sum() == 0
