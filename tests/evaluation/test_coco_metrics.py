"""COCO figures on hand-made cases."""

import contextlib
import io
import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from algorithm.evaluation import coco_metrics
from algorithm.evaluation.average_precision import METRICS
from algorithm.evaluation.coco_metrics import evaluate_detections


@dataclass
class Picture:
    boxes: list
    labels: list
    is_crowd: list = field(default_factory=list)
    width: int = 200
    height: int = 200
    areas: np.ndarray | None = None

    def __post_init__(self):
        self.boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        self.is_crowd = np.array(self.is_crowd or [False] * len(self.labels))


def found(*rows):
    return {
        "boxes": np.array([row[0] for row in rows]).reshape(-1, 4),
        "scores": np.array([row[1] for row in rows]),
        "labels": np.array([row[2] for row in rows], int),
    }


A, B = [10, 10, 60, 60], [80, 80, 180, 190]


def test_perfect_detections_score_one():
    evaluation = evaluate_detections(
        [Picture([A, B], [0, 1])], [found((A, 0.9, 0), (B, 0.8, 1))], ["cat", "dog"]
    )
    assert evaluation.metrics["AP"] == pytest.approx(1.0)
    assert evaluation.metrics["APm"] == pytest.approx(1.0)
    assert evaluation.metrics["APs"] is None
    assert list(evaluation.metrics) == list(METRICS)
    assert evaluation.per_class["dog"]["AP50"] == pytest.approx(1.0)
    assert evaluation.summary.count("\n") == 11
    assert (
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 1.000"
        in evaluation.summary
    )


def test_nothing_found_scores_zero_with_every_figure_defined():
    evaluation = evaluate_detections([Picture([A], [0])], [found()], ["cat"])
    assert evaluation.metrics["AP"] == 0.0
    point = evaluation.operating_point
    assert (point.precision, point.recall, point.f1, point.threshold) == (0.0, 0.0, 0.0, 0.99)


def test_no_ground_truth_leaves_ap_undefined():
    evaluation = evaluate_detections([Picture([], [])], [found((A, 0.9, 0))], ["cat"])
    assert evaluation.metrics["AP"] is None
    assert evaluation.boxes == 0


def test_axes_are_not_mixed_up():
    wide = [10, 20, 30, 120]  # 20 high, 100 wide
    swapped = [20, 10, 120, 30]
    right = evaluate_detections([Picture([wide], [0])], [found((wide, 0.9, 0))], ["cat"])
    wrong = evaluate_detections([Picture([wide], [0])], [found((swapped, 0.9, 0))], ["cat"])
    assert (right.metrics["AP"], wrong.metrics["AP"]) == (pytest.approx(1.0), 0.0)


def test_crowd_objects_count_neither_way():
    picture = Picture([A, B], [0, 0], [False, True])
    evaluation = evaluate_detections([picture], [found((A, 0.9, 0), (B, 0.95, 0))], ["cat"])
    assert evaluation.metrics["AP"] == pytest.approx(1.0)
    assert evaluation.boxes == 1
    assert evaluation.operating_point.precision == 1.0


def test_the_best_confidence_by_hand():
    # hit .9, miss .8, hit .7, miss .6 of three truths: F1 is 2/4, 2/5, 4/6, 4/7; 0.61 to 0.70 are best
    pictures = [Picture([A, B, [100, 10, 150, 60]], [0, 0, 0])]
    rows = found((A, 0.9, 0), ([0, 150, 20, 180], 0.8, 0), (B, 0.7, 0), ([150, 0, 190, 20], 0.6, 0))
    point = evaluate_detections(pictures, [rows], ["cat"]).operating_point
    assert point.threshold == 0.66
    assert (point.precision, point.recall, point.f1) == (
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    )


def test_detections_of_one_score_are_taken_together():
    rows = found((A, 0.5, 0), ([0, 150, 20, 180], 0.5, 0), ([150, 0, 190, 20], 0.5, 0))
    point = evaluate_detections([Picture([A], [0])], [rows], ["cat"]).operating_point
    assert point.precision == pytest.approx(1 / 3)


