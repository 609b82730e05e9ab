"""Outlines against numbers worked out by hand."""

import numpy as np
import pytest

from algorithm.data.outlines import Polygons, RunLengths, rasterised, run_lengths


def part(*corners):
    return np.array(corners, np.float32).reshape(-1, 2)


def test_a_polygon_becomes_the_run_lengths_of_coco():
    outline = Polygons((part(1, 1, 4, 1, 4, 3, 1, 3),))
    assert run_lengths(outline, 5, 6)["counts"] == b"6230009"
    assert rasterised(outline, 5, 6).sum() == 6


def test_a_triangle_covers_the_pixels_whose_centre_it_holds():
    covered = rasterised(Polygons((part(1, 1, 7, 1, 1, 7),)), 10, 10)
    assert covered.sum(axis=1)[1:6].tolist() == [5, 4, 3, 2, 1]
    assert covered.sum() == 15


def test_parts_are_a_union_and_may_lie_outside():
    inner = part(3, 3, 7, 3, 7, 7, 3, 7)
    assert rasterised(Polygons((part(1, 1, 9, 1, 9, 9, 1, 9), inner)), 10, 10).sum() == 64
    assert rasterised(Polygons((part(-5, -5, 2, -5, 2, 2, -5, 2),)), 4, 4).sum() == 4


def test_run_lengths_are_of_their_own_size():
    outline = RunLengths(3, 4, b"32103")
    assert rasterised(outline, 3, 4).tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    with pytest.raises(ValueError, match="expected run lengths of 6x4 pixels, found 3x4"):
        rasterised(outline, 6, 4)
