"""Box geometry by hand-worked numbers and round trips."""

import math

import numpy as np
import pytest
import tensorflow as tf

from algorithm.ops.box_iou_loss import iou_loss
from algorithm.ops.boxes import (
    box_area,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    pairwise_iou,
)


def test_iou_of_hand_worked_pairs():
    boxes = tf.constant([[0.0, 0.0, 2.0, 2.0]])
    others = tf.constant(
        [[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0], [0.0, 2.0, 2.0, 4.0]]
    )
    np.testing.assert_allclose(
        pairwise_iou(boxes, others).numpy(), [[1 / 7, 1.0, 0.0, 0.0]], rtol=1e-6
    )


def test_iou_of_empty_boxes_is_zero_not_nan():
    empty = tf.zeros((1, 4))
    assert pairwise_iou(empty, empty).numpy() == 0.0


def test_area_of_an_inside_out_box_is_zero():
    np.testing.assert_array_equal(
        box_area(tf.constant([[0.0, 0, 3, 4], [3.0, 0, 0, 4]])).numpy(), [12.0, 0.0]
    )


def test_encoding_hand_worked():
    # anchor centre (5, 10), size (10, 20); box centre (6, 14), size (20, 10)
    deltas = encode_boxes(tf.constant([[-4.0, 9, 16, 19]]), tf.constant([[0.0, 0, 10, 20]]))
    np.testing.assert_allclose(deltas.numpy(), [[0.1, 0.2, math.log(2), math.log(0.5)]], rtol=1e-6)


def test_decoding_inverts_encoding():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 400, (2, 200, 2))
    boxes = np.concatenate([corners[0], corners[0] + rng.uniform(1, 200, (200, 2))], axis=1).astype(
        np.float32
    )
    anchors = np.concatenate(
        [corners[1], corners[1] + rng.uniform(8, 300, (200, 2))], axis=1
    ).astype(np.float32)
    np.testing.assert_allclose(
        decode_boxes(encode_boxes(boxes, anchors), anchors).numpy(), boxes, atol=1e-2
    )


def test_decoding_a_huge_delta_stays_finite():
    decoded = decode_boxes(tf.constant([[0.0, 0, 1e4, 1e4]]), tf.constant([[0.0, 0, 10, 10]]))
    assert np.isfinite(decoded.numpy()).all()


def test_clipping_to_height_and_width():
    clipped = clip_boxes(tf.constant([[-5.0, -1, 30, 70]]), tf.constant([[20.0, 60.0]]))
    np.testing.assert_array_equal(clipped.numpy(), [[0, 0, 20, 60]])


# One box [0,0,2,2] against [0,1,2,3]: overlap 2, union 6, hull 2x3, centres 1 apart, hull diagonal^2 = 13.
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("iou", 1 - 1 / 3),
        ("giou", 1 - 1 / 3),
        ("diou", 1 - 1 / 3 + 1 / 13),
        ("ciou", 1 - 1 / 3 + 1 / 13),
    ],
)
def test_iou_losses_hand_worked(kind, expected):
    loss = iou_loss(tf.constant([[0.0, 0, 2, 2]]), tf.constant([[0.0, 1, 2, 3]]), kind)
    np.testing.assert_allclose(loss.numpy(), [expected], rtol=1e-6)


def test_giou_counts_the_empty_part_of_the_hull():
    loss = iou_loss(tf.constant([[0.0, 0, 1, 1]]), tf.constant([[2.0, 2, 3, 3]]), "giou")
    np.testing.assert_allclose(loss.numpy(), [1 + 7 / 9], rtol=1e-6)


def test_ciou_penalises_another_aspect_ratio():
    # concentric: [2 x 4] in [4 x 4]; IoU 1/2, angles atan(2) and atan(1)
    loss = iou_loss(tf.constant([[1.0, 0, 3, 4]]), tf.constant([[0.0, 0, 4, 4]]), "ciou")
    v = 4 / math.pi**2 * (math.atan(2) - math.atan(1)) ** 2
    np.testing.assert_allclose(loss.numpy(), [0.5 + v * v / (0.5 + v)], rtol=1e-5)


def test_unknown_iou_loss_is_refused():
    with pytest.raises(ValueError, match="iou, giou, diou or ciou"):
        iou_loss(tf.zeros((1, 4)), tf.zeros((1, 4)), "xiou")
