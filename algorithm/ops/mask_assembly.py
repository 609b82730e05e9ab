"""From coefficients and prototypes to masks of the pictures given, as run lengths.

Each detection is mixed and enlarged by two small matrices inside its box alone, so that no
[M, H, W] is held.
The threshold comes after the enlargement and the box after the threshold.
"""

from __future__ import annotations

from itertools import chain

import tensorflow as tf

from algorithm.ops.box_shapes import surface_factors
from algorithm.ops.mask_grid import MASK_STRIDE, SHAPE_DEGREE, SHAPE_TERMS


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
        coefficients: float32 [B, M, k + 36], see `mask_head`.
        prototypes: float32 [B, h, w, k].
        boxes: float32 [B, M, 4], yxyx in pixels of the pictures, clipped to them.
        count: int32 [B], how many of the M are wanted, the first ones.
        fitted: int32 [B, 2], (height, width) of the pictures in the network's input.
        size: float32 [B, 2], (height, width) of the pictures.

    Returns:
        int32 [B, M, R], run lengths as COCO counts them: column by column, zeros first. Zeros fill
        up a row; one of a detection that is not wanted has nothing else.
    """
    places = tf.cast(tf.where(tf.sequence_mask(count, tf.shape(coefficients)[1])), tf.int32)
    pictures = places[:, 0]
    numbers, corners = tf.gather_nd(coefficients, places), tf.gather_nd(boxes, places)
    sizes = tf.gather(tf.cast(size, tf.int32), pictures)
    ends = tf.floor(corners[:, :2]), tf.math.ceil(corners[:, 2:])
    start, stop = (tf.clip_by_value(tf.cast(end, tf.int32), 0, sizes) for end in ends)
    window = tf.maximum(stop - start, 0)
    # A column below which the picture goes on ends with a zero; else its run goes on at the top of
    # the next column.
    gap = tf.minimum(sizes[:, :1] - window[:, :1], 1)
    parts = _parts(numbers, prototypes, corners, start, window, pictures, fitted, size)
    edges, lengths = _edges(*parts, gap)
    longest = tf.reduce_max(tf.concat([lengths + 1, [1]], 0))
    order = tf.range(longest)
    used = order < lengths[:, None]
    before = tf.cumsum(lengths, exclusive=True)[:, None]
    span = window[:, :1] + gap
    edge = tf.gather(edges, tf.where(used, before + order + 1, 0)) - span
    inside = (edge // span + start[:, 1:]) * sizes[:, :1] + edge % span + start[:, :1]
    ends = tf.where(used, inside, sizes[:, :1] * sizes[:, 1:])
    runs = ends - tf.pad(ends[:, :-1], [[0, 0], [1, 0]])
    return tf.scatter_nd(places, runs, tf.concat([tf.shape(coefficients)[:2], [longest]], 0))


def fitted_shape(size: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Compute what `letterbox_scale` makes of pictures.

    Args:
        size: float32 [B, 2], (height, width) of the pictures.
        scale: float32 [B], network pixels per picture pixel.

    Returns:
        int32 [B, 2], (height, width) of the pictures in the network's input.
    """
    return tf.maximum(tf.cast(size * scale[:, None], tf.int32), 1)


