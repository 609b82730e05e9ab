"""One geometry in three places: arrays, tensors, and the handler that a model folder carries."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from algorithm.ops import box_arrays, boxes
from algorithm.ops.box_iou_loss import iou_loss

HANDLER = Path(__file__).parents[2] / "customize_service" / "customize_service.py"


def at_random(seed, count, dtype=np.float32):
    corners = np.random.default_rng(seed).uniform(0, 100, (count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(dtype)


def test_iou_of_hand_worked_pairs():
    box = np.array([[0.0, 0.0, 10.0, 20.0]])
    others = np.array([[0.0, 0.0, 10.0, 20.0], [5.0, 10.0, 15.0, 30.0], [20.0, 20.0, 30.0, 30.0]])
    # The second shares 5 x 10 of 200 + 200.
    assert box_arrays.pairwise_iou(box, others)[0] == pytest.approx([1.0, 50 / 350, 0.0])
    crowd = np.array([False, True, True])
    assert box_arrays.pairwise_iou(box, others, crowd)[0] == pytest.approx([1.0, 50 / 200, 0.0])


def test_empty_and_inside_out_boxes_overlap_nothing():
    odd = np.array([[5.0, 5.0, 5.0, 5.0], [8.0, 8.0, 2.0, 2.0]])
    assert box_arrays.box_area(odd).tolist() == [0.0, 0.0]
    assert not box_arrays.pairwise_iou(odd, odd).any()


def test_arrays_and_tensors_agree():
    one, other = at_random(1, 40), at_random(2, 30)
    found = box_arrays.pairwise_iou(one, other)
    np.testing.assert_allclose(found, boxes.pairwise_iou(one, other).numpy(), rtol=1e-5, atol=1e-7)
    assert found.dtype == np.float32 and found.max() > 0.3
    matching = box_arrays.iou(one[:30], other)
    np.testing.assert_allclose(matching, np.diagonal(found[:30]), rtol=1e-6)
    loss = iou_loss(tf.constant(one[:30]), tf.constant(other), "iou")
    np.testing.assert_allclose(1 - loss.numpy(), matching, rtol=1e-4, atol=1e-6)


def test_the_carried_handler_has_the_same_overlap():
    spec = importlib.util.spec_from_file_location("handler_under_test", HANDLER)
    handler = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(handler)
    one, other = at_random(3, 50, np.float64), at_random(4, 50, np.float64)
    found = [handler.overlap(*pair) for pair in zip(one, other, strict=True)]
    np.testing.assert_allclose(found, box_arrays.iou(one, other), rtol=1e-12)
    assert max(found) > 0.1 and handler.overlap(np.zeros(4), np.zeros(4)) == 0.0
