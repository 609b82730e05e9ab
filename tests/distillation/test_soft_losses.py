"""Soft losses by hand, and teachers' anchors that stand for students'."""

import math

import numpy as np
import pytest
import tensorflow as tf

from algorithm.distillation.soft_losses import (
    AnchorGeometry,
    SoftLossConfig,
    align,
    bernoulli_divergence,
    moved,
    quality_focal,
    soft_losses,
)
from algorithm.ops.boxes import decode_boxes

NINE = math.log(9.0)  # the logit of a probability of 0.9


def test_the_divergence_of_a_half_from_nine_tenths():
    # t = 0.9, s = 0.5: 0.9 ln(0.9 / 0.5) + 0.1 ln(0.1 / 0.5)
    expected = 0.9 * math.log(1.8) + 0.1 * math.log(0.2)
    assert float(bernoulli_divergence(tf.constant(0.0), tf.constant(NINE))) == pytest.approx(
        expected, rel=1e-5
    )
    assert float(bernoulli_divergence(tf.constant(3.0), tf.constant(3.0))) == pytest.approx(
        0.0, abs=1e-6
    )


def test_the_quality_focal_loss_of_a_half_against_nine_tenths():
    # |0.5 - 0.9| * -(0.9 ln 0.5 + 0.1 ln 0.5)
    assert float(quality_focal(tf.constant(0.0), tf.constant(NINE))) == pytest.approx(
        0.4 * math.log(2.0), rel=1e-5
    )
    assert float(quality_focal(tf.constant(NINE), tf.constant(NINE))) == pytest.approx(
        0.0, abs=1e-6
    )


def case():
    """Two anchors, one class: an object on the first; the teacher is sure of it, and half sure of the second."""
    outputs = {"class_logits": tf.constant([[[0.0], [0.0]]]), "box_deltas": tf.zeros((1, 2, 4))}
    teacher = {
        "class_logits": tf.constant([[[NINE], [0.0]]]),
        "box_deltas": tf.constant([[[0.05, 0.0, 0.0, 0.3], [0.1, 0.0, 0.0, 0.0]]]),
    }
    targets = {"class_targets": tf.constant([[0, -1]]), "num_positives": tf.constant([1.0])}
    return outputs, teacher, targets


# Huber with delta 0.1: 0.05 -> 0.00125, 0.3 -> 0.005 + 0.1 * 0.2 = 0.025, 0.1 -> 0.005
FIRST_BOX, SECOND_BOX = 0.00125 + 0.025, 0.005


def test_plain_imitates_classes_everywhere_and_boxes_where_an_object_is():
    outputs, teacher, targets = case()
    losses = soft_losses(outputs, teacher, targets, SoftLossConfig("plain"))
    classes = 0.9 * math.log(1.8) + 0.1 * math.log(0.2)
    assert float(losses["loss_soft_cls"]) == pytest.approx(
        2 * classes / 2, rel=1e-5
    )  # weight 2, normaliser 1 + 1
    assert float(losses["loss_soft_box"]) == pytest.approx(200 * FIRST_BOX / (4 * 2), rel=1e-5)


def test_foreground_weighs_boxes_by_the_teachers_confidence():
    outputs, teacher, targets = case()
    losses = soft_losses(outputs, teacher, targets, SoftLossConfig("foreground"))
    assert float(losses["loss_soft_cls"]) == pytest.approx(2 * 0.4 * math.log(2.0) / 2, rel=1e-5)
    assert float(losses["loss_soft_box"]) == pytest.approx(
        200 * (0.9 * FIRST_BOX + 0.5 * SECOND_BOX) / (4 * 2), rel=1e-5
    )


def test_a_weight_of_zero_leaves_its_loss_out_and_anchors_without_a_teacher_count_for_nothing():
    outputs, teacher, targets = case()
    assert list(soft_losses(outputs, teacher, targets, SoftLossConfig(box_weight=0.0))) == [
        "loss_soft_cls"
    ]
    nobody = {**teacher, "aligned": tf.constant([False, False])}
    assert [
        float(value) for value in soft_losses(outputs, nobody, targets, SoftLossConfig()).values()
    ] == [0.0, 0.0]


def test_no_gradient_reaches_the_teacher():
    outputs, teacher, targets = case()
    with tf.GradientTape() as tape:
        tape.watch((outputs, teacher))
        total = sum(soft_losses(outputs, teacher, targets, SoftLossConfig("foreground")).values())
    mine, theirs = tape.gradient(total, (outputs, teacher))
    assert all(value is None for value in theirs.values())
    assert float(tf.abs(mine["class_logits"][0, 0, 0])) > 0


def geometry(size, scale=4.0):
    return AnchorGeometry((size, size), 3, 7, scale)


def test_the_same_anchors_stand_for_themselves():
    found = align(geometry(128), geometry(128))
    assert found.same
    assert found.aligned.all()


def test_a_teacher_of_twice_the_size_speaks_one_level_higher():
    found = align(geometry(128), geometry(256))
    assert not found.same
    assert found.scale == 2.0
    # Level 3 of the student, 16x16 cells of 8 pixels, is level 4 of the teacher, which begins after 32 * 32 * 9 anchors.
    assert found.index[:4].tolist() == [32 * 32 * 9 + kind for kind in range(4)]
    assert found.aligned[: 16 * 16 * 9].all()
    # Level 7 would need the teacher's level 8: the largest anchor there is (octave 2^(2/3) of level 7) is too small for two of three.
    assert not found.aligned[-1]


def test_every_anchor_finds_the_best_of_all():
    student, teacher = geometry(96), geometry(128, 3.0)
    found = align(student, teacher)
    wanted, offered = student.anchors() * found.scale, teacher.anchors()
    for row in range(0, len(wanted), 97):
        sides = np.maximum(
            np.minimum(wanted[row, 2:], offered[:, 2:])
            - np.maximum(wanted[row, :2], offered[:, :2]),
            0,
        )
        overlap = sides.prod(1)
        union = (
            (wanted[row, 2:] - wanted[row, :2]).prod()
            + (offered[:, 2:] - offered[:, :2]).prod(1)
            - overlap
        )
        iou = overlap / union
        assert (
            iou[found.index[row]] >= iou.max() - 0.05
        )  # the cell under the centre, not one half a cell away
        assert found.aligned[row] == (iou[found.index[row]] >= 0.5)


def test_a_moved_box_is_the_same_box():
    student, teacher = geometry(64), geometry(96)
    alignment = align(student, teacher)
    mine, theirs = (tf.constant(each.anchors()) for each in (student, teacher))
    count = len(theirs)
    outputs = {
        "class_logits": tf.reshape(tf.range(count, dtype=tf.float32), (1, count, 1)),
        "box_deltas": tf.constant(
            np.random.default_rng(0).normal(0, 0.3, (1, count, 4)), tf.float32
        ),
    }
    found = moved(outputs, alignment, mine, theirs)
    np.testing.assert_array_equal(found["class_logits"][0, :, 0], alignment.index)
    there = tf.gather(decode_boxes(outputs["box_deltas"][0], theirs), alignment.index) / 1.5
    np.testing.assert_allclose(decode_boxes(found["box_deltas"][0], mine), there, atol=1e-2)