def _parts(
    numbers: tf.Tensor,
    prototypes: tf.Tensor,
    corners: tf.Tensor,
    start: tf.Tensor,
    window: tf.Tensor,
    pictures: tf.Tensor,
    fitted: tf.Tensor,
    size: tf.Tensor,
) -> tuple[tf.Tensor, list[tf.Tensor], tf.Tensor, tf.Tensor]:
    """Lay out what masks are made of, so that each needs but a part of every table.

    Args:
        numbers: float32 [N, k + 36], the coefficients of N detections.
        prototypes: As of `mask_runs`.
        corners: float32 [N, 4], the boxes.
        start: int32 [N, 2], (top, left) of the windows.
        window: int32 [N, 2], (height, width) of the windows in pixels.
        pictures: int32 [N], the picture of each.
        fitted: As of `mask_runs`.
        size: As of `mask_runs`.

    Returns:
        float32 [N, k], the weights of the prototypes; the tables prototypes, rows and columns (how
        much of each cell is in each pixel), and the two factors of the boxes' surfaces, their
        pictures or boxes one below the other; and where the part of a detection begins in each of
        them, and its extent, int32 [N, 11].
    """
    shape, most = tf.shape(prototypes), tf.cast(tf.reduce_max(size, axis=0), tf.int32)
    scales = tf.cast(fitted, tf.float32) / size
    pixels = [tf.cast(tf.range(most[axis]), tf.float32) + 0.5 for axis in (0, 1)]
    rows, columns = (
        _weights(_places(pixels[axis], scales[:, axis, None], shape[1 + axis]), shape[1 + axis])
        for axis in (0, 1)
    )
    down, across = surface_factors(numbers[:, -SHAPE_TERMS:], corners, *pixels)
    tables = [
        tf.reshape(table, tf.concat([[-1], tf.shape(table)[2:]], 0))
        for table in (prototypes, rows, columns, down, across)
    ]
    ends = tf.cast(start, tf.float32) + 0.5, tf.cast(start + window, tf.float32) - 0.5
    own = tf.gather(scales, pictures)
    first, last = (tf.cast(_places(end, own, shape[1:3]), tf.int32) for end in ends)
    cells = tf.maximum(tf.minimum(last + 2, shape[1:3]) - first, 0)
    number, none = tf.range(tf.shape(pictures)[0]), tf.zeros_like(pictures)
    (row, column), (top, left) = tf.unstack(first, axis=1), tf.unstack(start, axis=1)
    (down_cells, across_cells), (high, wide) = tf.unstack(cells, axis=1), tf.unstack(window, axis=1)
    every, degrees = none + shape[3], none + SHAPE_DEGREE + 1
    begins = (
        (pictures * shape[1] + row, column, none),
        (pictures * most[0] + top, row),
        (pictures * most[1] + left, column),
        (number * most[0] + top, none),
        (number * most[1] + left, none),
    )
    extents = (
        (down_cells, across_cells, every),
        (high, down_cells),
        (wide, across_cells),
        (high, degrees),
        (wide, degrees),
    )
    cuts = (tf.stack(list(chain(*rows)), axis=1) for rows in (begins, extents))
    return numbers[:, :-SHAPE_TERMS], tables, *cuts


def _edges(
    mixes: tf.Tensor,
    tables: list[tf.Tensor],
    begins: tf.Tensor,
    extents: tf.Tensor,
    gap: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Find where masks begin and end, one detection after the other.

    Args:
        mixes: Of `_parts`, as are the next three.
        tables: The tables.
        begins: int32 [N, 11].
        extents: int32 [N, 11].
        gap: int32 [N, 1], the zeros below each column of a window.

    Returns:
        int32 [1 + E], a one, then the edges of each mask, counted down the columns of its window
        and their gaps, from an empty column before them on; and int32 [N], how many each has.
    """
    one = tf.ones_like(gap)
    margins = tf.reshape(tf.concat([one, one, one - 1, gap], 1), [-1, 2, 2])
    ranks, total = [len(table.shape) for table in tables], tf.shape(mixes)[0]

    # As few operations as can be: on a small mask each takes longer than its arithmetic.
    def one_more(number: tf.Tensor, edges: tf.Tensor, lengths: tf.Tensor):
        begin, extent = (tf.split(tf.gather(cuts, number), ranks) for cuts in (begins, extents))
        part, rows, columns, down, across = map(tf.slice, tables, begin, extent)
        logits = tf.reduce_sum(part * tf.gather(mixes, number), axis=2)
        left = tf.concat([tf.matmul(rows, logits), down], 1)
        inside = tf.matmul(tf.concat([columns, across], 1), left, transpose_b=True) > 0.0
        flat = tf.reshape(tf.pad(inside, tf.gather(margins, number)), [-1])
        found = tf.where(flat[1:] != flat[:-1])
        length = tf.shape(found)[:1]
        return number + 1, tf.concat([edges, found], 0), tf.concat([lengths, length], 0)

    _, edges, lengths = tf.while_loop(
        lambda number, *_: number < total,
        one_more,
        (0, tf.zeros([1, 1], tf.int64), tf.zeros([0], tf.int32)),
        (tf.TensorShape([]), tf.TensorShape([None, 1]), tf.TensorShape([None])),
    )
    return 1 + tf.cast(tf.reshape(edges, [-1]), tf.int32), lengths


def _places(centres: tf.Tensor, scale: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """float32: where the middles of pixels lie, counted in cells from the middle of the first."""
    return tf.clip_by_value(
        centres * scale / MASK_STRIDE - 0.5, 0.0, tf.cast(cells - 1, tf.float32)
    )


def _weights(places: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """float32 [..., pixels, cells]: how much of each cell is in each pixel, bilinearly."""
    return tf.nn.relu(1.0 - tf.abs(places[..., None] - tf.cast(tf.range(cells), tf.float32)))