def test_figures_of_a_class_at_the_common_threshold():
    pictures = [Picture([A, B], [0, 1])]
    per_class = evaluate_detections(pictures, [found((A, 0.9, 0))], ["cat", "dog"]).per_class
    assert per_class["cat"]["recall"] == 1.0
    assert per_class["dog"]["recall"] == 0.0


def test_recorded_areas_decide_what_is_small():
    """COCO sorts objects by the area of the outline, not of the box."""
    picture = Picture([A], [0], areas=np.array([900.0]))
    evaluation = evaluate_detections([picture], [found((A, 0.9, 0))], ["cat"])
    assert evaluation.metrics["APs"] == pytest.approx(1.0)
    assert evaluation.metrics["APm"] is None


def many(count, labels=1):
    """So many objects in a picture, in rows of 20, and their classes."""
    corner = np.stack(np.divmod(np.arange(count), 20), axis=1) * 20.0
    return np.concatenate([corner, corner + 10], axis=1), np.arange(count) % labels


def perfect(boxes, labels):
    return {"boxes": boxes, "scores": np.linspace(0.9, 0.5, len(labels)), "labels": labels}


def test_220_perfect_detections_of_a_class_are_all_counted():
    """COCO's figures stop at 100 of a class; precision, recall, F1 and the threshold do not."""
    boxes, labels = many(220)
    evaluation = evaluate_detections(
        [Picture(boxes, labels)], [perfect(boxes, labels)], ["cell"], max_detections=300
    )
    point = evaluation.operating_point
    assert (point.precision, point.recall, point.f1) == (1.0, 1.0, 1.0)
    assert evaluation.per_class["cell"]["recall"] == 1.0
    assert evaluation.metrics["AR100"] == pytest.approx(100 / 220)
    assert list(evaluation.metrics) == [*METRICS, "AR300"]
    assert evaluation.metrics["AR300"] == 1.0
    assert evaluation.summary.splitlines()[12] == (
        " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=300 ] = 1.000"
    )


def test_recall_beyond_100_is_that_of_pycocotools_with_that_limit():
    rng = np.random.default_rng(0)
    boxes, labels = many(150, 2)
    boxes, labels = np.concatenate([boxes, boxes + [0, 500, 0, 500]]), np.tile(labels, 2)
    seen = (boxes + rng.normal(0, 1.5, boxes.shape))[:280]
    evaluation = evaluate_detections(
        [Picture(boxes, labels, width=1000, height=200)],
        [perfect(seen, labels[:280])],
        ["a", "b"],
        max_detections=300,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_metrics.ground_truth([Picture(boxes, labels)], ["a", "b"])
        own = COCOeval(
            truth, truth.loadRes(coco_metrics._result_rows([perfect(seen, labels[:280])])), "bbox"
        )
        own.params.maxDets = [300]
        own.evaluate()
        own.accumulate()
    assert evaluation.metrics["AR300"] == pytest.approx(own.eval["recall"][:, :, 0, 0].mean())
    assert 0.2 < evaluation.metrics["AR100"] < evaluation.metrics["AR300"] < 0.9


@pytest.mark.parametrize(("objects", "limit"), [(100, 300), (220, 100)])
def test_no_further_recall_where_100_detections_are_all(objects, limit):
    boxes, labels = many(objects)
    found_here = perfect(boxes[:limit], labels[:limit])
    evaluation = evaluate_detections([Picture(boxes, labels)], [found_here], ["a"], limit)
    assert list(evaluation.metrics) == list(METRICS)


def test_metrics_json_has_intervals():
    pictures = [Picture([A, B], [0, 1])] * 5 + [Picture([A], [0])] * 5
    rows = [found((A, 0.9, 0), (B, 0.8, 1))] * 3 + [found()] * 4 + [found((A, 0.7, 0))] * 3
    content = evaluate_detections(pictures, rows, ["cat", "dog"]).as_dict()
    low, high = content["intervals"]["AP"]
    assert low < content["AP"] < high and content["intervals"]["pictures"] == 10
    low, high = content["intervals"]["per_class"]["dog"]["AP50"]
    assert low < content["per_class"]["dog"]["AP50"] < high
    assert json.loads(json.dumps(content, allow_nan=False))["resampled"]["pictures"] == 10
