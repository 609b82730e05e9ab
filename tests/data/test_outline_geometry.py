"""Outlines that move with their picture: the mask moves as the pixels do."""

from __future__ import annotations

import numpy as np
import pytest

from algorithm.data.outline_geometry import covered_pixels, extent, of_pixels, scaled, upright
from algorithm.data.outlines import Polygons, RunLengths, rasterised


def part(*corners: float) -> np.ndarray:
    return np.array(corners, np.float32).reshape(-1, 2)


def test_the_extent_by_hand() -> None:
    assert extent(RunLengths(3, 4, b"7210")) == (1, 2, 3, 4)
    assert extent(RunLengths(2, 2, b"4")) == (0, 0, 0, 0)
    assert extent(Polygons((part(1, 2, 5, 2, 5, 3), part(0, 4, 1, 4, 1, 9)))) == (2, 0, 9, 5)


def test_pixels_become_run_lengths_column_by_column() -> None:
    mask = np.zeros((40, 50), bool)
    mask[10:30, 5:45] = True
    found = of_pixels(mask)
    assert (found.height, found.width) == (40, 50)
    assert found.counts == b"b6d0d0" + b"0" * 77 + b"n5"
    assert extent(found) == (10, 5, 30, 45)
    assert of_pixels(np.tril(np.ones((4, 4), np.uint8))).counts == b"041O1O1O"


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_turns_as_the_pixels_do(orientation: int) -> None:
    stored = np.zeros((30, 40), np.uint8)
    stored[2:10, 5:30] = 1
    turned = {5: stored.T, 6: stored.T[:, ::-1], 7: stored.T[::-1, ::-1], 8: stored.T[::-1]}
    outlines = Polygons((part(5, 2, 30, 2, 30, 10, 5, 10),)), of_pixels(stored)
    for outline in outlines:
        found = rasterised(upright(outline, 30, 40, orientation), 40, 30)
        assert np.array_equal(found, turned[orientation])


def test_both_forms_scale_alike() -> None:
    polygon = Polygons((part(4, 2, 12, 2, 12, 6, 4, 6),))
    runs = of_pixels(rasterised(polygon, 8, 16))
    for outline in (polygon, runs):
        half = rasterised(scaled(outline, 4, 8, 0.5, 0.5), 4, 8)
        assert half.tolist() == [
            [0] * 8,
            [0, 0, 1, 1, 1, 1, 0, 0],
            [0, 0, 1, 1, 1, 1, 0, 0],
            [0] * 8,
        ]


def test_a_sliver_between_pixel_centres_covers_nothing() -> None:
    sliver = Polygons((part(1.6, 0, 1.9, 0, 1.9, 9, 1.6, 9),))
    assert covered_pixels(sliver, 10, 10) == 0
    assert covered_pixels(Polygons((part(1.4, 0, 1.9, 0, 1.9, 9, 1.4, 9),)), 10, 10) == 9
