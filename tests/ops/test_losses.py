"""The detection losses: hand-worked values, the published implementation's, and the compiled form."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf

from algorithm.ops.anchor_matching import match_anchors
from algorithm.ops.anchors import anchor_grid, feature_sizes
from algorithm.ops.losses import LossConfig, detection_losses, focal_loss, huber_loss


def test_focal_loss_of_one_positive_and_one_negative():
    loss = focal_loss(tf.zeros((1, 1, 2)), tf.constant([[0]]), LossConfig(alpha=0.25, gamma=2.0))
    # p = 0.5 for both: modulation 0.25, cross entropy ln 2; weights 0.25 and 0.75
    assert loss.numpy() == pytest.approx(0.25 * math.log(2) * (0.25 + 0.75))


def test_focal_loss_of_background_counts_every_class():
    loss = focal_loss(tf.zeros((1, 1, 3)), tf.constant([[-1]]), LossConfig(alpha=0.25, gamma=0.0))
    assert loss.numpy() == pytest.approx(3 * 0.75 * math.log(2))


def test_an_anchor_counts_as_much_as_the_class_of_its_object():
    rng = np.random.default_rng(0)
    logits = tf.constant(rng.normal(size=(1, 4, 2)), tf.float32)
    deltas = tf.constant(rng.normal(size=(1, 4, 4)), tf.float32)
    anchors = tf.constant([[0.0, 0.0, 9.0, 9.0]] * 4)

    def losses(classes, weights):
        targets = {
            "class_targets": tf.constant([classes]),
            "box_targets": tf.where(tf.constant([classes])[..., None] >= 0, 0.5, 0.0)
            * tf.ones((1, 4, 4)),
            "num_positives": tf.constant([3.0]),
        }
        outputs = {"class_logits": logits, "box_deltas": deltas}
        config = LossConfig(iou_loss_type="giou", class_weights=weights)
        return {
            name: float(value)
            for name, value in detection_losses(outputs, targets, anchors, config).items()
        }

    plain, alike = losses([0, 1, 0, -1], ()), losses([0, 1, 0, -1], (1.0, 1.0))
    double, triple = losses([0, 1, 0, -1], (1.0, 2.0)), losses([0, 1, 0, -1], (1.0, 3.0))
    for name, value in plain.items():
        assert alike[name] == pytest.approx(value, rel=1e-6)
        rare = double[name] - value  # what the one object of class 1 adds once more
        assert rare > 0 and triple[name] - value == pytest.approx(2 * rare, rel=1e-4)
    all_double = losses([0, 1, 0, -1], (2.0, 2.0))
    for name in ("box_loss", "iou_loss"):  # background has no box, so all of it doubles
        assert all_double[name] == pytest.approx(2 * plain[name], rel=1e-5)


def test_label_smoothing_changes_the_cross_entropy_only():
    loss = focal_loss(
        tf.constant([[[2.0]]]),
        tf.constant([[0]]),
        LossConfig(gamma=0.0, alpha=1.0, label_smoothing=0.2),
    )
    expected = 0.9 * math.log1p(math.exp(-2)) + 0.1 * math.log1p(math.exp(2))
    assert loss.numpy() == pytest.approx(expected, rel=1e-6)


def test_focal_loss_and_its_gradient_are_finite_at_extreme_logits():
    logits = tf.constant([[[-200.0, 200.0, 0.0]]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = focal_loss(logits, tf.constant([[0]]), LossConfig())
    assert np.isfinite(loss.numpy())
    assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


def test_huber_is_quadratic_then_linear_and_skips_zero_targets():
    deltas = tf.constant([[[1.05, 2.0, 9.0, 0.0]]])
    targets = tf.constant([[[1.0, 1.0, 0.0, 0.0]]])
    assert huber_loss(deltas, targets, 0.1).numpy() == pytest.approx(
        0.5 * 0.05**2 + 0.1 * (1.0 - 0.05), rel=1e-4
    )


def golden_case(shared_dir):
    case = json.loads((shared_dir / "reference/golden/components.json").read_text())["loss"]
    rng, sizes = np.random.Generator(np.random.PCG64(3)), feature_sizes((128, 128), 7)
    logits = [
        (rng.standard_normal((2, *sizes[i], 45)) - 3).astype(np.float32).reshape(2, -1, 5)
        for i in range(3, 8)
    ]
    deltas = [
        (0.2 * rng.standard_normal((2, *sizes[i], 36))).astype(np.float32).reshape(2, -1, 4)
        for i in range(3, 8)
    ]
    boxes, labels = np.zeros((2, 4, 4), np.float32), np.full((2, 4), -1, np.int32)
    for i, (rows, classes) in enumerate(zip(case["boxes_yxyx"], case["classes"], strict=True)):
        boxes[i, : len(rows)], labels[i, : len(rows)] = rows, np.array(classes) - 1
    outputs = {"class_logits": tf.concat(logits, 1), "box_deltas": tf.concat(deltas, 1)}
    return case, outputs, tf.constant(boxes), tf.constant(labels)


@pytest.mark.parametrize("compiled", [False, True])
def test_losses_agree_with_the_published_implementation(shared_dir, compiled):
    golden, outputs, boxes, labels = golden_case(shared_dir)
    anchors = tf.constant(anchor_grid((128, 128)))
    for case in golden["cases"]:
        config = LossConfig(label_smoothing=case["label_smoothing"])
        run = tf.function(
            lambda config=config: detection_losses(
                outputs, match_anchors(anchors, boxes, labels), anchors, config
            ),
            jit_compile=compiled,
        )
        losses = run()
        for name in ("cls_loss", "box_loss", "det_loss"):
            assert losses[name].numpy() == pytest.approx(case[name], rel=1e-5)


def test_an_ignored_anchor_has_no_class_loss_and_no_gradient():
    """By hand: at logit 0 a background anchor costs 0.75 * 0.5^1.5 * ln 2, an ignored one nothing."""
    logits = tf.zeros((1, 3, 1))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = focal_loss(logits, tf.constant([[-1, -2, -1]]), LossConfig())
    assert loss.numpy() == pytest.approx(2 * 0.75 * 0.5**1.5 * math.log(2))
    gradient = tape.gradient(loss, logits).numpy().ravel()
    assert gradient[1] == 0 and (gradient[[0, 2]] > 0).all()


def test_iou_loss_is_added_with_its_weight():
    anchors = tf.constant([[0.0, 0, 10, 10], [0.0, 20, 10, 30]])
    targets = match_anchors(anchors, tf.constant([[[0.0, 0, 10, 10]]]), tf.constant([[0]]))
    outputs = {"class_logits": tf.zeros((1, 2, 1)), "box_deltas": tf.zeros((1, 2, 4)) + 0.1}
    plain = detection_losses(outputs, targets, anchors, LossConfig())
    more = detection_losses(
        outputs, targets, anchors, LossConfig(iou_loss_type="giou", iou_loss_weight=3.0)
    )
    assert more["iou_loss"].numpy() > 0
    assert more["det_loss"].numpy() == pytest.approx(
        plain["det_loss"].numpy() + 3 * more["iou_loss"].numpy()
    )
