"""From coefficients and prototypes to masks of the pictures given, as run lengths.

Each detection is mixed and enlarged by two small matrices inside its box alone, so that no
[M, H, W] is held.
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
    wanted = tf.sequence_mask(count, tf.shape(coefficients)[1])
    places = tf.where(wanted)
    pictures = tf.cast(places[:, 0], tf.int32)
    mixes = tf.gather_nd(coefficients, places)
    corners = tf.gather_nd(boxes, places)
    windows = tf.cast(
        tf.concat([tf.floor(corners[:, :2]), tf.math.ceil(corners[:, 2:])], 1), tf.int32
    )
    scales = tf.gather(tf.cast(fitted, tf.float32) / size, pictures)
    sizes = tf.gather(tf.cast(size, tf.int32), pictures)
    grid = tf.shape(prototypes)[1:3]
    first = tf.cast(_places(windows[:, :2], scales, grid), tf.int32)
    last = tf.minimum(tf.cast(_places(windows[:, 2:] - 1, scales, grid), tf.int32) + 2, grid)

    # Runs and their numbers grow in vectors: their lengths differ.
    def one(number: tf.Tensor, runs: tf.Tensor, lengths: tf.Tensor):
        (top, left), (bottom, right) = (tf.unstack(cells[number]) for cells in (first, last))
        part = prototypes[pictures[number], top:bottom, left:right]
        mix, shape = mixes[number, :-SHAPE_TERMS], mixes[number, -SHAPE_TERMS:]
        logits = tf.matmul(tf.reshape(part, [-1, tf.size(mix)]), mix[:, None])
        found = _runs(
            tf.reshape(logits, tf.shape(part)[:2]),
            shape,
            corners[number],
            windows[number],
            first[number],
            scales[number],
            sizes[number],
            grid,
        )
        length = tf.reshape(tf.size(found), [1])
        return number + 1, tf.concat([runs, found], 0), tf.concat([lengths, length], 0)

    total, none, any_length = tf.shape(places)[0], tf.zeros([0], tf.int32), tf.TensorShape([None])
    _, runs, lengths = tf.while_loop(
        lambda number, *_: number < total,
        one,
        (0, none, none),
        (tf.TensorShape([]), any_length, any_length),
    )
    all_lengths = tf.scatter_nd(places, lengths, tf.shape(wanted, tf.int64))
    return _rows(runs, all_lengths)


def fitted_shape(size: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Compute what `letterbox_scale` makes of pictures.

    Args:
        size: float32 [B, 2], (height, width) of the pictures.
        scale: float32 [B], network pixels per picture pixel.

    Returns:
        int32 [B, 2], (height, width) of the pictures in the network's input.
    """
    return tf.maximum(tf.cast(size * scale[:, None], tf.int32), 1)


def _rows(values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """int32 [*lengths, R]: each row the next `length` values, filled up with zeros."""
    flat = tf.reshape(lengths, [-1])
    columns = tf.range(tf.reduce_max(lengths))
    starts = tf.cumsum(flat, exclusive=True)
    used = columns < lengths[..., None]
    places = tf.where(used, tf.reshape(starts, tf.shape(lengths))[..., None] + columns, 0)
    return tf.where(used, tf.gather(values, places), 0)


def _runs(
    logits: tf.Tensor,
    shape: tf.Tensor,
    box: tf.Tensor,
    window: tf.Tensor,
    first: tf.Tensor,
    scale: tf.Tensor,
    size: tf.Tensor,
    grid: tf.Tensor,
) -> tf.Tensor:
    """int32 [R]: run lengths of logits > 0 inside of a window, in a picture of `size`.

    The logits are those of the part of the grid that begins with the cell `first`. The terms of the
    box's shape, [9], are added.
    """
    start, stop = window[:2], window[2:]
    rows, columns = (
        _weights(
            _places(tf.range(start[axis], stop[axis]), scale[axis], grid[axis]),
            tf.range(first[axis], first[axis] + tf.shape(logits)[axis]),
        )
        for axis in (0, 1)
    )
    enlarged = tf.matmul(columns, tf.matmul(rows, logits), transpose_b=True)  # [columns, rows]
    pixels = (tf.cast(tf.range(start[axis], stop[axis]), tf.float32) + 0.5 for axis in (0, 1))
    enlarged += tf.transpose(box_shapes(shape, box, *pixels))
    # A column below which the picture goes on ends with a zero; else its run goes on at the top of
    # the next column.
    height = stop[0] - start[0]
    gap = tf.minimum(size[0] - height, 1)
    inside = tf.reshape(tf.pad(enlarged > 0.0, [[0, 0], [0, gap]]), [-1])
    inside = tf.pad(inside, [[1, 1]])
    edges = tf.cast(tf.where(inside[1:] != inside[:-1])[:, 0], tf.int32)
    column, row = edges // (height + gap), edges % (height + gap)
    ends = (column + start[1]) * size[0] + row + start[0]
    area = size[0] * size[1]
    return tf.concat([ends, [area]], axis=0) - tf.concat([[0], ends], axis=0)


def _places(pixels: tf.Tensor, scale: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """float32: where the middles of pixels lie, counted in cells from the middle of the first."""
    centres = (tf.cast(pixels, tf.float32) + 0.5) * scale / MASK_STRIDE - 0.5
    return tf.clip_by_value(centres, 0.0, tf.cast(cells - 1, tf.float32))


def _weights(places: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """float32 [pixels, cells]: how much of each cell is in each pixel, bilinearly."""
    return tf.nn.relu(1.0 - tf.abs(places[:, None] - tf.cast(cells, tf.float32)))
