"""A surface over a box: the part of a mask's logit that knows only where in the box a point lies.

Prototypes are of the whole picture and say what is an object; this says what shape objects have,
and keeps apart two that touch.
"""

from __future__ import annotations

import tensorflow as tf

from algorithm.ops.mask_grid import SHAPE_DEGREE

_LEAST_HALF = 0.5  # pixels; half the side of the smallest box that is told apart from a line


def box_shapes(
    terms: tf.Tensor, boxes: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor
) -> tf.Tensor:
    """Compute the surfaces of boxes: the sum of terms[6 i + j] * P_i(v) * P_j(u).

    P_i are Legendre's polynomials, all between -1 and 1. u runs from -1 at the left edge of the box
    to 1 at the right one, v from the upper to the lower. Beyond an edge they stay what they are
    there.

    Args:
        terms: float32 [..., 36].
        boxes: float32 [..., 4], yxyx.
        rows: float32 [R], y of the points, in the unit of the boxes.
        columns: float32 [C], x of the points.

    Returns:
        float32 [..., R, C].
    """
    down, across = surface_factors(terms, boxes, rows, columns)
    return tf.matmul(down, across, transpose_b=True)


def surface_factors(
    terms: tf.Tensor, boxes: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute two matrices whose product, the second one transposed, is `box_shapes`.

    Args:
        terms: As of `box_shapes`, like the others.
        boxes: float32 [..., 4].
        rows: float32 [R].
        columns: float32 [C].

    Returns:
        float32 [..., R, 6] and [..., C, 6].
    """
    square = tf.concat([tf.shape(terms)[:-1], [SHAPE_DEGREE + 1, SHAPE_DEGREE + 1]], axis=0)
    mixed = tf.matmul(_polynomials(boxes, 0, rows), tf.reshape(terms, square))
    return mixed, _polynomials(boxes, 1, columns)


def _polynomials(boxes: tf.Tensor, axis: int, places: tf.Tensor) -> tf.Tensor:
    """float32 [..., N, 6]: Legendre's polynomials of where the places lie between two edges."""
    start, stop = boxes[..., axis, None], boxes[..., axis + 2, None]
    half = tf.maximum((stop - start) / 2.0, _LEAST_HALF)
    share = tf.clip_by_value((places - (start + stop) / 2.0) / half, -1.0, 1.0)
    polynomials = [tf.ones_like(share), share]
    for n in range(1, SHAPE_DEGREE):  # Bonnet's recursion
        polynomials.append(
            ((2 * n + 1) * share * polynomials[n] - n * polynomials[n - 1]) / (n + 1)
        )
    return tf.stack(polynomials, axis=-1)
