"""What makes a box unusable, rule by rule."""

import numpy as np
import pytest

from algorithm.data.cleaning.rules.box_rules import BOX_RULES


@pytest.mark.parametrize(
    "box, in_shares",
    [
        ([0.1, 0.2, 0.5, 0.6], True),
        ([0, 0, 0.5, 1], True),
        ([0, 0, 1, 1], False),  # one pixel at the corner, in whole numbers
        ([0.5, 0.5, 9, 9], False),
    ],
)
def test_a_box_of_one_pixel_at_the_corner_is_not_in_shares(box, in_shares):
    (rule,) = (rule for rule in BOX_RULES if rule.name == "in shares of the picture")
    boxes = np.array([box], np.float32)
    assert rule.bad(boxes, boxes).tolist() == [in_shares]
