"""Classes that weights know by name, against rows worked out by hand."""

import numpy as np

from algorithm.models.weights.class_rows import known_classes, with_known_rows
from algorithm.models.weights.coco_label_map import COCO_LABEL_NAMES


def test_names_are_known_by_case_plural_synonym_and_in_chinese():
    names = ["Person", "cars", "Traffic_Light", "sofa", "raccoon", "行人", "Mobile-Phone", "skis"]
    found = known_classes(names, COCO_LABEL_NAMES)
    assert {names[label]: COCO_LABEL_NAMES[place] for label, place in found.items()} == {
        "Person": "person",
        "cars": "car",
        "Traffic_Light": "traffic light",
        "sofa": "couch",
        "行人": "person",
        "Mobile-Phone": "cell phone",
        "skis": "skis",
    }


def test_an_id_that_coco_does_not_use_is_no_class():
    assert known_classes(["unused id 12", "(background)"], COCO_LABEL_NAMES) == {}


def test_rows_are_taken_anchor_by_anchor():
    """Two anchors; three classes here, four there: class 0 is their 2, class 2 is their 1."""
    fresh = np.zeros((1, 6), np.float32)
    stored = np.arange(10, 18, dtype=np.float32).reshape(1, 8)
    mixed = with_known_rows(fresh, stored, {0: 2, 2: 1}, (3, 4))
    assert mixed.tolist() == [[12, 0, 11, 16, 0, 15]]
    assert not fresh.any()


def test_a_tensor_without_classes_is_taken_whole_and_one_that_does_not_fit_is_not():
    depthwise = np.ones((3, 3, 8, 1), np.float32)
    assert with_known_rows(depthwise * 0, depthwise, {0: 1}, (2, 4)) is depthwise
    assert with_known_rows(np.zeros((1, 1, 4, 18)), np.zeros((1, 1, 8, 36)), {0: 1}, (2, 4)) is None
    assert with_known_rows(np.zeros((3, 3, 4, 1)), np.zeros((3, 3, 8, 1)), {0: 1}, (2, 4)) is None
