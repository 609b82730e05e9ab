"""Masks out of the graph, against cases computed by hand and against pycocotools."""

import numpy as np
import pytest
import tensorflow as tf
from pycocotools import mask as coco_mask

from algorithm.data.outlines import compressed_masks
from algorithm.ops.detections import NmsConfig, detect
from algorithm.ops.image import letterbox_scale
from algorithm.ops.mask_assembly import fitted_shape, mask_runs
from algorithm.ops.mask_grid import SHAPE_DEGREE, SHAPE_TERMS

in_a_graph = tf.function(mask_runs, reduce_retracing=True)


def runs_of(logits, box, size, fitted, shape=(0.0,) * SHAPE_TERMS):
    """Run lengths of one detection whose logits are these, and a shape in its box."""
    found = in_a_graph(
        tf.constant([[[1.0, *shape]]]),
        tf.constant(np.asarray(logits, np.float32)[None, :, :, None]),
        tf.constant([[np.clip(box, 0, [*size, *size])]], tf.float32),
        tf.constant([1]),
        tf.constant([fitted]),
        tf.constant([size], tf.float32),
    )
    return found.numpy()[0, 0].tolist()


def mask_of(logits, box, size, fitted, *shape):
    runs = compressed_masks(np.array([runs_of(logits, box, size, fitted, *shape)]), *size)[0]
    return coco_mask.decode({"size": list(size), "counts": runs.counts})


@pytest.mark.parametrize(
    "box, size, expected",
    [
        ([0, 1, 2, 3], (3, 4), [3, 2, 1, 2, 4]),
        ([1, 2, 3, 4], (3, 4), [7, 2, 1, 2]),
        ([0, 0, 2, 2], (2, 2), [0, 4]),
        ([0, 0, 1, 1], (2, 3), [0, 1, 5]),
        ([0, 0, 3, 1], (3, 4), [0, 3, 9]),
        ([0, 2, 3, 4], (3, 4), [6, 6]),
        ([1, 1, 1, 3], (3, 4), [12]),
    ],
)
def test_run_lengths_of_rectangles(box, size, expected):
    found = runs_of(np.ones((1, 1)), box, size, size)
    assert found[: len(expected)] == expected and not any(found[len(expected) :])


def test_an_empty_mask_is_one_run_of_zeros():
    assert runs_of(-np.ones((2, 2)), [0, 0, 8, 8], (8, 8), (8, 8)) == [64]


def test_a_block_comes_back_through_the_letterbox():
    """20 x 40 pixels at (10, 5) of 480 x 640 in 512: the grid loses three pixels at each corner."""
    cells = np.full((128, 128), -0.5)
    cells[2:6, 1:9] = 0.5
    found = mask_of(cells, [0, 0, 480, 640], (480, 640), (384, 512))
    expected = np.zeros((480, 640), np.uint8)
    expected[10:30, 5:45] = 1
    assert found.sum() == 788 and not (found & ~expected).any()
    cropped = mask_of(cells, [10, 5, 30, 25.4], (480, 640), (384, 512))
    assert cropped[:, 26:].sum() == 0 and cropped[15, 5:26].all()


def test_it_is_bilinear_with_half_pixel_centres_on_each_axis_alone():
    rng = np.random.default_rng(0)
    logits, size, fitted = rng.normal(size=(123, 128)), (536, 559), (490, 512)
    found = mask_of(logits, [0, 0, 536, 559], size, fitted)
    # 490 rows are 122.5 cells: the picture ends within the last one, where a resize of whole cells
    # would be off by half a cell
    rows = np.clip((np.arange(536) + 0.5) * 490 / 536 / 4 - 0.5, 0, 122)
    columns = np.clip((np.arange(559) + 0.5) * 512 / 559 / 4 - 0.5, 0, 127)

    def at(values, places):
        low = np.minimum(np.floor(places).astype(int), len(values) - 2)
        share = (places - low).reshape(-1, *[1] * (values.ndim - 1))
        return values[low] * (1 - share) + values[low + 1] * share

    expected = at(at(logits, rows).T, columns).T
    sure = np.abs(expected) > 1e-4
    np.testing.assert_array_equal(found[sure], expected[sure] > 0)


@pytest.mark.parametrize(
    "box",
    [
        [0, 7, 40, 50],
        [0, 0, 40, 64],
        [3, 5, 40, 9],
        [0, 60, 13, 64],
        [39, 63, 40, 64],
        [20.2, 30.7, 21.1, 31.2],
        [12, 12, 12, 40],
    ],
)
def test_a_box_shows_its_part_of_the_whole_mask(box):
    """A cell to two pixels and whole numbers: every sum is exact."""
    logits = np.random.default_rng(4).integers(-9, 10, (20, 32)) + 1 / 64
    whole = mask_of(logits, [0, 0, 40, 64], (40, 64), (80, 128))
    inside = np.zeros_like(whole)
    inside[int(box[0]) : int(np.ceil(box[2])), int(box[1]) : int(np.ceil(box[3]))] = 1
    found = mask_of(logits, box, (40, 64), (80, 128))
    np.testing.assert_array_equal(found, whole * inside)


