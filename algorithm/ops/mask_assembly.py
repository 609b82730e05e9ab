"""From coefficients and prototypes to masks of the pictures given, as run lengths.

Each detection is enlarged by two small matrices inside its box alone, so that no [M, H, W] is held.
The threshold comes after the enlargement and the box after the threshold.
"""

from __future__ import annotations

import tensorflow as tf

from algorithm.ops.box_shapes import box_shapes
from algorithm.ops.mask_grid import MASK_STRIDE, SHAPE_TERMS


def mask_runs(
    coefficients: tf.Tensor,
    prototypes: tf.Tensor,
    boxes: tf.Tensor,
    count: tf.Tensor,
    fitted: tf.Tensor,
    size: tf.Tensor,
) -> tf.Tensor:
    """Compute the masks of detections.

    Args:
        coefficients: float32 [B, M, k + 9], see `mask_head`.
        prototypes: float32 [B, h, w, k].
        boxes: float32 [B, M, 4], yxyx in pixels of the pictures, clipped to them.
        count: int32 [B], how many of the M are wanted, the first ones.
        fitted: int32 [B, 2], (height, width) of the pictures in the network's input.
        size: float32 [B, 2], (height, width) of the pictures.

    Returns:
        int32 [B, M, R], run lengths as COCO counts them: column by column, zeros first. Zeros fill
        up a row; one of a detection that is not wanted has nothing else.
    """
    most = tf.shape(coefficients)[1]
    wanted = tf.sequence_mask(count, most)
    places = tf.where(wanted)

    def one(number: tf.Tensor, runs: tf.TensorArray, lengths: tf.TensorArray):
        picture, row = places[number, 0], places[number, 1]
        found = _runs(
            tf.linalg.matvec(prototypes[picture], coefficients[picture, row, :-SHAPE_TERMS]),
            coefficients[picture, row, -SHAPE_TERMS:],
            boxes[picture, row],
            tf.cast(fitted[picture], tf.float32) / size[picture],
            tf.cast(size[picture], tf.int32),
        )
        return number + 1, runs.write(number, found), lengths.write(number, tf.size(found))

    total = tf.shape(places)[0]
    arrays = (
        tf.TensorArray(tf.int32, total, infer_shape=False, element_shape=[None]),
        tf.TensorArray(tf.int32, total),
    )
    _, runs, lengths = tf.while_loop(lambda number, *_: number < total, one, (0, *arrays))
    all_lengths = tf.scatter_nd(places, lengths.stack(), tf.shape(wanted, tf.int64))
    ragged = tf.RaggedTensor.from_row_lengths(runs.concat(), tf.reshape(all_lengths, [-1]))
    padded = ragged.to_tensor(0)
    return tf.reshape(padded, tf.concat([tf.shape(wanted), tf.shape(padded)[1:]], axis=0))


def fitted_shape(size: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Compute what `letterbox_scale` makes of pictures.

    Args:
        size: float32 [B, 2], (height, width) of the pictures.
        scale: float32 [B], network pixels per picture pixel.

    Returns:
        int32 [B, 2], (height, width) of the pictures in the network's input.
    """
    return tf.maximum(tf.cast(size * scale[:, None], tf.int32), 1)


def _runs(
    logits: tf.Tensor, shape: tf.Tensor, box: tf.Tensor, scale: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
    """int32 [R]: run lengths of logits [h, w] > 0 inside of a box, in a picture of `size`.

    The terms of the box's shape, [9], are added.
    """
    start, stop = tf.cast(tf.floor(box[:2]), tf.int32), tf.cast(tf.math.ceil(box[2:]), tf.int32)
    rows, columns = (
        _weights(start[axis], stop[axis], scale[axis], tf.shape(logits)[axis]) for axis in (0, 1)
    )
    enlarged = tf.matmul(columns, tf.matmul(rows, logits), transpose_b=True)  # [columns, rows]
    places = (tf.cast(tf.range(start[axis], stop[axis]), tf.float32) + 0.5 for axis in (0, 1))
    enlarged += tf.transpose(box_shapes(shape, box, *places))
    inside = tf.pad(enlarged > 0.0, [[0, 0], [1, 1]])
    edges = tf.cast(tf.where(inside[:, 1:] != inside[:, :-1]), tf.int32)
    places = (edges[:, 0] + start[1]) * size[0] + edges[:, 1] + start[0]
    first, last = places[::2], places[1::2]
    apart = first[1:] != last[:-1]  # a run goes on at the top of the next column
    true = tf.ones_like(first[:1], tf.bool)
    first = tf.boolean_mask(first, tf.concat([true, apart], axis=0))
    last = tf.boolean_mask(last, tf.concat([apart, true], axis=0))
    ends = tf.reshape(tf.stack([first, last], axis=1), [-1])
    pixels = size[0] * size[1]
    return tf.concat([ends, [pixels]], axis=0) - tf.concat([[0], ends], axis=0)


def _weights(start: tf.Tensor, stop: tf.Tensor, scale: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """float32 [stop - start, cells]: how much of each cell is in each pixel, bilinearly."""
    centres = (tf.cast(tf.range(start, stop), tf.float32) + 0.5) * scale / MASK_STRIDE - 0.5
    places = tf.clip_by_value(centres, 0.0, tf.cast(cells - 1, tf.float32))
    numbers = tf.range(tf.cast(cells, tf.float32))
    return tf.nn.relu(1.0 - tf.abs(places[:, None] - numbers[None]))
