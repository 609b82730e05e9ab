"""Assignment of ground truth to anchors."""

import json

import numpy as np
import pytest
import tensorflow as tf

from algorithm.ops.anchor_matching import BACKGROUND, IGNORED, match_anchors
from algorithm.ops.anchors import anchor_grid

# Four anchors of 10 x 10 in a row, 10 apart.
ANCHORS = tf.constant([[0.0, 10 * i, 10, 10 * i + 10] for i in range(4)])


def match(boxes, labels):
    return match_anchors(ANCHORS, tf.constant([boxes], tf.float32), tf.constant([labels], tf.int32))


def test_an_anchor_above_half_iou_takes_the_box():
    targets = match([[0, 2, 10, 12]], [7])  # IoU 8/12 with anchor 0, 2/18 with anchor 1
    np.testing.assert_array_equal(targets["class_targets"][0], [7, -1, -1, -1])
    np.testing.assert_allclose(targets["box_targets"][0, 0], [0, 0.2, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(targets["box_targets"][0, 1:], np.zeros((3, 4)))
    assert targets["num_positives"].numpy().tolist() == [1.0]


def test_a_box_below_half_iou_still_gets_its_best_anchor():
    targets = match([[0, 20, 3, 23]], [2])
    np.testing.assert_array_equal(targets["class_targets"][0], [-1, -1, 2, -1])


def test_of_two_boxes_claiming_one_anchor_the_first_wins():
    targets = match([[0, 20, 3, 23], [0, 20, 4, 24]], [1, 2])
    assert targets["class_targets"][0, 2].numpy() == 1


def test_padding_never_matches_even_where_it_lies_on_an_anchor():
    targets = match([[0, 0, 10, 10], [0, 30, 10, 40]], [-1, 5])
    np.testing.assert_array_equal(targets["class_targets"][0], [-1, -1, -1, 5])


def test_a_picture_without_boxes_is_all_background():
    targets = match([[0, 0, 0, 0]], [-1])
    assert targets["num_positives"].numpy().tolist() == [0.0]
    assert np.isfinite(targets["box_targets"].numpy()).all()


def test_any_number_of_boxes_even_none():
    empty = match_anchors(ANCHORS, tf.zeros((2, 1, 4)), tf.fill((2, 1), -1))
    assert empty["class_targets"].shape == (2, 4)
    many = match([[0, 0, 10, 10]] * 500, list(range(500)))
    assert many["class_targets"][0, 0].numpy() == 0


def test_the_compiled_form_gives_the_same():
    boxes, labels = tf.constant([[[0.0, 2, 10, 12], [0, 20, 3, 23]]]), tf.constant([[3, 4]])
    plain = match_anchors(ANCHORS, boxes, labels)
    compiled = tf.function(match_anchors, jit_compile=True)(ANCHORS, boxes, labels)
    for name in plain:
        np.testing.assert_allclose(plain[name].numpy(), compiled[name].numpy(), atol=1e-6)


def test_anchors_that_lie_in_a_crowd_are_ignored_unless_they_take_an_object():
    """A crowd over anchor 0, the left half of 1 and four tenths of 2; an object is on anchor 0."""
    crowd, strip = [0, 0, 10, 15], [0, 20, 10, 24]
    targets = match([[0, 0, 10, 10], crowd, strip], [3, IGNORED, IGNORED])
    np.testing.assert_array_equal(targets["class_targets"][0], [3, IGNORED, BACKGROUND, BACKGROUND])
    assert targets["num_positives"].numpy().tolist() == [1.0]
    np.testing.assert_array_equal(targets["box_targets"][0, 1:], np.zeros((3, 4)))
    alone = match([crowd], [IGNORED])  # a crowd takes no anchor for itself
    np.testing.assert_array_equal(alone["class_targets"][0], [IGNORED, IGNORED, -1, -1])
    two = match([[0, 30, 4, 40], [6, 30, 10, 40]], [IGNORED, IGNORED])  # 0.4 each, no single half
    assert two["class_targets"][0, 3] == BACKGROUND


def test_crowds_of_one_picture_change_no_other_and_compile():
    boxes = tf.constant([[[0.0, 0, 10, 20]], [[0.0, 20, 10, 30]]])
    labels = tf.constant([[IGNORED], [5]])
    for run in (match_anchors, tf.function(match_anchors, jit_compile=True)):
        found = run(ANCHORS, boxes, labels)["class_targets"]
        np.testing.assert_array_equal(found, [[IGNORED, IGNORED, -1, -1], [-1, -1, 5, -1]])


@pytest.mark.parametrize("grid", ["square512", "lite320"])
def test_assignment_agrees_with_the_published_implementation(shared_dir, grid):
    golden = json.loads((shared_dir / "reference/golden/components.json").read_text())
    labels, config = golden["labels"][grid], golden["anchors"][grid]
    anchors = anchor_grid(
        (config["image_size"],) * 2,
        config["min_level"],
        config["max_level"],
        config["anchor_scale"],
    )
    targets = match_anchors(
        tf.constant(anchors),
        tf.constant([labels["boxes_yxyx"]], tf.float32),
        tf.constant([np.array(labels["classes"]) - 1], tf.int32),
    )
    classes = targets["class_targets"][0].numpy()
    positive = np.flatnonzero(classes >= 0)
    np.testing.assert_array_equal(positive, labels["positive_index"])
    np.testing.assert_array_equal(classes[positive], labels["positive_class"])
    np.testing.assert_allclose(
        targets["box_targets"][0].numpy()[positive], labels["box_target"], atol=1e-5
    )


def test_blocks_of_boxes_and_padding_change_nothing():
    """Against the rule in plain numpy, with more boxes than a block holds; boxes 3 and 17 are the same, so the earlier wins."""
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 80, (20, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 40, (20, 2))], axis=1).astype(
        np.float32
    )
    boxes[17] = boxes[3]
    anchor_corners = rng.uniform(-10, 90, (300, 2))
    anchors = np.concatenate(
        [anchor_corners, anchor_corners + rng.uniform(5, 40, (300, 2))], axis=1
    ).astype(np.float32)
    overlap = np.prod(
        np.maximum(
            np.minimum(boxes[:, None, 2:], anchors[None, :, 2:])
            - np.maximum(boxes[:, None, :2], anchors[None, :, :2]),
            0,
        ),
        axis=-1,
    )
    area = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, anchors)]
    iou = overlap / (area[0][:, None] + area[1][None] - overlap)
    expected = np.where(iou.max(axis=0) >= 0.5, iou.argmax(axis=0), -1)
    for row in reversed(range(20)):
        if iou[row].max() > 0:
            expected[iou[row].argmax()] = row
    labels = np.arange(20, dtype=np.int32)
    for padding in (0, 1, 12, 100):
        found = match_anchors(
            tf.constant(anchors),
            tf.constant(np.pad(boxes, [(0, padding), (0, 0)])[None]),
            tf.constant(np.pad(labels, (0, padding), constant_values=-1)[None]),
        )
        assert found["class_targets"].numpy()[0].tolist() == expected.tolist()
        assert found["num_positives"].numpy()[0] == (expected >= 0).sum() > 20
