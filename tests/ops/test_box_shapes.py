"""Surfaces over boxes, against cases computed by hand."""

import numpy as np
import tensorflow as tf

from algorithm.ops.box_shapes import box_shapes
from algorithm.ops.mask_grid import SHAPE_DEGREE, SHAPE_TERMS


def test_terms_go_by_rows_then_columns():
    """Box y 2..6, x 10..30: y 3 is v -1/2, y 4 is v 0; x 15 is u -1/2, x 30 is u 1.

    P_2 is (3 x^2 - 1) / 2: -1/8 at -1/2, -1/2 at 0, 1 at 1. P_3 is (5 x^3 - 3 x) / 2: 7/16 at -1/2.
    """
    terms = np.zeros((SHAPE_DEGREE + 1, SHAPE_DEGREE + 1), np.float32)
    terms[0, 0], terms[1, 0], terms[0, 2], terms[2, 1], terms[0, 3] = 1, 2, 8, 16, 32
    found = box_shapes(
        tf.constant(terms.ravel()),
        tf.constant([2.0, 10.0, 6.0, 30.0]),
        tf.constant([3.0, 4.0]),
        tf.constant([15.0, 30]),
    )
    np.testing.assert_allclose(
        found,
        [[1 - 1 - 1 + 1 + 14, 1 - 1 + 8 - 2 + 32], [1 - 1 + 4 + 14, 1 + 8 - 8 + 32]],
    )


def test_the_polynomials_are_those_of_numpy():
    rng = np.random.default_rng(0)
    terms = rng.normal(size=(SHAPE_DEGREE + 1, SHAPE_DEGREE + 1)).astype(np.float32)
    places = np.linspace(-1, 1, 9, dtype=np.float32)
    found = box_shapes(
        tf.constant(terms.ravel()), tf.constant([-1.0, -1, 1, 1]), *[tf.constant(places)] * 2
    )
    expected = np.polynomial.legendre.leggrid2d(places, places, terms)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_beyond_the_edges_nothing_changes_and_a_box_without_area_has_a_middle():
    terms = tf.constant([np.eye(SHAPE_TERMS)[1]] * 2, tf.float32)
    boxes = tf.constant([[0.0, 4, 8, 8], [0, 6, 8, 6]])
    found = box_shapes(terms, boxes, tf.constant([1.0]), tf.constant([0.0, 5, 6, 8, 60]))
    np.testing.assert_allclose(found[:, 0], [[-1, -0.5, 0, 1, 1], [-1, -1, 0, 1, 1]])
