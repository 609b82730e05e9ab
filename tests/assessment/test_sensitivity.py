"""Features, bins, slices and doubtful labels on cases known by arithmetic."""

import numpy as np
import pytest

from algorithm.assessment.errors.error_kinds import find_errors
from algorithm.assessment.errors.label_suspects import label_suspects, trusted_confidence
from algorithm.assessment.sensitivity.features import FEATURES, feature_values
from algorithm.assessment.sensitivity.picture_measures import laplacian, measure_picture
from algorithm.assessment.sensitivity.sensitivity import (
    BIN_NAMES,
    sensitivities,
    spread_of,
    weakest_slices,
)
from algorithm.evaluation.detection_matching import find_overlaps
from algorithm.evaluation.records import make_records


def errors_of(records, threshold=0.0):
    return find_errors(records, find_overlaps(records), threshold)


def row_of_objects(count, hits, label=lambda index: 0, classes=1):
    """One wide picture of `count` objects, the sizes rising from 4; those in `hits` are detected."""
    boxes = [[0, 100 * i, 4 + i, 100 * i + 4 + i] for i in range(count)]
    labels = [label(i) for i in range(count)]
    seen = [i for i in range(count) if i in hits]
    return make_records(
        [f"c{i}" for i in range(classes)],
        ["p"],
        [(boxes, labels)],
        [([boxes[i] for i in seen], [labels[i] for i in seen], [0.9] * len(seen))],
        [(1000, 100 * count)],
    )


def test_spread_is_the_population_standard_deviation():
    # deviations from 0.6: .4 .2 0 .2 .4; their squares make 0.4, a fifth of it 0.08
    assert spread_of(np.array([0.2, 0.4, 0.6, 0.8, 1.0])) == pytest.approx(0.08**0.5)


def test_recall_in_equal_count_bins():
    records = row_of_objects(25, hits=set(range(10, 25)))
    (found,) = [
        row
        for row in sensitivities(records, errors_of(records), feature_values(records, [None]))
        if row.key == "box_area"
    ]
    assert found.counts[:, 0].tolist() == [5] * 5 and len(BIN_NAMES) == 5
    assert found.recall[:, 0].tolist() == [0, 0, 1, 1, 1]
    assert found.spread[0] == pytest.approx(0.24**0.5)
    assert found.overall_spread == pytest.approx(0.24**0.5)
    assert (
        not found.by_chance[0]
        and found.edges[0] == pytest.approx(16 / 2500000)
        and found.edges[-1] == pytest.approx(784 / 2500000)
    )


def test_bins_are_of_all_classes_together():
    records = row_of_objects(10, hits={0, 9}, label=lambda i: int(i >= 5), classes=2)
    (found,) = [
        row
        for row in sensitivities(records, errors_of(records), feature_values(records, [None]))
        if row.key == "box_area"
    ]
    assert found.counts.tolist() == [[2, 0], [2, 0], [1, 1], [0, 2], [0, 2]]
    assert found.recall.tolist() == [[0.5, 0], [0, 0], [0, 0], [0, 0], [0, 0.5]]
    assert found.by_chance.all()  # ten objects prove nothing


def test_box_features_by_hand():
    records = make_records(
        ["a"],
        ["p", "q"],
        [([[0, 0, 20, 10], [0, 5, 20, 15]], [0, 0]), ([[40, 90, 60, 110]], [0])],
        [([], [], [])] * 2,
        [(100, 200), (100, 200)],
    )
    values = feature_values(records, [None, None])
    assert values["box_aspect"].tolist() == [2, 2, 1]
    assert values["box_area"].tolist() == pytest.approx([0.01, 0.01, 0.02])
    assert values["margin"][2] == 0 and values["margin"][0] == pytest.approx(
        np.hypot(40, 95) / np.hypot(50, 100)
    )
    assert values["overlap"].tolist() == [0.5, 0.5, 0]
    assert values["quantity"].tolist() == [2, 2, 1] and values["area_spread"].tolist() == [0, 0, 0]
    assert (
        values["resolution"].tolist() == [20000] * 3
        and values["picture_aspect"].tolist() == [0.5] * 3
    )
    assert "brightness" not in values  # no picture could be read


def test_picture_measures_by_hand():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, 30:] = (200, 0, 0)
    measured = measure_picture(pixels, np.array([[0, 0, 40, 20], [0, 35, 40, 60], [50, 0, 60, 9]]))
    red = round(200 * 0.299)
    assert measured.box_brightness.tolist() == pytest.approx([0, red, red / 2], abs=0.6)
    assert measured.box_clarity[:2].tolist() == [0, 0] and measured.clarity > 0
    assert measured.box_clarity[2] == measured.clarity  # no pixel inside: the picture's
    assert measured.saturation == pytest.approx(127.5)
    # rg is 0 or 200, yb 0 or 100: deviations 100 and 50, means 100 and 50
    assert measured.colourfulness == pytest.approx(1.3 * np.hypot(100, 50), rel=1e-5)
    assert laplacian(np.array([[0, 0, 0], [0, 9, 0], [0, 0, 0]], np.uint8))[1].tolist() == [
        9,
        -36,
        9,
    ]


def test_every_feature_of_the_platform_has_a_row():
    assert [row.scope for row in FEATURES].count("box") == 6 and [
        row.scope for row in FEATURES
    ].count("picture") == 8
    records = row_of_objects(5, hits=set())
    pixels = np.random.default_rng(0).integers(0, 255, (100, 500, 3), dtype=np.uint8)
    values = feature_values(records, [measure_picture(pixels, records.truth_boxes)])
    assert list(values) == [row.key for row in FEATURES]


def test_weak_slices_are_named():
    records = row_of_objects(200, hits=set(range(60, 200)))
    weakest = weakest_slices(errors_of(records), feature_values(records, [None]))
    assert weakest[0].name(0) == "small" and weakest[0].name(1) == "小目标"
    assert (weakest[0].count, weakest[0].recall) == (40, 0.0)


def test_doubtful_labels():
    there = [[0, 50 * i, 10, 50 * i + 10] for i in range(20)]
    found = [(box, 0, 0.9 - i / 1000) for i, box in enumerate(there[:18])]
    found += [
        (there[18], 1, 0.85),
        ([200, 0, 210, 10], 0, 0.84),
        ([0, 956, 10, 966], 0, 0.83),
        ([0, 1, 10, 11], 1, 0.82),
    ]
    records = make_records(
        ["a", "b"], ["p"], [(there, [0] * 20)], [tuple(zip(*found, strict=True))]
    )
    errors = errors_of(records)
    assert trusted_confidence(records, errors) == 0.82
    doubted = label_suspects(records, errors)
    # the last detection lies on an object that is also found as labelled: no reason to doubt that label
    assert [(row.kind, row.truth, row.score) for row in doubted] == [
        ("other_class", 18, 0.85),
        ("unlabelled", -1, 0.84),
        ("loose_box", 19, 0.83),
    ]


def test_a_model_that_is_often_wrong_is_not_believed():
    records = make_records(
        ["a"], ["p"], [([[0, 0, 9, 9]], [0])], [([[50, 50, 60, 60]], [0], [0.99])]
    )
    assert label_suspects(records, errors_of(records)) == []


def test_no_objects_give_no_findings():
    records = make_records(["a"], ["p"], [([], [])], [([], [], [])], [(10, 10)])
    errors = errors_of(records)
    assert (
        feature_values(records, [None]) == {}
        and weakest_slices(errors, {}) == []
        and label_suspects(records, errors) == []
    )
