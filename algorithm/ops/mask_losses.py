"""The mask loss: which positive anchors take part in it, and the cross entropy inside their boxes.

Bolya et al. 2019, "YOLACT" (arXiv 1904.02689), with shares of a cell's area as targets.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from algorithm.ops.box_shapes import box_shapes
from algorithm.ops.mask_grid import MASK_STRIDE, SHAPE_TERMS

MOST_POSITIVES = 64  # of a picture; memory grows with them times the cells of the grid


def choose_positives(
    box_rows: tf.Tensor, masks: tf.Tensor, boxes: tf.Tensor, seeds: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Choose the positive anchors of each picture that learn a mask, at most MOST_POSITIVES.

    An anchor whose object has no outline, or one that is empty on the grid, is never chosen.

    Args:
        box_rows: int32 [B, A], of `match_anchors`.
        masks: uint8 [B, N, h, w], share of each cell's area that the object covers, times 255.
        boxes: float32 [B, N, 4], yxyx in network pixels.
        seeds: int32 [B, 2]; equal ones choose equally.

    Returns:
        mask_anchors int32 [B, T], mask_weights float32 [B, T] (how many anchors each stands for, 0
        where there are fewer than T), mask_truth uint8 [B, T, h, w] and mask_boxes float32
        [B, T, 4].
    """
    known = tf.pad(tf.reduce_any(masks > 0, axis=(2, 3)), [[0, 0], [1, 0]])
    positive = tf.gather(known, box_rows + 1, batch_dims=1)
    keys = tf.where(positive, _random_keys(seeds, tf.shape(box_rows)[1]), -1.0)
    most = tf.minimum(MOST_POSITIVES, tf.shape(box_rows)[1])
    top = tf.math.top_k(keys, most, sorted=False)
    chosen = tf.cast(top.values >= 0.0, tf.float32)
    count = tf.reduce_sum(tf.cast(positive, tf.float32), axis=1, keepdims=True)
    share = tf.math.divide_no_nan(count, tf.reduce_sum(chosen, axis=1, keepdims=True))
    rows = tf.maximum(tf.gather(box_rows, top.indices, batch_dims=1), 0)
    return {
        "mask_anchors": top.indices,
        "mask_weights": chosen * share,
        "mask_truth": tf.gather(masks, rows, batch_dims=1),
        "mask_boxes": tf.gather(boxes, rows, batch_dims=1),
    }


def mask_loss(
    coefficients: tf.Tensor, prototypes: tf.Tensor, targets: Mapping[str, tf.Tensor]
) -> tf.Tensor:
    """Compute the sum over anchors of the mean cross entropy over the cells of their boxes.

    Args:
        coefficients: float32 [B, A, k + 36], see `mask_head`.
        prototypes: float32 [B, h, w, k].
        targets: Of `choose_positives`.

    Returns:
        A float32 scalar.
    """
    chosen = tf.gather(coefficients, targets["mask_anchors"], batch_dims=1)
    boxes, grid = targets["mask_boxes"], prototypes.shape[1:3]
    logits = tf.einsum("btk,bhwk->bthw", chosen[..., :-SHAPE_TERMS], prototypes) + box_shapes(
        chosen[..., -SHAPE_TERMS:], boxes, *(_centres(count) for count in grid)
    )
    truth = tf.cast(targets["mask_truth"], tf.float32) / 255.0
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
    cells = cells_of_boxes(boxes, grid)
    area = tf.reduce_sum(cells, axis=(2, 3))
    inside = tf.math.divide_no_nan(tf.reduce_sum(cells * entropy, axis=(2, 3)), area)
    return tf.reduce_sum(targets["mask_weights"] * inside)


def cells_of_boxes(boxes: tf.Tensor, grid: tuple[int, int]) -> tf.Tensor:
    """Mark the cells whose centres lie in boxes, at least one cell for each box.

    Args:
        boxes: float32 [..., 4], yxyx in network pixels.
        grid: (rows, columns), see `mask_grid`.

    Returns:
        float32 [..., rows, columns], 1 in a box and 0 elsewhere.
    """
    rows, columns = (
        _cells_between(boxes[..., axis], boxes[..., axis + 2], grid[axis]) for axis in (0, 1)
    )
    return rows[..., :, None] * columns[..., None, :]


def _cells_between(start: tf.Tensor, stop: tf.Tensor, count: int) -> tf.Tensor:
    numbers, centres = tf.range(count, dtype=tf.float32), _centres(count)
    inside = (centres >= start[..., None]) & (centres < stop[..., None])
    middle = tf.clip_by_value(tf.floor((start + stop) / (2.0 * MASK_STRIDE)), 0.0, count - 1.0)
    none = ~tf.reduce_any(inside, axis=-1, keepdims=True)
    return tf.cast(inside | (none & (numbers == middle[..., None])), tf.float32)


def _centres(count: int) -> tf.Tensor:
    """float32 [count]: the middles of cells in network pixels."""
    return (tf.range(count, dtype=tf.float32) + 0.5) * MASK_STRIDE


def _random_keys(seeds: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """float32 [B, count] in 0..1: whole numbers scrambled, the same on every device.

    The generators of TensorFlow draw for a batch as a whole, so that a picture's numbers would
    depend on its place in the batch and on how many devices share it.
    """
    first, second = (tf.cast(part, tf.uint32)[:, None] for part in tf.unstack(seeds, axis=1))
    numbers = tf.cast(tf.range(count), tf.uint32)[None]
    mixed = _scrambled(tf.bitwise.bitwise_xor(numbers, _scrambled(first)))
    mixed = _scrambled(tf.bitwise.bitwise_xor(mixed, _scrambled(tf.bitwise.invert(second))))
    return tf.cast(_shifted(mixed, 8), tf.float32) / 2.0**24


def _scrambled(value: tf.Tensor) -> tf.Tensor:
    """Mix the bits of uint32 numbers (the finalizer of MurmurHash3, public domain)."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        value = tf.bitwise.bitwise_xor(value, _shifted(value, shift))
        value *= tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(value, _shifted(value, 16))


def _shifted(value: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.right_shift(value, tf.constant(bits, tf.uint32))
