"""What files record of outlines: numbers worked out by hand, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from algorithm.data.outline_geometry import of_pixels
from algorithm.data.outlines import Polygons, RunLengths, rasterised
from algorithm.data.readers.outline_forms import (
    column_runs,
    of_column_runs,
    of_cut_out,
    polygons,
    row_runs_mask,
    united,
)


@pytest.mark.parametrize(
    ("size", "counts", "text"),
    [
        ((3, 4), [3, 2, 1, 2, 4], "32103"),
        ((3, 4), [7, 2, 1, 2], "7210"),
        ((2, 2), [0, 4], "04"),
        ((2, 2), [4], "4"),
        ((2, 3), [0, 1, 5], "015"),
        ((4, 4), [0, 4, 1, 3, 2, 2, 3, 1], "041O1O1O"),
    ],
)
def test_both_forms_of_run_lengths(size: tuple[int, int], counts: list[int], text: str) -> None:
    assert column_runs(text) == counts
    assert of_column_runs(*size, counts) == RunLengths(*size, text.encode())
    assert of_column_runs(*size, text) == RunLengths(*size, text.encode())


@pytest.mark.parametrize("counts", ["3210", [3, 2, 1], [-1, 13], "o", "", [], None, ["a"], [[1]]])
def test_run_lengths_that_do_not_fill_their_picture_are_refused(counts: object) -> None:
    with pytest.raises(ValueError, match="expected run lengths"):
        of_column_runs(3, 4, counts)


@pytest.mark.parametrize("size", [(0, 4), (None, 4), ("x", 4), (10**6, 10**6)])
def test_masks_of_no_possible_size_are_refused(size: tuple) -> None:
    with pytest.raises(ValueError, match="expected the size of a mask"):
        of_column_runs(*size, [12])


def test_polygons_in_either_nesting() -> None:
    flat, nested = polygons([[1, 1, 4, 1, 4, 3]]), polygons([[(1, 1), (4, 1), (4, 3)]])
    assert flat.parts[0].tolist() == nested.parts[0].tolist() == [[1, 1], [4, 1], [4, 3]]
    assert flat.parts[0].dtype == np.float32
    assert len(polygons([[1, 1, 4, 1, 4, 3], [0, 0, 1, 1]]).parts) == 1


@pytest.mark.parametrize(
    "parts",
    [
        [[1, 1, 4, 1]],
        [[1, 1, 4, 1, 4]],
        [["a", 1, 2, 3, 4, 5]],
        [[1, 1, 4, float("nan"), 4, 3]],
        [],
    ],
)
def test_what_is_no_polygon_is_refused(parts: list) -> None:
    with pytest.raises(ValueError, match="expected"):
        polygons(parts)


def test_a_cut_out_is_clipped_to_the_picture() -> None:
    block = np.ones((3, 4), np.uint8)
    assert rasterised(of_cut_out(block, -2, 4, (6, 5)), 6, 5).tolist() == [
        *[[0] * 5] * 4,
        *[[1, 1, 0, 0, 0]] * 2,
    ]
    assert rasterised(of_cut_out(block, 9, 0, (6, 5)), 6, 5).sum() == 0


def test_runs_row_by_row() -> None:
    assert row_runs_mask([1, 2, 2, 1], 2, 3).tolist() == [[0, 1, 1], [0, 0, 1]]
    with pytest.raises(ValueError, match="expected run lengths of 6 pixels"):
        row_runs_mask([1, 2, 2], 2, 3)


def test_outlines_of_one_object_are_a_union_whatever_their_form() -> None:
    square = Polygons((np.array([[0, 0], [2, 0], [2, 2], [0, 2]], np.float32),))
    other = Polygons((np.array([[3, 0], [4, 0], [4, 3], [3, 3]], np.float32),))
    joined = united([square, other])
    assert isinstance(joined, Polygons)
    assert len(joined.parts) == 2
    mixed = united([square, of_pixels(rasterised(other, 3, 4))])
    assert isinstance(mixed, RunLengths)
    assert np.array_equal(rasterised(mixed, 3, 4), rasterised(joined, 3, 4))
