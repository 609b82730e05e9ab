"""What masks lose, pixel by pixel, in a picture where every number is known."""

import numpy as np
import pytest
from outlined_pictures import block, outlined_sample, records_and_masks

from algorithm.assessment.analysis import analyse_records
from algorithm.assessment.masks.boundary import along_edge, band_width, boundary_iou, inner_band
from algorithm.assessment.masks.grid_limit import grid_iou
from algorithm.assessment.masks.mask_analysis import GRID
from algorithm.assessment.masks.mask_fits import CUT, KINDS, LEAK, MISSED_PART, SPILL, measure_fits

SIZE = (100, 100)
OBJECT, NEIGHBOUR = (10, 10, 50, 50), (10, 50, 50, 70)  # they touch at column 50
BOX, MASK = (15, 10, 60, 55), (15, 14, 55, 55)
# The object has 1600 pixels, the mask 40 * 41 = 1640, both 35 * 36 = 1260: a union of 1980.
UNION = 1980
LOST = {LEAK: 35 * 5, SPILL: 5 * 41, CUT: 5 * 40, MISSED_PART: 35 * 4}


@pytest.fixture
def touching():
    """Records and masks: the object as above, and its neighbour found exactly."""
    outlines = [block(SIZE, *OBJECT), block(SIZE, *NEIGHBOUR)]
    sample = outlined_sample(0, SIZE, outlines, [OBJECT, NEIGHBOUR], [0, 0])
    masks = [block(SIZE, *MASK), outlines[1]]
    return records_and_masks(["a"], [sample], [([BOX, NEIGHBOUR], [0, 0], [0.9, 0.8], masks)])


def test_every_lost_pixel_is_of_one_kind(touching):
    _, masks = touching
    fits = measure_fits(masks, np.array([0, 1]))
    assert fits.iou == pytest.approx([1260 / UNION, 1])
    assert fits.lost[0] == pytest.approx([LOST[kind] / UNION for kind in KINDS])
    assert not fits.lost[1].any()
    assert fits.iou + fits.lost.sum(axis=1) == pytest.approx([1, 1])
    assert np.isnan(fits.grid).all()


def test_the_ap_to_be_gained_by_each_kind(touching):
    """A hit at IoU 0.5 to 0.6; the false detection before the neighbour halves its precision.

    Without leaks the IoU is 1260 / 1805 = 0.698, one limit more; without the others 0.71 to 0.74,
    two more. Each limit is worth 1 - 51 / 101 / 2 of ten.
    """
    records, masks = touching
    found = analyse_records(records, [None], masks=masks).masks
    step = (1 - 51 / 101 / 2) / 10
    assert found.figures["AP"] == pytest.approx(1 - 7 * step)
    assert found.costs == pytest.approx(
        {LEAK: step, SPILL: 2 * step, CUT: 2 * step, MISSED_PART: 2 * step}
    )
    assert found.lost()[SPILL] == pytest.approx(205 / UNION / 2)
    assert found.shares() == pytest.approx({kind: part / 720 for kind, part in LOST.items()})
    assert found.misfits.tolist() == [True, False]
    assert found.worst() == [0] and KINDS[found.main_kinds[0]] == SPILL
    (row,) = found.as_dict()["worst_masks"]
    assert row["mostly"] == SPILL and row["mask_iou"] == pytest.approx(1260 / UNION)
    assert found.as_dict()["errors"][SPILL]["misfits"] == 1


def test_an_empty_mask_and_an_object_of_no_pixel():
    """Nothing predicted is all missed; an outline of no pixel has no fit."""
    none = np.zeros(SIZE, np.uint8)
    sample = outlined_sample(0, SIZE, [block(SIZE, *OBJECT), none], [OBJECT, NEIGHBOUR], [0, 0])
    found = ([OBJECT, NEIGHBOUR], [0, 0], [0.9, 0.8], [none, block(SIZE, *NEIGHBOUR)])
    _, masks = records_and_masks(["a"], [sample], [found])
    fits = measure_fits(masks, np.array([0, 1]))
    assert fits.found.tolist() == [0] and fits.iou.tolist() == [0] and fits.boundary.tolist() == [0]
    assert fits.lost[0].tolist() == [0, 0, 0, 1]


def test_bands_along_edges():
    """A square of 6 has a ring of 20 pixels; moved by one, 10 of them lie on the other's ring."""
    square, moved = (block((10, 10), 2, left, 8, left + 6) > 0 for left in (2, 3))
    assert inner_band(square, 1).sum() == 20 and inner_band(square, 2).sum() == 32
    assert along_edge(square, 1).sum() == 20 + 28
    assert boundary_iou(square, moved, 1) == pytest.approx(10 / 30)
    assert boundary_iou(square, moved, 3) == pytest.approx(30 / 42)  # bands as wide as the masks
    corner = block((10, 10), 0, 0, 6, 6) > 0  # the picture's edge is an edge
    assert inner_band(corner, 1).sum() == 20


def test_the_width_of_a_band():
    assert band_width(480, 640) == 16 and band_width(10, 10) == 1 and band_width(100, 100) == 3


@pytest.mark.parametrize("shift", [0, 30])
def test_what_the_grid_leaves_of_a_block(shift):
    """20 x 40 pixels that are 4 x 8 cells lose 3 pixels at each corner, wherever the part begins."""
    mask = block((20 + 2 * shift, 40 + 2 * shift), shift, shift, 20 + shift, 40 + shift) > 0
    corner = (10 + 20 - shift, 5 + 40 - shift)  # whole cells, of 5 pixels
    assert grid_iou(mask, corner, (480, 640), (512, 512)) == pytest.approx(788 / 800)


def test_a_pole_between_cells_is_lost_on_the_grid():
    """One pixel of a cell of five is never more than half of it."""
    assert grid_iou(np.ones((60, 1), bool), (100, 102), (480, 640), (512, 512)) == 0.0


def test_the_grid_is_a_kind_where_the_input_is_known():
    """The mask has 37 of 40 rows: only the limit of 0.95 is out of reach, and the grid explains it."""
    sample = outlined_sample(0, SIZE, [block(SIZE, *OBJECT)], [OBJECT], [0])
    found = ([OBJECT], [0], [0.9], [block(SIZE, 13, 10, 50, 50)])
    records, masks = records_and_masks(["a"], [sample], [found], (50, 50))
    analysis = analyse_records(records, [None], masks=masks).masks
    kept = grid_iou(block(SIZE, *OBJECT) > 0, (0, 0), SIZE, (50, 50))
    assert kept < 0.975 and analysis.quality().grid_iou == pytest.approx(kept)
    assert analysis.figures["AP"] == pytest.approx(0.9)
    assert analysis.costs[GRID] == pytest.approx(0.1)
