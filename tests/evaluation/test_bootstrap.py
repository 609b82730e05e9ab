"""Intervals of AP: against pictures that are really drawn again, and what they tell apart."""

import json
from dataclasses import replace

import numpy as np
import pytest

from algorithm.evaluation import bootstrap
from algorithm.evaluation.average_precision import coco_figures
from algorithm.evaluation.bootstrap import resample
from algorithm.evaluation.detection_matching import find_overlaps
from algorithm.evaluation.records import make_records
from algorithm.evaluation.resampled import Resampled, interval, seen


def drawn_again(records, weights):
    """Records in which each picture stands as often as it was drawn."""
    pictures = np.repeat(np.arange(len(records.names)), weights)
    truth, found = records.truth_pictures, records.pictures
    return make_records(
        records.label_names,
        [str(place) for place in range(len(pictures))],
        [
            (
                records.truth_boxes[truth == p],
                records.truth_labels[truth == p],
                records.crowd[truth == p],
            )
            for p in pictures
        ],
        [
            (records.boxes[found == p], records.labels[found == p], records.scores[found == p])
            for p in pictures
        ],
    )


@pytest.mark.parametrize("seed", range(3))
def test_each_resample_is_the_ap_of_the_pictures_drawn(seed, random_records, monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES", 8)
    records = random_records(seed, pictures=25, classes=3)
    # of equal scores, two of one picture would come in another order where it is drawn twice
    records = replace(records, scores=records.scores - np.arange(len(records.scores)) * 1e-6)
    found = resample(records, find_overlaps(records))
    for place, weights in enumerate(bootstrap._weights(25)):
        again = drawn_again(records, weights)
        figures, per_class = coco_figures(again, find_overlaps(again))
        assert found.values["AP"][place] == pytest.approx(figures["AP"], abs=1e-6)
        assert found.values["AP50"][place] == pytest.approx(figures["AP50"], abs=1e-6)
        for name, row in zip(records.label_names, per_class, strict=True):
            assert found.values[f"AP of {name}"][place] == pytest.approx(row["AP"], abs=1e-6)


def test_the_points_are_the_figures_of_all_pictures(random_records):
    records = random_records(4, classes=3)
    overlaps = find_overlaps(records)
    figures, per_class = coco_figures(records, overlaps)
    points = resample(records, overlaps).points
    assert points["AP"] == pytest.approx(figures["AP"], abs=1e-6)
    assert points["AP50 of class 2"] == pytest.approx(per_class[2]["AP50"], abs=1e-6)


def test_an_interval_moves_against_the_bias_of_its_resamples():
    values = np.linspace(0, 1, 1001)
    assert interval(values, 0.5) == pytest.approx((0.025, 0.975), abs=1e-3)
    low, high = interval(values, 0.4)  # more resamples are too high than too low
    assert low < 0.02 and high < 0.94
    assert interval(np.full(9, 0.3), 0.3) == (0.3, 0.3)


def test_more_than_a_million_weights_are_looked_at_in_parts(random_records, monkeypatch):
    records = random_records(1, classes=2)
    overlaps = find_overlaps(records)
    whole = resample(records, overlaps)
    monkeypatch.setattr(bootstrap, "_CELLS", 700)
    parts = resample(records, overlaps)
    assert (whole.values["AP"] == parts.values["AP"]).all()


def test_the_interval_surrounds_the_figure_and_narrows_with_pictures(random_records):
    widths = []
    for pictures in (20, 320):
        records = random_records(5, pictures=pictures)
        overlaps = find_overlaps(records)
        low, high = resample(records, overlaps).interval("AP")
        assert low < coco_figures(records, overlaps)[0]["AP"] < high
        widths.append(high - low)
    assert 2 < widths[0] / widths[1] < 8  # four times narrower, about


def one_class(scores_of_hits, misses=0.5):
    """Pictures with one object each, found by those with a score, and a miss in each."""
    box, other = [0, 0, 10, 10], [50, 50, 60, 60]
    return make_records(
        ["a"],
        [str(i) for i in range(len(scores_of_hits))],
        [([box], [0])] * len(scores_of_hits),
        [([box, other], [0, 0], [score, misses]) for score in scores_of_hits],
    )


def resampled(records):
    return resample(records, find_overlaps(records))


def test_paired_models_are_told_apart_where_single_intervals_overlap():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.1, 0.9, 40)
    before, after = (resampled(one_class(row)) for row in (scores, np.minimum(scores + 0.3, 1)))
    assert after.interval("AP")[0] < before.interval("AP")[1]
    assert seen(after.change_since(before, "AP")) and after.change_since(before, "AP")[0] > 0
    assert not seen(after.change_since(after, "AP"))


def test_other_objects_are_no_pair(random_records):
    one, other = resampled(random_records(1)), resampled(random_records(2))
    assert one.change_since(other, "AP") is None and not seen(None)


def test_one_picture_has_no_interval():
    one = resampled(one_class([0.5]))
    assert one.interval("AP") is None and one.change_since(one, "AP") is None


def test_classes_without_objects_are_undefined():
    records = make_records(
        ["a", "b"], ["x", "y"], [([[0, 0, 9, 9]], [0]), ([], [])], [([], [], [])] * 2
    )
    found = resampled(records)
    assert found.intervals(["a", "b"])["per_class"]["b"] == {"AP": None, "AP50": None}
    assert found.interval("AP") == (0.0, 0.0)
    assert interval(np.full(3, np.nan), np.nan) is None


def test_resamples_survive_a_file(random_records):
    found = resampled(random_records(3, classes=2))
    read = Resampled.of(json.loads(json.dumps(found.as_dict(classes=True))))
    assert read.pairs_with(found) and read.values.keys() == found.values.keys()
    assert np.allclose(read.values["AP"], found.values["AP"], atol=1e-4)
    assert read.interval("AP of class 1") == pytest.approx(
        found.interval("AP of class 1"), abs=2e-4
    )
    assert set(found.as_dict(classes=False)["values"]) == {"AP", "AP50"}
    assert Resampled.of(None) is None and Resampled.of({"pictures": 3}) is None
