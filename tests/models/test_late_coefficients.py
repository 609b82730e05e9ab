"""Masks of a few anchors are those that the whole network gives them."""

import numpy as np
import tensorflow as tf

from algorithm.models import build_detector
from algorithm.models.late_coefficients import all_coefficients, coefficients_at, with_features
from algorithm.ops.mask_grid import SHAPE_TERMS


def logits(coefficients, maps):
    """float32 [B, M, h, w]: mixed maps, and the constant term of the shape."""
    mixed = np.einsum("bmk,bhwk->bmhw", coefficients[..., :-SHAPE_TERMS], maps)
    return mixed + coefficients[..., -SHAPE_TERMS, None, None]


def test_masks_are_those_of_the_network():
    tf.keras.utils.set_random_seed(1)
    detector = build_detector("efficientdet-lite0", 2, (64, 96), masks=True)
    for name in ("mask_net.mask-predict", "proto_net.proto-predict"):
        last = detector.get_layer(name)
        last.bias.assign(np.random.default_rng(0).normal(size=last.bias.shape))
    images = tf.random.normal((2, 64, 96, 3), seed=2)
    whole = detector(images, training=False)
    outputs = with_features(detector)(images)
    features = ["mask_features", "prototype_features"]
    assert sorted(outputs) == ["box_deltas", "class_logits", *features, "prototypes"]
    # A cell has 9 anchors; P3 to P7 of 64 x 96 have 96, 24, 6, 2 and 1 cells.
    assert outputs["mask_features"].shape == (2, 129, 64)
    for name in ("box_deltas", "class_logits", "prototypes"):
        np.testing.assert_array_equal(outputs[name], whole[name])
    expected = whole["mask_coefficients"].numpy()
    found = all_coefficients(detector, outputs["mask_features"])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    anchors = np.array([[0, 8, 9, 863], [864, 1160, 500, 500]], np.int32)
    chosen = coefficients_at(detector, outputs["mask_features"], tf.constant(anchors)).numpy()
    whole_rows = expected[np.arange(2)[:, None], anchors]
    np.testing.assert_allclose(
        logits(chosen, outputs["prototype_features"]),
        logits(whole_rows, whole["prototypes"]),
        atol=1e-5,
    )
    np.testing.assert_allclose(chosen[..., -8:], whole_rows[..., -8:], atol=1e-6)
    assert np.ptp(whole_rows, axis=2).min() > 1e-3
