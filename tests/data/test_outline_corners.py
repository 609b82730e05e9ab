"""One polygon covers what an outline of any form covers."""

from __future__ import annotations

import numpy as np
import pytest

from algorithm.data.outline_corners import single_polygon, traced
from algorithm.data.outline_geometry import of_pixels
from algorithm.data.outlines import Outline, Polygons, rasterised

HEIGHT, WIDTH = 24, 32


def part(*corners: float) -> np.ndarray:
    return np.array(corners, np.float32).reshape(-1, 2)


def square(top: float, left: float, bottom: float, right: float) -> np.ndarray:
    return part(left, top, right, top, right, bottom, left, bottom)


def masks() -> list[np.ndarray]:
    random = np.random.default_rng(3)
    ring = np.zeros((HEIGHT, WIDTH), np.uint8)
    ring[4:20, 5:25] = 1
    ring[8:12, 9:14] = 0
    ring[9:11, 10:12] = 1  # an island in its hole
    corner = np.zeros((HEIGHT, WIDTH), np.uint8)
    corner[0:2, 0:2] = corner[2:4, 2:4] = 1  # they touch in a point
    noise = [(random.random((HEIGHT, WIDTH)) < share).astype(np.uint8) for share in (0.1, 0.5, 0.9)]
    return [ring, corner, np.ones((HEIGHT, WIDTH), np.uint8), *noise]


@pytest.mark.parametrize("mask", masks())
def test_a_mask_becomes_one_polygon_of_the_same_pixels(mask: np.ndarray) -> None:
    found = single_polygon(of_pixels(mask), HEIGHT, WIDTH)
    assert np.array_equal(rasterised(Polygons((found,)), HEIGHT, WIDTH), mask)


def test_a_block_has_four_corners_on_the_edges_of_its_pixels() -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[1:4, 2:7] = 1
    (loop,) = traced(mask)
    assert sorted(map(tuple, loop.tolist())) == [(2, 1), (2, 4), (7, 1), (7, 4)]


@pytest.mark.parametrize(
    "outline",
    [
        Polygons((square(2, 2, 8, 8), square(12, 12, 20, 30))),
        Polygons((square(2, 2, 12, 12), square(6, 6, 20, 30))),  # they overlap
        Polygons((square(-5, -5, 8, 8),)),
        Polygons((square(2.3, 2.7, 8.1, 30.9), square(10, -3, 20, 40))),
    ],
)
def test_parts_overlaps_and_edges_of_the_picture(outline: Outline) -> None:
    found = single_polygon(outline, HEIGHT, WIDTH)
    assert (found >= 0).all()
    assert (found <= [WIDTH, HEIGHT]).all()
    wanted = rasterised(outline, HEIGHT, WIDTH)
    assert np.array_equal(rasterised(Polygons((found,)), HEIGHT, WIDTH), wanted)


def test_one_part_in_the_picture_stays_as_it_was_drawn() -> None:
    drawn = part(1.25, 1, 9, 2, 4, 11.5)
    assert single_polygon(Polygons((drawn,)), HEIGHT, WIDTH) is drawn


def test_no_pixel_is_no_polygon() -> None:
    assert single_polygon(of_pixels(np.zeros((HEIGHT, WIDTH))), HEIGHT, WIDTH) is None
