"""COCO's figures against pycocotools, VOC's AP by hand."""

import json

import numpy as np
import pytest

from algorithm.data import Sample
from algorithm.evaluation.average_precision import METRICS, coco_figures, voc_aps
from algorithm.evaluation.coco_metrics import evaluate_detections
from algorithm.evaluation.detection_matching import find_overlaps
from algorithm.evaluation.records import make_records


def by_pycocotools(records):
    samples, found = [], []
    for index, name in enumerate(records.names):
        truth, seen = records.truth_pictures == index, records.pictures == index
        samples.append(
            Sample(
                name,
                name,
                name,
                450,
                450,
                records.truth_boxes[truth],
                records.truth_labels[truth],
                records.crowd[truth],
                "eval",
                records.areas[truth],
            )
        )
        found.append(
            {
                "boxes": records.boxes[seen],
                "scores": records.scores[seen],
                "labels": records.labels[seen],
            }
        )
    return evaluate_detections(samples, found, records.label_names)


def assert_equal_figures(records):
    expected = by_pycocotools(records)
    figures, per_class = coco_figures(records, find_overlaps(records))
    assert list(figures) == list(METRICS)
    for name in METRICS:
        assert figures[name] == pytest.approx(expected.metrics[name], abs=1e-6), name
    for row, name in zip(per_class, records.label_names, strict=True):
        assert row["AP"] == pytest.approx(expected.per_class[name]["AP"], abs=1e-6)
        assert row["AP50"] == pytest.approx(expected.per_class[name]["AP50"], abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_of_pycocotools(seed, random_records):
    assert_equal_figures(random_records(seed))


def test_more_than_a_hundred_detections_of_a_class(random_records):
    records = random_records(7, pictures=3, classes=1)
    rng = np.random.default_rng(0)
    boxes = records.truth_boxes[records.truth_pictures == 0][rng.integers(0, 3, 150)] + rng.normal(
        0, 9, (150, 4)
    )
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    many = make_records(
        ["a"],
        ["x"],
        [
            (
                records.truth_boxes[records.truth_pictures == 0],
                records.truth_labels[records.truth_pictures == 0],
            )
        ],
        [(boxes, np.zeros(150), rng.random(150))],
    )
    assert_equal_figures(many)


def test_figures_on_coco128(shared_dir):
    content = json.loads(
        (shared_dir / "data/coco128/annotations/instances_train2017.json").read_text()
    )
    ids = {
        row["id"]: place
        for place, row in enumerate(sorted(content["categories"], key=lambda row: row["id"]))
    }
    truths = {row["id"]: ([], [], []) for row in content["images"]}
    areas = {row["id"]: [] for row in content["images"]}
    for row in content["annotations"]:
        x, y, width, height = row["bbox"]
        boxes, labels, crowd = truths[row["image_id"]]
        boxes.append([y, x, y + height, x + width])
        labels.append(ids[row["category_id"]])
        crowd.append(row["iscrowd"])
        areas[row["image_id"]].append(row["area"])
    rng = np.random.default_rng(1)
    found = []
    for boxes, labels, _ in truths.values():
        count = len(labels)
        moved = np.array(boxes).reshape(-1, 4) * rng.normal(1, 0.06, (count, 4))
        kinds = np.where(rng.random(count) < 0.2, rng.integers(0, len(ids), count), labels)
        found.append(
            (
                np.concatenate([moved, moved[: count // 3] + 5]),
                np.concatenate([kinds, kinds[: count // 3]]),
                rng.random(count + count // 3).round(3),
            )
        )
    records = make_records(
        [str(i) for i in ids],
        list(map(str, truths)),
        list(truths.values()),
        found,
        areas=list(areas.values()),
    )
    assert len(records.truth_labels) > 800
    assert_equal_figures(records)


def test_nothing_found_and_nothing_there():
    nothing = ([], [], [])
    empty = make_records(["a"], ["x"], [([[0, 0, 9, 9]], [0])], [nothing])
    figures, _ = coco_figures(empty, find_overlaps(empty))
    assert figures["AP"] == 0.0 and figures["APm"] is None
    without = make_records(["a"], ["x"], [([], [])], [([[0, 0, 9, 9]], [0], [0.5])])
    assert set(coco_figures(without, find_overlaps(without))[0].values()) == {None}
    assert np.isnan(voc_aps(without, find_overlaps(without))).all()


def test_voc_by_hand():
    # Scores .9 hit, .8 miss, .7 the same truth again, .6 hit; 3 truths. Recall 1/3 at precision 1, 2/3 at precision 1/2.
    a, b, c = [0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]
    records = make_records(
        ["x"],
        ["p"],
        [([a, b, c], [0, 0, 0])],
        [([a, [60, 60, 70, 70], a, b], [0, 0, 0, 0], [0.9, 0.8, 0.7, 0.6])],
    )
    assert voc_aps(records, find_overlaps(records))[0] == pytest.approx(1 / 3 * 1 + 1 / 3 * 0.5)


def test_voc_leaves_out_difficult_objects():
    records = make_records(
        ["x"],
        ["p"],
        [([[0, 0, 10, 10], [20, 20, 30, 30]], [0, 0], [False, True])],
        [([[20, 20, 30, 30], [0, 0, 10, 10]], [0, 0], [0.9, 0.8])],
    )
    assert voc_aps(records, find_overlaps(records))[0] == pytest.approx(1.0)
