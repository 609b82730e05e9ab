"""The label map and what is said about odd names."""

from __future__ import annotations

import pytest

from algorithm.data.labels import label_map, missing_classes, near_duplicates, no_boxes
from algorithm.errors import DataError


def test_names_are_sorted_and_exact() -> None:
    assert label_map(["狗", "b", "A", "b"]) == (("A", "b", "狗"), (1, 2, 3))


def test_categories_keep_their_order_and_ids() -> None:
    assert label_map(["x"], (("z", 2), ("x", 7))) == (("z", "x"), (2, 7))


def test_given_names_win() -> None:
    assert label_map(["x"], (("z", 2), ("x", 7)), ("x", "z")) == (("x", "z"), (7, 2))
    assert label_map(["x"], given=("y", "x")) == (("y", "x"), (1, 2))


def test_class_outside_given_names() -> None:
    with pytest.raises(DataError, match=r"'dag' on 2 box\(es\) \(did you mean 'dog'\?\) in TRAIN"):
        label_map(["dag", "dag", "cat"], given=("cat", "dog"))


def test_the_finding_stands_before_the_classes_and_90_names_do_not_stand_there() -> None:
    """fine_tune_checkpoint_type=full of COCO weights on other classes."""
    coco = tuple(f"class {number}" for number in range(90))
    with pytest.raises(DataError) as caught:
        label_map(["raccoon"] * 3, given=coco)
    message = str(caught.value)
    assert message.startswith("found 'raccoon' on 3 box(es) in TRAIN, expected only the 90 class")
    assert "class 4 and 85 more" in message and "class 5" not in message
    assert "fine_tune_checkpoint_type=detection" in message


def test_no_box_says_what_was_lost_or_what_to_do() -> None:
    assert str(no_boxes(4)).endswith(
        "found none in 4 picture(s): annotate the pictures, or check that data_url names the annotated "
        "ones"
    )
    assert "annotate" not in str(no_boxes(4, ("TRAIN: 2 of 6 picture(s) left out: damaged (2)",)))


def test_classes_missing_on_one_side() -> None:
    assert missing_classes(["cat", "cow", "cow"], ("cat", "dog")) == (
        "class 'cow' is in EVAL but not in TRAIN: its 2 box(es) are left out of the evaluation",
        "classes without an EVAL box, which get no AP, 1 in all: dog",
    )


@pytest.mark.parametrize("twin", ["Dog", "d og", "ｄｏｇ", "dog ", "DOG"])
def test_near_duplicates(twin: str) -> None:
    lines = near_duplicates(["dog", twin, "cat"])
    assert len(lines) == 1
    assert repr(twin) in lines[0]


def test_different_names_are_no_duplicates() -> None:
    assert near_duplicates(["dog", "dogs", "狗", "犬"]) == ()