def test_a_shape_in_the_box_is_added():
    """-0.3 + v u in a box of 4 x 4 pixels; v and u are -3/4, -1/4, 1/4 and 3/4."""
    terms = np.eye(SHAPE_TERMS)[SHAPE_DEGREE + 2]
    found = mask_of(np.full((2, 2), -0.3), [1, 2, 5, 6], (8, 8), (8, 8), terms)
    assert {(y, x) for y, x in np.argwhere(found)} == {(1, 2), (4, 5)}


def test_masks_take_every_term_of_the_shape_not_the_first_nine():
    """P_5 across a box of 8 x 8 pixels: above 0 where (63 u^5 - 70 u^3 + 15 u) / 8 is."""
    u = (np.arange(8) - 3.5) / 4
    above = np.flatnonzero(63 * u**5 - 70 * u**3 + 15 * u > 0)
    assert above.tolist() == [0, 1, 4, 5]  # its zeros: 0, 0.538 and 0.906
    for term, axis in ((SHAPE_DEGREE, 1), (SHAPE_DEGREE * (SHAPE_DEGREE + 1), 0)):
        found = mask_of(
            np.zeros((2, 2)), [0, 0, 8, 8], (8, 8), (8, 8), 100 * np.eye(SHAPE_TERMS)[term]
        )
        expected = np.zeros((8, 8), bool)
        expected[:, above] = True
        np.testing.assert_array_equal(found, expected if axis else expected.T)


def test_many_detections_of_pictures_of_different_sizes():
    rng = np.random.default_rng(1)
    size, fitted = [[30, 40], [50, 20]], [[48, 64], [64, 25]]
    coefficients = rng.normal(size=(2, 4, 3 + SHAPE_TERMS)).astype(np.float32)
    prototypes = rng.normal(size=(2, 16, 16, 3)).astype(np.float32)
    boxes = np.array([[[0, 0, 30, 40], [3.2, 4.7, 11, 12.1]] * 2, [[2, 2, 50, 20]] * 4])
    runs = in_a_graph(
        tf.constant(coefficients),
        tf.constant(prototypes),
        tf.constant(boxes, tf.float32),
        tf.constant([3, 0]),
        tf.constant(fitted),
        tf.constant(size, tf.float32),
    ).numpy()
    assert runs.shape[:2] == (2, 4)
    assert not runs[0, 3:].any() and not runs[1].any()
    assert (runs[0, :3].sum(axis=1) == 1200).all()
    for row in range(3):
        weights, shape = np.split(coefficients[0, row], [3])
        logits = np.einsum("hwk,k->hw", prototypes[0], weights)
        used = np.flatnonzero(runs[0, row])[-1] + 1
        assert runs_of(logits, boxes[0, row], size[0], fitted[0], shape)[:used] == list(
            runs[0, row, :used]
        )


def test_nothing_found_gives_no_runs():
    found = in_a_graph(
        tf.zeros((2, 3, 4 + SHAPE_TERMS)),
        tf.zeros((2, 8, 8, 4)),
        tf.zeros((2, 3, 4)),
        tf.constant([0, 0]),
        tf.constant([[32, 32]] * 2),
        tf.constant([[9.0, 9.0]] * 2),
    )
    assert found.shape[:2] == (2, 3) and not found.numpy().any()


@pytest.mark.parametrize("shape", [(480, 640), (375, 500), (333, 500), (536, 559), (1, 900)])
def test_the_fitted_shape_is_that_of_the_letterbox(shape):
    scale, expected = letterbox_scale(tf.constant(shape), (512, 512))
    found = fitted_shape(tf.constant([shape], tf.float32), scale[None])
    np.testing.assert_array_equal(found[0], expected)


def test_coefficients_are_those_of_the_anchor_that_was_detected():
    rng = np.random.default_rng(2)
    corners = rng.uniform(0, 80, (50, 2)).astype(np.float32)
    outputs = {
        "class_logits": tf.constant(rng.normal(size=(1, 50, 3)), tf.float32),
        "box_deltas": tf.zeros((1, 50, 4)),
        "mask_coefficients": tf.reshape(tf.range(50.0), (1, 50, 1)),
    }
    anchors = np.concatenate([corners, corners + 10], axis=1)
    found = detect(outputs, tf.constant(anchors), NmsConfig(max_detections=30))
    places = found["coefficients"].numpy()[0, : int(found["count"][0]), 0].astype(int)
    np.testing.assert_allclose(found["boxes"][0, : len(places)], anchors[places], atol=1e-4)
    assert len(set(places)) > 10
