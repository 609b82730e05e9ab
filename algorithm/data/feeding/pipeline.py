"""Samples to batches of network input (tf.data).

Order and augmentation are pure functions of the seed and the step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from algorithm.data.feeding.aspect_groups import aspect_groups
from algorithm.data.feeding.augmentation import Augmentation
from algorithm.data.feeding.augmentations.colour import recolour
from algorithm.data.feeding.batch_order import WHOLE, evaluation_order, training_order
from algorithm.data.feeding.jpeg import REDUCTIONS, decode_in_graph, decode_window
from algorithm.data.feeding.picture_reader import Reader
from algorithm.data.feeding.resizing import place
from algorithm.data.feeding.training_views import NO_PIXELS, TrainingViews, box_room
from algorithm.data.sample import Sample
from algorithm.ops.image import letterbox_scale
from algorithm.ops.mask_grid import mask_grid

AHEAD = 2  # batches made ready; left to itself TensorFlow fills memory with them
PUBLISHED = Augmentation()


def train_batches(
    samples: Sequence[Sample],
    *,
    image_size: tuple[int, int],
    batch_size: int,
    seed: int,
    augmentation: Augmentation = PUBLISHED,
    start_step: int = 0,
    max_boxes: int | None = None,
    shard: tuple[int, int] = WHOLE,
    replicas: int = 1,
    aspect_ratio_group_factor: int = 0,
    masks: bool = False,
) -> tf.data.Dataset:
    """Return endless training batches; batch s is the same whenever the job was started.

    Each epoch of steps_per_epoch batches is a new order of the samples; what does not fill a batch
    is left out of it, and fewer samples than a batch are repeated. N is
    box_room(samples) (of four, with mosaics) or `max_boxes`. Iterate within reading_errors.

    Args:
        samples: The samples.
        image_size: (height, width) of the network's input.
        batch_size: Samples in a batch of all workers together.
        seed: Of the order and the augmentation.
        augmentation: What is done to the pictures.
        start_step: The global step of the first batch.
        max_boxes: N, None for the least that is enough.
        shard: (number, count) of this worker; it gets its equal part of each batch.
        replicas: Devices of this worker; its part is divided among them, B rows each, one after
            another.
        aspect_ratio_group_factor: As in aspect_groups.
        masks: Whether the batches have masks.

    Returns:
        Batches: images uint8 [B, H, W, 3] and extent int32 [B, 2], see ops.image.network_input;
        boxes float32 [B, N, 4], yxyx pixels of the network input, zeros after the last; labels
        int32 [B, N], -2 for crowds, -1 after the last; sample_index int32 [B]; and with `masks`
        masks uint8 [B, N, ceil(H / 4), ceil(W / 4)], the share of each cell that the object covers
        times 255, zeros for a crowd and for an object without an outline.

    Raises:
        ValueError: max_boxes is less than a sample needs, or count or replicas do not divide
            batch_size.
    """
    if batch_size // shard[1] % replicas:
        raise ValueError(
            f"expected equal parts of a batch of {batch_size // shard[1]} for each replica, found "
            f"{replicas} replicas"
        )
    room = _room(samples, augmentation, max_boxes)
    views = TrainingViews(Reader(samples), augmentation, image_size, seed, room, masks)
    groups = aspect_groups(samples, aspect_ratio_group_factor)
    order = training_order(groups, batch_size, seed, start_step, shard)
    rows = order.map(_as_written(partial(_training_row, views)), tf.data.AUTOTUNE)
    return _batched(rows, batch_size // shard[1] // replicas)


def eval_batches(
    samples: Sequence[Sample],
    *,
    image_size: tuple[int, int],
    batch_size: int,
    shard: tuple[int, int] = WHOLE,
) -> tf.data.Dataset:
    """Return batches of all samples once, in order, as whole pictures.

    Iterate within reading_errors.

    Args:
        samples: The samples.
        image_size: (height, width) of the network's input.
        batch_size: Samples in a batch of all workers together.
        shard: (number, count) of this worker; it gets its equal part of each batch.

    Returns:
        Batches: images uint16 [B, H, W, 3] and extent int32 [B, 2], see ops.image.network_input;
        scale float32 [B], network pixels per picture pixel; sample_index int32 [B], -1 in rows that
        fill up the last batch.
    """
    load = partial(_whole_picture, Reader(samples))

    def view(index: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded, pixels = tf.numpy_function(load, [index], (tf.string, tf.uint8), False)
        encoded, pixels = tf.ensure_shape(encoded, []), tf.ensure_shape(pixels, [None, None, 3])
        image = tf.cond(tf.size(pixels) > 0, lambda: pixels, lambda: decode_in_graph(encoded))
        scale, fitted = letterbox_scale(tf.shape(image)[:2], image_size)
        return {
            "images": _placed(image, fitted, image_size, flip=False, kind=tf.uint16),
            "extent": fitted,
            "scale": scale,
            "sample_index": tf.cast(index, tf.int32),
        }

    order = evaluation_order(len(samples), batch_size, shard)
    return _batched(order.map(_as_written(view), tf.data.AUTOTUNE), batch_size // shard[1])


def _as_written(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step of the pipeline that is not rewritten, which takes longer than to trace it."""
    return tf.autograph.experimental.do_not_convert(step)


