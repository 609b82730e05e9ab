"""Which network input suits the shape of the pictures."""

import numpy as np
import pytest

from algorithm.data.input_shape import best_shape
from algorithm.data.sample import Sample


def samples(*sizes: tuple[int, int]) -> list[Sample]:
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool)
    return [Sample(str(i), "", "", w, h, *none, usage="train") for i, (w, h) in enumerate(sizes)]


@pytest.mark.parametrize(
    ("size", "side", "shape", "gain"),
    [
        ((640, 480), 320, (288, 384), 1.2),  # 384 / 640 against 320 / 640
        ((480, 640), 320, (384, 288), 1.2),
        ((640, 480), 512, (448, 608), 7 / 6),  # 448 / 480 against 512 / 640
        ((1920, 1080), 320, (256, 416), 1.3),
        ((640, 640), 320, (320, 320), 1.0),
        ((640, 600), 320, (320, 320), 1.0),  # less than 5 % to gain
        ((3000, 500), 320, (192, 576), 1.8),  # the shape is bounded, at three to one
    ],
)
def test_one_shape_of_pictures(size, side, shape, gain):
    assert best_shape(samples(size), side) == (shape, pytest.approx(gain))


def test_pictures_of_several_shapes_are_weighed_by_their_number():
    wide, upright = (640, 480), (480, 640)
    assert best_shape(samples(*[wide] * 9, upright), 320)[0] == (288, 384)
    assert best_shape(samples(*[upright] * 9, wide), 320)[0] == (384, 288)
    assert best_shape(samples(wide, upright), 320) == ((320, 320), 1.0)


def test_a_shape_costs_at_most_a_twelfth_more_than_the_square():
    for side in (128, 320, 384, 512, 640):
        for width in range(300, 1000, 70):
            (height, wide), _ = best_shape(samples((width, 500)), side)
            assert height * wide <= 1.08 * side * side
