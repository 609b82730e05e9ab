"""Masks over a picture."""

import numpy as np

from algorithm.pages.box_drawing import class_colour
from algorithm.pages.mask_drawing import draw_masks


def test_a_mask_is_tinted_in_the_colour_of_its_class_and_the_rest_is_left_alone():
    image = np.full((6, 8, 3), 100, np.uint8)
    mask = np.zeros((6, 8), np.uint8)
    mask[1:3, 2:5] = 1
    drawn = draw_masks(image, [None, mask], ["dog", "cat"])
    assert (image == 100).all()
    assert (drawn[mask == 0] == 100).all()
    expected = 0.55 * 100 + 0.45 * np.array(class_colour("cat"))
    np.testing.assert_allclose(drawn[1, 2], expected, atol=1)
