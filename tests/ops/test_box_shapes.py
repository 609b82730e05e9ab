"""Surfaces over boxes, against cases computed by hand."""

import numpy as np
import tensorflow as tf

from algorithm.ops.box_shapes import box_shapes


def test_terms_go_by_rows_then_columns():
    """Box y 2..6, x 10..30: y 3 is v -1/2, y 4 is v 0; x 15 is u -1/2, x 30 is u 1."""
    terms = tf.constant([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0])
    found = box_shapes(
        terms, tf.constant([2.0, 10.0, 6.0, 30.0]), tf.constant([3.0, 4.0]), tf.constant([15.0, 30])
    )
    # in u: 1 - 1 + 1, 8 - 8 + 8, 64 - 64 + 64 at -1/2; 7, 56, 448 at 1
    np.testing.assert_allclose(found, [[1 - 4 + 16, 7 - 28 + 112], [1, 7]])


def test_beyond_the_edges_nothing_changes_and_a_box_without_area_has_a_middle():
    terms = tf.constant([[0.0, 1, 0, 0, 0, 0, 0, 0, 0]] * 2)
    boxes = tf.constant([[0.0, 4, 8, 8], [0, 6, 8, 6]])
    found = box_shapes(terms, boxes, tf.constant([1.0]), tf.constant([0.0, 5, 6, 8, 60]))
    np.testing.assert_allclose(found[:, 0], [[-1, -0.5, 0, 1, 1], [-1, -1, 0, 1, 1]])
