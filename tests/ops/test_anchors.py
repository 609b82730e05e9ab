from __future__ import annotations

import json
import math

import numpy as np
import pytest

from algorithm.ops.anchors import anchor_grid, feature_sizes, padded_size


def test_a_level_is_half_the_one_before_rounded_up():
    sizes = [(300, 420), (150, 210), (75, 105), (38, 53), (19, 27), (10, 14), (5, 7), (3, 4)]
    assert feature_sizes((300, 420), 7) == sizes


def test_a_grid_of_one_cell_worked_by_hand():
    """An 8 px image has one P3 cell with its centre at 4; with scale 4 the square anchor is 32 px wide."""
    grid = anchor_grid((8, 8), 3, 3, 4.0)
    assert grid.shape == (9, 4)
    wide, tall = 32 * math.sqrt(2), 32 / math.sqrt(2)
    np.testing.assert_allclose(grid[0], [4 - 16, 4 - 16, 4 + 16, 4 + 16], rtol=1e-6)
    np.testing.assert_allclose(
        grid[1], [4 - tall / 2, 4 - wide / 2, 4 + tall / 2, 4 + wide / 2], rtol=1e-6
    )
    np.testing.assert_allclose(
        grid[2], [4 - wide / 2, 4 - tall / 2, 4 + wide / 2, 4 + tall / 2], rtol=1e-6
    )
    np.testing.assert_allclose(grid[3], 4 + np.array([-1, -1, 1, 1]) * 16 * 2 ** (1 / 3), rtol=1e-6)


def test_cells_run_over_rows_then_columns_then_the_next_level():
    grid = anchor_grid((16, 32), 3, 4, 4.0)
    centres = (grid[:, :2] + grid[:, 2:]) / 2
    assert len(grid) == 9 * (2 * 4 + 1 * 2)
    np.testing.assert_allclose(
        centres[::9],
        [[4, 4], [4, 12], [4, 20], [4, 28], [12, 4], [12, 12], [12, 20], [12, 28], [8, 8], [8, 24]],
        atol=1e-5,
    )


def test_a_stride_is_the_image_divided_by_its_cells_even_when_it_is_no_whole_number():
    grid = anchor_grid((20, 20), 3, 3, 4.0)
    assert len(grid) == 9 * 3 * 3
    np.testing.assert_allclose((grid[0, :2] + grid[0, 2:]) / 2, [10 / 3, 10 / 3], rtol=1e-6)
    assert grid[0, 2] - grid[0, 0] == pytest.approx(4 * 20 / 3)


def test_grids_are_the_published_ones(shared_dir):
    published = json.loads((shared_dir / "reference/golden/components.json").read_text())["anchors"]
    assert published
    for name, golden in published.items():
        size = golden["image_size"]
        image_size = (size, size) if isinstance(size, int) else tuple(size)
        grid = anchor_grid(
            image_size, golden["min_level"], golden["max_level"], golden["anchor_scale"]
        )
        assert len(grid) == golden["count"], name
        np.testing.assert_allclose(
            grid[golden["index"]], golden["value"], rtol=1e-5, atol=1e-3, err_msg=name
        )
        assert grid.astype(np.float64).sum() == pytest.approx(golden["sum"], rel=1e-6), name


def test_a_network_works_at_multiples_of_32():
    assert padded_size((264, 256)) == (288, 256)
    assert padded_size((33, 1)) == (64, 32)
