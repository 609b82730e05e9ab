"""Samples to batches of network input (tf.data).

Order and augmentation are pure functions of the seed and the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
import tensorflow as tf

from algorithm.data.feeding.aspect_groups import aspect_groups, grouped_places
from algorithm.data.feeding.augmentation import Augmentation, augmented
from algorithm.data.feeding.augmentations.colour import recolour
from algorithm.data.feeding.flip_crop_scale import View, boxes_in_view, plan_view
from algorithm.data.feeding.jpeg import REDUCTIONS, decode_in_graph, decode_window
from algorithm.data.feeding.outline_views import corners, grid_masks, move_of, moved
from algorithm.data.feeding.resizing import place
from algorithm.data.feeding.sample_loading import Reader, reading_errors
from algorithm.data.sample import Sample
from algorithm.ops.image import letterbox_scale
from algorithm.ops.mask_grid import mask_grid

__all__ = ["box_room", "eval_batches", "reading_errors", "steps_per_epoch", "train_batches"]

BOX_STEP = 8  # room for boxes is a multiple of this
AHEAD = 2  # batches made ready; left to itself TensorFlow fills memory with them
PUBLISHED = Augmentation()
WHOLE = (0, 1)  # the only worker: its number, and how many there are
_NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Count the training batches of an epoch: whole batches only, but at least one.

    Args:
        count: Samples.
        batch_size: Samples in a batch.

    Returns:
        The number of batches.
    """
    return max(1, count // batch_size)


def box_room(samples: Sequence[Sample], pictures: int = 1) -> int:
    """Return the room for boxes in a batch, the N of [B, N, 4].

    It is the most boxes that `pictures` samples have, crowds too, up to a multiple of 8.
    """
    most = max(len(sample.labels) for sample in samples) * pictures
    return max(1, -(-most // BOX_STEP)) * BOX_STEP


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
    room = max_boxes or box_room(samples, augmentation.pictures)
    if room < max(len(sample.labels) for sample in samples) * augmentation.pictures:
        raise ValueError(
            f"expected max_boxes of at least {box_room(samples, augmentation.pictures)}, "
            f"found {max_boxes}"
        )
    load = partial(_training_view, Reader(samples), augmentation, image_size, seed, room, masks)
    kinds = tf.string, tf.uint8, tf.int32, tf.float32, tf.float32, tf.int32
    kinds += (tf.uint8,) if masks else ()
    grid = mask_grid(image_size)

    def view(epoch: tf.Tensor, copy: tf.Tensor, index: tf.Tensor) -> dict[str, tf.Tensor]:
        # Not stateful: so calls run side by side even where TensorFlow is asked for determinism.
        encoded, pixels, plan, colour, boxes, labels, *covered = tf.numpy_function(
            load, [epoch, copy, index], kinds, False
        )
        reduction, window, shape, flip = tf.split(tf.ensure_shape(plan, [8]), [1, 4, 2, 1])
        part = _decoded(encoded, pixels, reduction[0], window)
        image = _placed(part, shape, image_size, flip=flip[0] > 0, kind=tf.uint8)
        if augmentation.colour.changes:
            image = recolour(image, shape, tf.ensure_shape(colour, [4]))
        return {
            "images": image,
            "extent": shape,
            "boxes": tf.ensure_shape(boxes, [room, 4]),
            "labels": tf.ensure_shape(labels, [room]),
            "sample_index": tf.cast(index, tf.int32),
            **({"masks": tf.ensure_shape(covered[0], [room, *grid])} if masks else {}),
        }

    groups = aspect_groups(samples, aspect_ratio_group_factor)
    return _batched(
        _training_order(groups, batch_size, seed, start_step, shard).map(view, tf.data.AUTOTUNE),
        batch_size // shard[1] // replicas,
    )


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

    places = np.r_[np.arange(len(samples)), np.full(-len(samples) % batch_size, -1)].astype(
        np.int64
    )
    order = tf.data.Dataset.from_tensor_slices(
        _part_of_batches(tf.constant(places), batch_size, shard)
    )
    return _batched(order.map(view, tf.data.AUTOTUNE), batch_size // shard[1])


def _training_view(
    reader: Reader,
    augmentation: Augmentation,
    image_size: tuple[int, int],
    seed: int,
    room: int,
    masks: bool,
    epoch: np.int64,
    copy: np.int64,
    index: np.int64,
) -> tuple:
    """Return what a random view is made of.

    These are the encoded picture or else pixels, the plan int32 [8], colour, boxes and labels, and
    masks where they are asked for.
    """
    truth = reader.outlined_truth if masks else reader.truth
    rng = np.random.default_rng([seed, int(epoch), int(index), int(copy)])
    encoded, size = b"", None
    pixels: np.ndarray | None = None
    if augmentation.whole_picture:
        pixels, boxes, labels = augmented(
            int(index),
            load=lambda number: (reader.pixels(number), *truth(number)),
            count=len(reader.samples),
            target=image_size,
            augmentation=augmentation,
            epoch=int(epoch),
            rng=rng,
        )
    else:
        encoded, size = reader.encoded(int(index))
        pixels = reader.pixels(int(index)) if size is None else None
        boxes, labels = truth(int(index))
    # Either the file tells its size, or it is decoded.
    size = size if pixels is None else (pixels.shape[0], pixels.shape[1])
    view = plan_view(
        cast(tuple[int, int], size),
        image_size,
        jitter=augmentation.jitter,
        flip=augmentation.flip,
        reducible=pixels is None,
        rng=rng,
    )
    boxes, labels = boxes_in_view(view, boxes, labels)
    covered = []
    if masks:
        objects = moved(labels, move_of(view), corners(0, 0, *view.shape))
        covered = [grid_masks(objects, boxes, image_size, room)]
        labels = np.array([each.label for each in objects], np.int32)
    padded_boxes, padded_labels = np.zeros((room, 4), np.float32), np.full(room, -1, np.int32)
    padded_boxes[: len(boxes)], padded_labels[: len(labels)] = boxes, labels
    return (
        encoded if pixels is None else b"",
        _NO_PIXELS if pixels is None else _cut(pixels, view),
        _numbers(view),
        augmentation.colour.draw(rng),
        padded_boxes,
        padded_labels,
        *covered,
    )


def _whole_picture(reader: Reader, index: np.int64) -> tuple[bytes, np.ndarray]:
    """The encoded picture, or else its pixels; a black pixel for index -1."""
    if index < 0:
        return b"", np.zeros((1, 1, 3), np.uint8)
    encoded, size = reader.encoded(int(index))
    return (encoded, _NO_PIXELS) if size else (b"", reader.pixels(int(index)))


def _cut(pixels: np.ndarray, view: View) -> np.ndarray:
    top, left, height, width = view.window
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _numbers(view: View) -> np.ndarray:
    return np.array([view.reduction, *view.window, *view.shape, view.flip], np.int32)


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


def _training_order(
    groups: np.ndarray, batch_size: int, seed: int, start_step: int, shard: tuple[int, int]
) -> tf.data.Dataset:
    """Return endless (epoch, copy, sample index), int64 scalars.

    copy counts how often the index came before in its epoch.
    """
    count, grouped = len(groups), groups.any()
    steps = steps_per_epoch(count, batch_size)
    first_epoch, first_step = divmod(start_step, steps)
    places = _part_of_batches(tf.range(steps * batch_size, dtype=tf.int64), batch_size, shard)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffled = tf.random.experimental.stateless_shuffle(
            tf.range(count, dtype=tf.int64), tf.stack([tf.constant(seed, tf.int64), epoch])
        )
        chosen = places
        if grouped:
            everywhere = tf.gather(
                groups, tf.gather(shuffled, tf.range(steps * batch_size, dtype=tf.int64) % count)
            )
            chosen = tf.gather(
                grouped_places(
                    everywhere, batch_size, tf.stack([tf.constant(seed, tf.int64), epoch])
                ),
                places,
            )
        rows = (
            tf.fill(tf.shape(places), epoch),
            chosen // count,
            tf.gather(shuffled, chosen % count),
        )
        return tf.data.Dataset.from_tensor_slices(rows)

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    return epochs.flat_map(one_epoch).skip(first_step * (batch_size // shard[1]))


def _part_of_batches(places: tf.Tensor, batch_size: int, shard: tuple[int, int]) -> tf.Tensor:
    """Return those of `places` [batches * batch_size] that belong to the worker `shard`.

    They are the same rows of every batch.
    """
    number, count = shard
    if not 0 <= number < count or batch_size % count:
        raise ValueError(
            f"expected a worker number below the number of workers, which divides batch_size, "
            f"found worker {number} of {count} and batch_size {batch_size}"
        )
    rows = batch_size // count
    return tf.reshape(
        tf.reshape(places, [-1, batch_size])[:, number * rows : (number + 1) * rows], [-1]
    )


def _batched(rows: tf.data.Dataset, size: int) -> tf.data.Dataset:
    return rows.batch(size, drop_remainder=True).prefetch(AHEAD)
