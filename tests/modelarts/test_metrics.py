import json
import math

import pytest

from algorithm.modelarts.metrics_object import ClassScores, metrics_object

CAT = ClassScores("cat", 0, precision=0.5, recall=1.0, f1=2 / 3)
DOG = ClassScores("狗", 1, precision=0.25, recall=0.5, f1=1 / 3)
ABSENT = ClassScores("cow", 2, precision=math.nan, recall=math.nan, f1=math.nan)


def test_the_object_has_the_platforms_form():
    found = metrics_object([CAT, DOG], accuracy=0.75)
    assert found["total_metric"] == {
        "total_metric_meta": {},
        "total_reserved_data": {},
        "total_metric_values": {
            "recall": 0.75,
            "precision": 0.375,
            "f1_score": 0.5,
            "accuracy": 0.75,
        },
    }
    assert found["metric"][1] == {
        "metric_meta": {"class_name": "狗", "class_id": 1},
        "metric_values": {"recall": 0.5, "precision": 0.25, "f1_score": 0.333333},
        "reserved_data": {},
    }


def test_undefined_figures_are_left_out_of_the_means_and_valid_json():
    found = metrics_object([CAT, ABSENT])
    assert found["total_metric"]["total_metric_values"] == {
        "recall": 1.0,
        "precision": 0.5,
        "f1_score": 0.666667,
    }
    assert found["metric"][1]["metric_values"] == {"recall": 0.0, "precision": 0.0, "f1_score": 0.0}
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("classes", [[], [ABSENT]])
def test_nothing_to_measure(classes):
    assert metrics_object(classes)["total_metric"]["total_metric_values"]["f1_score"] == 0.0
