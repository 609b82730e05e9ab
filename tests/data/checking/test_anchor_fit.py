"""The fast comparison of boxes with anchors gives what comparing all gives."""

from __future__ import annotations

import numpy as np
import pytest

from algorithm.data.checking.anchor_fit import AnchorFit
from algorithm.ops.anchors import anchor_grid


def all_compared(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    shared = (
        (
            np.minimum(boxes[:, None, 2:], anchors[None, :, 2:])
            - np.maximum(boxes[:, None, :2], anchors[None, :, :2])
        )
        .clip(0)
        .prod(-1)
    )
    areas = [(some[:, 2:] - some[:, :2]).prod(-1) for some in (boxes, anchors)]
    return (shared / (areas[0][:, None] + areas[1][None] - shared)).max(1)


def random_boxes(size: tuple[int, int], count: int = 60) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres, halves = (
        rng.uniform(0, 1, (count, 2)) * size,
        np.exp(rng.uniform(1, 5, (count, 2))) / 2,
    )
    boxes = np.concatenate([centres - halves, centres + halves], 1).clip(0, np.r_[size, size])
    return boxes.astype(np.float32)


@pytest.mark.parametrize("size", [(128, 128), (300, 420), (192, 96)])
def test_best_iou_on_a_grid(size: tuple[int, int]) -> None:
    boxes, anchors = random_boxes(size), anchor_grid(size)
    np.testing.assert_allclose(
        AnchorFit(anchors).best_iou(boxes), all_compared(boxes, anchors), atol=1e-3
    )


def test_anchors_that_are_no_grid_are_all_compared() -> None:
    boxes = random_boxes((128, 128))
    anchors = np.delete(anchor_grid((128, 128)), [5, 77, 300], axis=0)
    np.testing.assert_allclose(
        AnchorFit(anchors).best_iou(boxes), all_compared(boxes, anchors), atol=1e-3
    )


def test_the_factor_is_an_anchor_scale() -> None:
    boxes = random_boxes((128, 128))
    twice = AnchorFit(anchor_grid((128, 128), anchor_scale=2.0)).best_iou(boxes)
    np.testing.assert_allclose(
        AnchorFit(anchor_grid((128, 128))).best_iou(boxes, 0.5), twice, atol=1e-3
    )


def test_hand_worked() -> None:
    fit = AnchorFit(np.float32([[0, 0, 10, 10], [0, 10, 10, 20]]))
    assert fit.best_iou(
        np.float32([[0, 0, 10, 10], [0, 5, 10, 15], [50, 50, 60, 60]])
    ).tolist() == pytest.approx([1, 1 / 3, 0])
    assert (fit.smallest_side, fit.best_iou(np.zeros((0, 4))).tolist()) == (10, [])
