"""Samples to batches of network input (tf.data). Order and augmentation are pure functions of the seed and the step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.data.augment import Augmentation, training_view
from algorithm.data.decoding import PictureError, decode_image
from algorithm.data.sample import Sample
from algorithm.errors import DataError
from algorithm.ops.image import letterbox, normalize

KEPT_BYTES = 2 ** 30  # encoded pictures stay in memory when all together are smaller
BOX_STEP = 8  # room for boxes is a multiple of this


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Training batches of an epoch over `count` samples: whole batches only, but at least one."""
    return max(1, count // batch_size)


def box_room(samples: Sequence[Sample]) -> int:
    """N of the batches' boxes [B, N, 4]: the most boxes a sample trains with, rounded up to a multiple of 8."""
    most = max(int((~sample.is_crowd).sum()) for sample in samples)
    return max(1, -(-most // BOX_STEP)) * BOX_STEP


def train_batches(samples: Sequence[Sample], *, image_size: tuple[int, int], mean: float | Sequence[float],
                  std: float | Sequence[float], batch_size: int, seed: int, jitter: tuple[float, float] = (0.1, 2.0),
                  flip: bool = True, start_step: int = 0, max_boxes: int | None = None) -> tf.data.Dataset:
    """Endless training batches from global step `start_step` on; batch s is the same whenever the job was started.

    Each epoch of steps_per_epoch batches is a new order of the samples; what does not fill a batch is left out of it,
    and fewer samples than a batch are repeated. Batch: images float32 [B, H, W, 3], normalised; boxes float32
    [B, N, 4], yxyx pixels of the network input, zeros after the last; labels int32 [B, N], -1 after the last;
    sample_index int32 [B]. Crowd objects are left out. N is box_room(samples) or `max_boxes`.
    Raises ValueError when max_boxes is less than a sample needs. While iterating, see reading_errors.
    """
    room = max_boxes or box_room(samples)
    if room < max(int((~sample.is_crowd).sum()) for sample in samples):
        raise ValueError(f"expected max_boxes of at least {box_room(samples)}, found {max_boxes}")
    reader = _Reader(samples)
    augmentation = Augmentation(flip=flip, jitter=jitter)

    def view(epoch: tf.Tensor, copy: tf.Tensor, index: tf.Tensor) -> dict[str, tf.Tensor]:
        key = tf.stack([tf.constant(seed, tf.int64), epoch])
        key = tf.random.experimental.stateless_fold_in(tf.random.experimental.stateless_fold_in(key, index), copy)
        image, boxes, labels = reader.read(index)
        image, boxes, labels = training_view(image, boxes, labels, size=image_size, mean=mean, std=std,
                                             augmentation=augmentation, seed=key)
        missing = room - tf.shape(labels)[0]
        return {"images": image,
                "boxes": tf.ensure_shape(tf.pad(boxes, [[0, missing], [0, 0]]), [room, 4]),
                "labels": tf.ensure_shape(tf.pad(labels, [[0, missing]], constant_values=-1), [room]),
                "sample_index": tf.cast(index, tf.int32)}

    order = _training_order(len(samples), batch_size, seed, start_step)
    return order.map(view, tf.data.AUTOTUNE).batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def eval_batches(samples: Sequence[Sample], *, image_size: tuple[int, int], mean: float | Sequence[float],
                 std: float | Sequence[float], batch_size: int) -> tf.data.Dataset:
    """All samples once, in order, whole pictures: images float32 [B, H, W, 3], scale [B], sample_index int32 [B].

    scale: float32, network pixels per picture pixel. Rows that fill up the last batch have sample_index -1.
    While iterating, see reading_errors.
    """
    reader = _Reader(samples)

    def view(index: tf.Tensor) -> dict[str, tf.Tensor]:
        image, scale = letterbox(normalize(reader.read(index)[0], mean, std), image_size)
        return {"images": image, "scale": scale, "sample_index": tf.cast(index, tf.int32)}

    filling = -len(samples) % batch_size
    order = tf.data.Dataset.from_tensor_slices(np.r_[np.arange(len(samples)), np.full(filling, -1)].astype(np.int64))
    return order.map(view, tf.data.AUTOTUNE).batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


@contextmanager
def reading_errors() -> Iterator[None]:
    """Turns the failure of a picture inside tf.data into a DataError that names the file. Wrap the iteration in it."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"PictureError: (.+)", str(error.message))
        if found is None:
            raise
        raise DataError(f"expected a readable picture, found {found.group(1)}; correct or remove it, or run with "
                        "--do_data_cleaning=True") from error


def _training_order(count: int, batch_size: int, seed: int, start_step: int) -> tf.data.Dataset:
    """Endless (epoch, copy, sample index), int64 scalars; copy counts how often the index came before in its epoch."""
    steps = steps_per_epoch(count, batch_size)
    first_epoch, first_step = divmod(start_step, steps)
    places = tf.range(steps * batch_size, dtype=tf.int64)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffled = tf.random.experimental.stateless_shuffle(tf.range(count, dtype=tf.int64),
                                                            tf.stack([tf.constant(seed, tf.int64), epoch]))
        rows = tf.fill([steps * batch_size], epoch), places // count, tf.gather(shuffled, places % count)
        return tf.data.Dataset.from_tensor_slices(rows)

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    return epochs.flat_map(one_epoch).skip(first_step * batch_size)


class _Reader:
    """Pictures and training boxes of samples by their index, inside a tf.data map."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self.encoded: dict[int, bytes] | None = {} if _total_bytes(samples) < KEPT_BYTES else None

    def read(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """uint8 [H, W, 3], float32 [N, 4] and int32 [N] of the sample at an int64 scalar; a black pixel for -1.

        Not stateful: so calls run side by side even where TensorFlow is asked for determinism.
        """
        kinds = tf.uint8, tf.float32, tf.int32
        image, boxes, labels = tf.numpy_function(self._load, [index], kinds, stateful=False)
        shapes = [None, None, 3], [None, 4], [None]
        return tuple(tf.ensure_shape(part, shape) for part, shape in zip((image, boxes, labels), shapes))

    def _load(self, index: np.int64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if index < 0:
            return np.zeros((1, 1, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
        sample = self.samples[index]
        single = ~sample.is_crowd
        boxes, labels = sample.boxes[single].astype(np.float32), sample.labels[single].astype(np.int32)
        return decode_image(self._bytes(int(index), sample), sample.path), boxes, labels

    def _bytes(self, index: int, sample: Sample) -> bytes:
        if self.encoded is not None and index in self.encoded:
            return self.encoded[index]
        try:
            data = Path(sample.path).read_bytes()
        except OSError as error:
            raise PictureError(f"{sample.path}: the picture cannot be read: {error.strerror or error}") from error
        if self.encoded is not None:
            self.encoded[index] = data
        return data


def _total_bytes(samples: Sequence[Sample]) -> int:
    try:
        return sum(Path(sample.path).stat().st_size for sample in samples)
    except OSError:  # the picture that is gone is named when it is read
        return KEPT_BYTES
