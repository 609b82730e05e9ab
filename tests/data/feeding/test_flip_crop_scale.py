"""Planned views: sizes by hand, and boxes that bound the pixels they bounded before."""

from __future__ import annotations

import numpy as np
import pytest

from algorithm.data.feeding.flip_crop_scale import View, boxes_in_view, plan_view

NONE = np.zeros(0, np.int32)


def plan(size, target, jitter=(1.0, 1.0), flip=False, reducible=False, seed=0) -> View:
    return plan_view(
        size, target, jitter=jitter, flip=flip, reducible=reducible, rng=np.random.default_rng(seed)
    )


def test_the_whole_picture_fitted() -> None:
    assert plan((100, 160), (50, 80)) == View(1, (0, 0, 100, 160), (50, 80), False)
    assert plan((30, 40), (32, 48)).shape == (32, 42)  # scale 32/30


def test_boxes_by_hand() -> None:
    boxes, labels = boxes_in_view(
        View(1, (10, 20, 50, 100), (100, 200), False),
        np.float32([[20, 30, 40, 50], [0, 0, 10, 20], [0, 0, 100, 200]]),
        np.array([7, 8, 9]),
    )
    assert boxes.tolist() == [[20, 20, 60, 60], [0, 0, 100, 200]]
    assert labels.tolist() == [7, 9]
    flipped, _ = boxes_in_view(
        View(1, (10, 20, 50, 100), (100, 200), True), np.float32([[20, 30, 40, 50]]), np.array([7])
    )
    assert flipped.tolist() == [[20, 140, 60, 180]]
    halved, _ = boxes_in_view(
        View(2, (5, 10, 25, 50), (100, 200), False), np.float32([[20, 30, 40, 50]]), np.array([7])
    )
    assert halved.tolist() == [[20, 20, 60, 60]]  # the same window, decoded at half size


@pytest.mark.parametrize(
    ("size", "reduction"),
    [
        ((100, 100), 1),
        ((199, 100), 1),
        ((200, 200), 2),
        ((399, 80), 2),
        ((400, 400), 4),
        ((801, 801), 8),
        ((5000, 10), 8),
    ],
)
def test_reduced_only_where_half_the_resolution_or_less_is_needed(size, reduction: int) -> None:
    view = plan(size, (100, 100), reducible=True)
    assert view.reduction == reduction
    assert view.window == (0, 0, -(-size[0] // reduction), -(-size[1] // reduction))
    assert plan(size, (100, 100)).reduction == 1


@pytest.mark.parametrize("seed", range(200))
def test_views_are_possible_and_keep_the_scale(seed: int) -> None:
    rng = np.random.default_rng([9, seed])
    size, target = (
        tuple(rng.integers(1, 2000, 2).tolist()),
        tuple(rng.integers(16, 600, 2).tolist()),
    )
    view = plan(size, target, (0.1, 2.0), True, True, seed)
    top, left, height, width = view.window
    assert min(top, left) >= 0
    assert min(height, width, *view.shape) >= 1
    assert top + height <= -(-size[0] // view.reduction)
    assert left + width <= -(-size[1] // view.reduction)
    assert all(side <= limit for side, limit in zip(view.shape, target, strict=False))
    if min(height, width) >= 40 and min(view.shape) >= 40:  # rounding to whole pixels, nothing else
        assert view.shape[0] / height == pytest.approx(view.shape[1] / width, rel=0.07)


def test_scales_corners_and_flips_are_drawn() -> None:
    views = [plan((100, 100), (64, 64), (0.5, 2.0), True, seed=seed) for seed in range(200)]
    heights = [view.shape[0] for view in views]
    assert min(heights) in range(32, 36)
    assert max(heights) == 64
    assert len({view.window for view in views}) > 50
    assert 70 < sum(view.flip for view in views) < 130


def test_boxes_out_of_the_window_go_with_their_labels() -> None:
    boxes = np.float32([[0, 0, 10, 10], [90, 90, 100, 100], [0, 0, 100, 100]])
    for seed in range(20):
        view = plan((100, 100), (50, 50), (2.0, 2.0), seed=seed)
        moved, labels = boxes_in_view(view, boxes, np.arange(3))
        assert {0, 1} - set(
            labels.tolist()
        )  # a quarter of the picture never shows both far corners
        assert moved[-1].tolist() == [0, 0, 50, 50]
        assert len(moved) == len(labels)
