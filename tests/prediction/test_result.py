"""A result: its figures, and its other forms."""

import dataclasses
import sys

import numpy as np
import pytest
from pycocotools.coco import COCO

from algorithm.data.outlines import compressed_masks
from algorithm.errors import ArgumentError
from algorithm.pages.box_drawing import class_colour
from algorithm.prediction.result import Result

NAMES = ("猫", "dog")


@pytest.fixture
def result():
    return Result(
        "cat.jpg",
        np.full((100, 200, 3), 128, np.uint8),
        np.array([[10, 20, 50, 120], [0, 0, 100, 200], [5, 5, 5, 5]], np.float32),
        np.array([1, 0, 1], np.int32),
        np.array([0.98, 0.71, 0.4], np.float32),
        NAMES,
    )


def test_names_scores_and_a_line(result):
    assert len(result) == 3
    assert result.names == ["dog", "猫", "dog"]
    assert result.xyxy[0].tolist() == [20, 10, 120, 50]
    assert result.summary() == "cat.jpg: 2 dog 0.98, 1 猫 0.71"
    assert repr(result) == "<Result cat.jpg: 2 dog 0.98, 1 猫 0.71>"


def test_an_empty_result(result):
    none = Result("a.jpg", result.image, np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), NAMES)
    assert none.summary() == "a.jpg: nothing"
    assert none.to_coco() == none.crops() == none.names == none.to_yolo() == []
    assert none.plot().size == (200, 100)


def test_plot_draws_the_boxes(result):
    drawn = np.asarray(result.plot())
    assert drawn.shape == (100, 200, 3)
    assert tuple(drawn[50, 70]) == class_colour("dog")


def test_crops_are_what_lies_in_the_boxes(result):
    assert [crop.size for crop in result.crops()] == [(100, 40), (200, 100), (1, 1)]


def masked(result, *runs):
    """The result with masks of these run lengths, column by column, zeros first."""
    height, width = result.image.shape[:2]
    return dataclasses.replace(result, masks=tuple(compressed_masks(np.array(runs), height, width)))


def test_cutouts_are_the_masks_and_transparent_elsewhere():
    """3 x 4 pixels; the first mask has the pixels (0, 1), (1, 1) and (1, 2), the second none."""
    image = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    boxes = np.array([[0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 3, 4]], np.float32)
    numbers = np.array([1, 0, 1]), np.array([0.9, 0.5, 0.4])
    result = masked(
        Result("a.png", image, boxes, *numbers, NAMES),
        [3, 2, 2, 1, 4],
        [12, 0, 0, 0, 0],
        [0, 12, 0, 0, 0],
    )
    first, second, third = result.cutouts()
    assert first.mode == "RGBA"
    assert np.asarray(first).tolist() == [
        [[3, 4, 5, 255], [0, 0, 0, 0]],
        [[15, 16, 17, 255], [18, 19, 20, 255]],
    ]
    assert second is None
    assert np.array_equal(np.asarray(third)[..., :3], image) and third.getextrema()[3] == (255, 255)


def test_cutouts_of_boxes_alone_are_refused(result):
    with pytest.raises(ArgumentError, match=r"cutouts: .*found boxes alone; load.*masks=True"):
        result.cutouts()
    assert list(masked(dataclasses.replace(result, boxes=result.boxes[:0])).cutouts()) == []


def test_coco_results_are_read_by_pycocotools(result, capsys):
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 7, "width": 200, "height": 100}],
        "categories": [{"id": 10, "name": "猫"}, {"id": 30, "name": "dog"}],
        "annotations": [],
    }
    truth.createIndex()
    loaded = truth.loadRes(result.to_coco(image_id=7, category_ids=[10, 30]))
    first = loaded.loadAnns(1)[0]
    assert (first["category_id"], first["bbox"]) == (30, [20, 10, 100, 40])
    assert result.to_coco()[1]["image_id"] == "cat.jpg"
    assert result.to_coco()[1]["category_id"] == 1


def test_yolo_lines_are_centres_and_sizes_in_shares(result):
    assert result.to_yolo()[:2] == [
        "1 0.350000 0.300000 0.500000 0.400000 0.9800",
        "0 0.500000 0.500000 1.000000 1.000000 0.7100",
    ]


def test_the_service_would_answer_the_same(result):
    assert result.to_reply()["detection_boxes"][0] == [10, 20, 50, 120]


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_supervision_takes_a_result(result):
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    found = result.to_supervision()
    assert isinstance(found, supervision.Detections)
    assert found.xyxy[0].tolist() == [20, 10, 120, 50]
    assert found.class_id.tolist() == [1, 0, 1]
    assert found.data["class_name"].tolist() == ["dog", "猫", "dog"]
    drawn = supervision.BoxAnnotator().annotate(result.image.copy(), found)
    assert (drawn != result.image).any()


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_fiftyone_takes_a_result(result):
    pytest.importorskip("fiftyone", reason="fiftyone is not installed")
    found = result.to_fiftyone().detections
    assert [each.label for each in found] == ["dog", "猫", "dog"]
    assert found[0].bounding_box == [0.1, 0.1, 0.5, 0.4]
    assert found[0].confidence == pytest.approx(0.98)


@pytest.mark.parametrize("name", ["supervision", "fiftyone"])
def test_a_library_that_is_missing_is_named(result, monkeypatch, name):
    class Hidden:
        def find_spec(self, wanted, *_):
            if wanted == name:
                raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(sys, "meta_path", [Hidden(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ArgumentError, match=f"expected the package {name}.*pip install {name}"):
        getattr(result, f"to_{name}")()