def _room(samples: Sequence[Sample], augmentation: Augmentation, given: int | None) -> int:
    """The N of the batches: `given`, or the least that is enough."""
    enough = box_room(samples, augmentation.pictures)
    if given and given < max(len(sample.labels) for sample in samples) * augmentation.pictures:
        raise ValueError(f"expected max_boxes of at least {enough}, found {given}")
    return given or enough


def _training_row(
    views: TrainingViews, epoch: tf.Tensor, copy: tf.Tensor, index: tf.Tensor
) -> dict[str, tf.Tensor]:
    """A row of a training batch."""
    room, target = views.room, views.image_size
    kinds = tf.string, tf.uint8, tf.int32, tf.float32, tf.float32, tf.int32
    kinds += (tf.uint8,) if views.masks else ()
    # Not stateful: so calls run side by side even where TensorFlow is asked for determinism.
    encoded, pixels, plan, colour, boxes, labels, *covered = tf.numpy_function(
        views.view, [epoch, copy, index], kinds, False
    )
    reduction, window, shape, flip = tf.split(tf.ensure_shape(plan, [8]), [1, 4, 2, 1])
    part = _decoded(encoded, pixels, reduction[0], window)
    image = _placed(part, shape, target, flip=flip[0] > 0, kind=tf.uint8)
    if views.augmentation.colour.changes:
        image = recolour(image, shape, tf.ensure_shape(colour, [4]))
    row = {
        "images": image,
        "extent": shape,
        "boxes": tf.ensure_shape(boxes, [room, 4]),
        "labels": tf.ensure_shape(labels, [room]),
        "sample_index": tf.cast(index, tf.int32),
    }
    if views.masks:
        row["masks"] = tf.ensure_shape(covered[0], [room, *mask_grid(target)])
    return row


def _whole_picture(reader: Reader, index: np.int64) -> tuple[bytes, np.ndarray]:
    """The encoded picture, or else its pixels; a black pixel for index -1."""
    if index < 0:
        return b"", np.zeros((1, 1, 3), np.uint8)
    encoded, size = reader.encoded(int(index))
    return (encoded, NO_PIXELS) if size else (b"", reader.pixels(int(index)))


def _decoded(
    encoded: tf.Tensor, pixels: tf.Tensor, reduction: tf.Tensor, window: tf.Tensor
) -> tf.Tensor:
    """Return `pixels` where there are any, else the window of the encoded picture, reduced.

    Returns:
        uint8 [height, width, 3].
    """
    encoded, pixels = tf.ensure_shape(encoded, []), tf.ensure_shape(pixels, [None, None, 3])
    branches = [
        lambda: pixels,
        *(partial(decode_window, encoded, window, step) for step in REDUCTIONS),
    ]
    chosen = 1 + tf.argmax(tf.equal(reduction, REDUCTIONS), output_type=tf.int32)
    return tf.switch_case(tf.where(tf.size(pixels) > 0, 0, chosen), branches)


def _placed(
    pixels: tf.Tensor,
    shape: tf.Tensor,
    target: tuple[int, int],
    *,
    flip: tf.Tensor | bool,
    kind: tf.DType,
) -> tf.Tensor:
    """Call data.resizing.place with pixels uint8 [H, W, 3], as a step of the graph.

    kind is tf.uint8, or tf.uint16 for the fine one.
    """

    def run(part: np.ndarray, sides: np.ndarray, flipped: np.ndarray) -> np.ndarray:
        return place(
            part, tuple(sides.tolist()), target, fine=kind == tf.uint16, flip=bool(flipped)
        )

    return tf.ensure_shape(tf.numpy_function(run, [pixels, shape, flip], kind, False), [*target, 3])


def _batched(rows: tf.data.Dataset, size: int) -> tf.data.Dataset:
    return rows.batch(size, drop_remainder=True).prefetch(AHEAD)
