"""Resizing in whole numbers against the graph's own resize."""

from __future__ import annotations

import numpy as np
import pytest

from algorithm.data.feeding.resizing import place
from algorithm.ops.image import resize


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (37, 50, 3), np.uint8)


@pytest.mark.parametrize("shape", [(37, 50), (64, 80), (20, 27), (1, 96), (96, 1)], ids=str)
@pytest.mark.parametrize(
    ("fine", "kind", "steps", "most"), [(False, "uint8", 1, 1.0), (True, "uint16", 256, 0.02)]
)
def test_placed_is_resized_and_the_rest_is_zero(
    pixels, shape, fine: bool, kind: str, steps: int, most: float
) -> None:
    placed = place(pixels, shape, (96, 96), fine=fine)
    assert (placed.shape, placed.dtype.name) == ((96, 96, 3), kind)
    inside = placed[: shape[0], : shape[1]]
    assert np.abs(inside / steps - resize(pixels, shape)).max() <= most
    assert placed.sum(dtype=np.int64) == inside.sum(dtype=np.int64)


@pytest.mark.parametrize("fine", [False, True])
def test_flipped_left_to_right(pixels, fine: bool) -> None:
    placed = place(pixels, (30, 40), (32, 48), fine=fine, flip=True)
    assert np.array_equal(placed, place(pixels[:, ::-1].copy(), (30, 40), (32, 48), fine=fine))
    assert not np.array_equal(placed, place(pixels, (30, 40), (32, 48), fine=fine))


def test_white_stays_white_in_fine_steps() -> None:
    assert (
        place(np.full((5, 7, 3), 255, np.uint8), (9, 11), (9, 11), fine=True) == 255 * 256
    ).all()
