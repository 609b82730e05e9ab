"""The mask loss against cases computed by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from algorithm.ops.anchor_matching import match_anchors
from algorithm.ops.mask_grid import SHAPE_DEGREE, SHAPE_TERMS
from algorithm.ops.mask_losses import MOST_POSITIVES, cells_of_boxes, choose_positives, mask_loss


def coefficients(weight, *shape):
    """Of one anchor and one prototype, with these first terms of the shape in its box."""
    return tf.constant([[[weight, *shape, *[0.0] * (SHAPE_TERMS - len(shape))]]])


def targets(truth, box, weight=1.0):
    return {
        "mask_anchors": tf.constant([[0]]),
        "mask_weights": tf.constant([[weight]], tf.float32),
        "mask_truth": tf.fill((1, 1, 8, 8), np.uint8(truth)),
        "mask_boxes": tf.constant([[box]], tf.float32),
    }


@pytest.mark.parametrize(
    "logit, truth, expected",
    [
        (0.0, 77, math.log(2)),
        (2.0, 255, 0.126928),
        (2.0, 0, 2.126928),
        (2.0, 64, 2.126928 - 2 * 64 / 255),
    ],
)
@pytest.mark.parametrize("box", [[0, 0, 32, 32], [4, 8, 12, 30], [5, 5, 5.5, 5.5]])
def test_it_is_a_mean_over_the_cells_whatever_the_box(logit, truth, expected, box):
    loss = mask_loss(coefficients(logit), tf.ones((1, 8, 8, 1)), targets(truth, box, weight=3.0))
    np.testing.assert_allclose(loss, 3 * expected, atol=3e-6)


def test_what_lies_outside_the_box_does_not_count():
    prototypes = np.zeros((1, 8, 8, 1), np.float32)
    box = [8, 4, 16, 12]
    prototypes[0, 2:4, 1:3] = 2.0
    expected = mask_loss(coefficients(1.0), tf.constant(prototypes), targets(255, box))
    prototypes[0, 4:] = prototypes[0, :2] = -50.0
    found = mask_loss(coefficients(1.0), tf.constant(prototypes), targets(255, box))
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(found, 0.126928, atol=1e-6)


def test_the_shape_in_the_box_is_added():
    """Centres at -1/2 and 1/2 of a box of 2 x 2 cells: 1 + 2 v gives 0 above and 2 below."""
    loss = mask_loss(
        coefficients(1.0, 0.5, *[0.0] * SHAPE_DEGREE, 2.0),
        tf.fill((1, 8, 8, 1), 0.5),
        targets(255, [8, 4, 16, 12]),
    )
    np.testing.assert_allclose(loss, (math.log(2) + 0.126928) / 2, atol=1e-6)


def test_cells_are_taken_by_their_centres_and_a_thin_box_has_one():
    boxes = tf.constant([[6, 6, 18, 18], [5, 5, 5.5, 5.5], [0, 0, 4, 32]], tf.float32)
    cells = cells_of_boxes(boxes, (8, 8)).numpy()
    expected = np.zeros((3, 8, 8))
    expected[0, 1:4, 1:4] = expected[1, 1, 1] = expected[2, 0] = 1
    np.testing.assert_array_equal(cells, expected)


def positives(count, masks, seeds=((7, 3),)):
    """Anchors 10 to 10 + count take the first box, the next five the second."""
    rows = np.full((1, 400), -1, np.int32)
    rows[0, 10 : 10 + count], rows[0, 10 + count : 15 + count] = 0, 1
    boxes = tf.constant([[[0, 0, 8, 8], [8, 8, 16, 16]]], tf.float32)
    found = choose_positives(tf.constant(rows), tf.constant(masks), boxes, tf.constant(seeds))
    return {name: value.numpy() for name, value in found.items()}


def test_few_positives_are_all_chosen_and_padding_weighs_nothing():
    masks = np.full((1, 2, 4, 4), [[[[9]], [[200]]]], np.uint8)
    found = positives(3, masks)
    real = found["mask_weights"][0] > 0
    assert sorted(found["mask_anchors"][0][real]) == list(range(10, 18))
    assert set(found["mask_weights"][0]) == {0.0, 1.0}
    second = found["mask_anchors"][0] >= 13
    assert (found["mask_truth"][0][real & second] == 200).all()
    assert (found["mask_boxes"][0][real & ~second] == [0, 0, 8, 8]).all()


def test_many_positives_are_drawn_and_stand_for_the_rest():
    masks = np.ones((1, 2, 4, 4), np.uint8)
    found, again, other = (
        positives(195, masks, seeds) for seeds in (((7, 3),), ((7, 3),), ((7, 4),))
    )
    assert found["mask_anchors"].shape == (1, MOST_POSITIVES)
    assert len(set(found["mask_anchors"][0])) == MOST_POSITIVES
    assert found["mask_anchors"].min() >= 10 and found["mask_anchors"].max() < 210
    np.testing.assert_allclose(found["mask_weights"], 200 / MOST_POSITIVES)
    np.testing.assert_array_equal(found["mask_anchors"], again["mask_anchors"])
    assert set(found["mask_anchors"][0]) != set(other["mask_anchors"][0])


def test_the_draw_is_even():
    counts = np.zeros(400)
    masks = np.ones((1, 2, 4, 4), np.uint8)
    for step in range(200):
        counts[positives(195, masks, ((5, step),))["mask_anchors"][0]] += 1
    drawn = counts[10:210]
    assert drawn.sum() == 200 * MOST_POSITIVES
    # 64 of each step: a binomial of 200 draws with probability 0.32
    assert drawn.min() > 30 and drawn.max() < 105


def test_an_object_without_an_outline_is_left_out():
    masks = np.zeros((1, 2, 4, 4), np.uint8)
    masks[0, 1, 2, 2] = 1
    found = positives(50, masks)
    assert sorted(found["mask_anchors"][0][found["mask_weights"][0] > 0]) == list(range(60, 65))
    assert found["mask_weights"].sum() == 5
    empty = positives(50, np.zeros_like(masks))
    assert empty["mask_weights"].sum() == 0
    loss = mask_loss(
        tf.zeros((1, 400, 2 + SHAPE_TERMS)),
        tf.zeros((1, 4, 4, 2)),
        {name: tf.constant(value) for name, value in empty.items()},
    )
    assert loss == 0


def test_matching_tells_the_rows_only_when_asked():
    anchors = tf.constant([[0, 0, 10, 10], [0, 0, 9, 10], [20, 20, 30, 30]], tf.float32)
    boxes = tf.constant([[[20, 20, 30, 30], [0, 0, 10, 10], [0, 0, 0, 0]]], tf.float32)
    labels = tf.constant([[4, 5, -1]])
    found = match_anchors(anchors, boxes, labels, rows=True)
    np.testing.assert_array_equal(found["box_rows"], [[1, 1, 0]])
    assert "box_rows" not in match_anchors(anchors, boxes, labels)
