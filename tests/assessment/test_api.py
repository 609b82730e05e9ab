"""The platform's `analyse`: its shapes, its display, its errors."""

import json
import logging

import numpy as np
import pytest
from PIL import Image

from algorithm.assessment.api import analyse
from algorithm.errors import ArgumentError, DataError

A, B = [0, 0, 20, 30], [25, 40, 38, 58]
PREDICTED = [[[A, [0, 0, 40, 60]], [0, 1], [0.9, 0.6]], [[[]], [], []]]
LABELLED = [[[A], [0]], [[B], [1]]]


@pytest.fixture
def pictures(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for seed, path in enumerate(paths):
        Image.fromarray(
            np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        ).save(path)
    return [str(path) for path in paths]


def test_the_display_has_the_platforms_form(pictures, tmp_path):
    shown = analyse(
        "image_object_detection",
        PREDICTED,
        LABELLED,
        pictures,
        {"0": "cat", "1": "狗"},
        {"fps": {"value": {"fps": 12.3}}},
        str(tmp_path / "o"),
    )
    assert list(shown) == ["zh-cn", "en-us"] and shown == json.loads(
        (tmp_path / "o" / "display.json").read_text("utf-8")
    )
    for rows in shown.values():
        assert all(
            {"title", "description", "value"} <= set(row)
            for name, row in rows.items()
            if name != "get_negative_samples_det"
        )
        assert rows["fps"]["value"] == {"fps": 12.3}
        table = rows["confusion_matrix"]["table"]["confusion_matrix"]
        assert len(table["cell_value"]) == len(table["row_labels"]) == 3 and table["col_labels"][
            :2
        ] == ["cat", "狗"]
        chart = rows["mean_f1"]["line_chart"]["mean_f1"]
        assert (
            set(chart) == {"x_axis_name", "y_axis_name", "x_axis_range", "y_axis_range", "curve"}
            and len(chart["curve"]["F1"]) == 100
        )
        pie = rows["false_detections"]["pie_chart"]["false_detections"]
        assert len(pie["label"]) == len(pie["value"]) == 5
        columns = rows["classes"]["column_chart"]["classes"]
        assert columns["y_value"] == [1, 1] and len(columns["x_value"]) == 3
        bins = rows["sensitivity_box_area"]["table"]["box_area"]
        assert bins["row_labels"][0] == "0% - 20%" and len(bins["cell_value"]) == 6
    assert (
        shown["zh-cn"]["summary"]["title"] == "评估综述"
        and "平均精度均值 (IoU 0.5)" in shown["zh-cn"]["summary"]["value"]
    )
    (sample,) = [
        row
        for row in shown["en-us"]["get_negative_samples_det"]
        if row["data_info"].endswith("b.png")
    ]
    assert (
        sample["labels"]
        == [
            {
                "name": "狗",
                "type": 1,
                "property": {
                    "@modelarts:shape": "bndbox",
                    "@modelarts:feature": [[40, 25], [58, 38]],
                },
            }
        ]
        and sample["predict_labels"] == []
    )


def test_json_texts_do_too_and_classes_are_numbers_by_default(pictures):
    with_map = analyse(
        "object_detection", PREDICTED, LABELLED, pictures, '{"1": "dog"}', '{"fps": 3}'
    )
    assert with_map["en-us"]["sensitivity_box_area"]["table"]["box_area"]["col_labels"] == [
        "0",
        "dog",
    ]
    assert with_map["en-us"]["fps"]["value"] == {"fps": 3}
    without = analyse(
        "object_detection", PREDICTED, LABELLED, pictures, op_list=["confusion_matrix"]
    )
    assert list(without["en-us"]) == ["confusion_matrix"]
    assert without["en-us"]["confusion_matrix"]["table"]["confusion_matrix"]["col_labels"][:2] == [
        "0",
        "1",
    ]


def test_pictures_that_cannot_be_read_cost_only_what_needs_pixels(pictures, caplog):
    with caplog.at_level(logging.WARNING):
        shown = analyse(
            "object_detection", PREDICTED, LABELLED, ["/nowhere/x.png", "/nowhere/y.png"]
        )
    assert "2 of 2 pictures in name_list cannot be read, such as /nowhere/x.png" in caplog.text
    assert (
        "sensitivity_brightness" not in shown["en-us"]
        and "sensitivity_box_aspect" in shown["en-us"]
    )


def test_empty_predictions_have_figures(pictures, tmp_path):
    shown = analyse(
        "object_detection", [[[[]], [], []]] * 2, LABELLED, pictures, save_path=str(tmp_path)
    )
    assert shown["en-us"]["summary"]["value"]["mAP at IoU 0.5 (VOC)"] == 0.0
    figures = json.loads((tmp_path / "assessment.json").read_text("utf-8"))
    assert figures["metrics"]["AP"] == 0.0 and figures["missed_objects"]["background"] == 2
    assert "The model detected nothing." in (tmp_path / "report.html").read_text("utf-8")


def test_no_labels_at_all_have_figures(pictures, tmp_path):
    analyse("object_detection", PREDICTED, [[[[]], []]] * 2, pictures, save_path=str(tmp_path))
    figures = json.loads((tmp_path / "assessment.json").read_text("utf-8"))
    assert (
        figures["metrics"]["AP"] is None
        and figures["metrics"]["voc_map"] == 0.0
        and figures["findings"] == []
    )
    assert "There is no object to measure" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            {"task_type": "image_classification"},
            ArgumentError,
            "expected one of image_object_detection",
        ),
        (
            {"label_list": LABELLED[:1]},
            DataError,
            "found 2 in pred_list, 1 in label_list and 2 in name_list",
        ),
        ({"pred_list": [], "label_list": [], "name_list": []}, DataError, "EVAL samples"),
        (
            {"label_map_dict": {"0": "cat"}},
            DataError,
            "found 1: do the label map and the model belong together",
        ),
        ({"label_map_dict": "{"}, ArgumentError, "label_map_dict: expected a dict"),
        ({"label_map_dict": {"cat": 0}}, ArgumentError, "expected class numbers as keys"),
        ({"custom_metric": "[1]"}, ArgumentError, "custom_metric: expected a dict"),
        ({"save_path": []}, ArgumentError, "give op_list by its name"),
        (
            {"pred_list": [[[A], [0], [0.9, 0.1]], [[], [], []]]},
            DataError,
            "found 1 boxes, 1 classes, 2 scores",
        ),
        (
            {"pred_list": [[[A], [0], [float("nan")]], [[], [], []]]},
            DataError,
            "expected finite scores",
        ),
        ({"pred_list": [[[[0, 0, 1]], [0], [0.9]], [[], [], []]]}, DataError, "boxes of 4 numbers"),
        (
            {"label_list": [[[[0, 0, float("inf"), 1]], [0]], [[], []]]},
            DataError,
            "expected finite boxes",
        ),
    ],
)
def test_bad_input(change, error, words, pictures, tmp_path):
    good = {
        "task_type": "object_detection",
        "pred_list": PREDICTED,
        "label_list": LABELLED,
        "name_list": pictures,
        "save_path": str(tmp_path / "o"),
    }
    with pytest.raises(error) as raised:
        analyse(**{**good, **change})
    assert words in str(raised.value)
    assert not (tmp_path / "o").exists()
