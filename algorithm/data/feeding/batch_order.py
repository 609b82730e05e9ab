"""Which sample stands at which place of which batch.

The order of training is a pure function of the seed and the step.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from algorithm.data.feeding.aspect_groups import grouped_places

WHOLE = (0, 1)  # the only worker: its number, and how many there are


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Count the training batches of an epoch: whole batches only, but at least one.

    Args:
        count: Samples.
        batch_size: Samples in a batch.

    Returns:
        The number of batches.
    """
    return max(1, count // batch_size)


def training_order(
    groups: np.ndarray, batch_size: int, seed: int, start_step: int, shard: tuple[int, int]
) -> tf.data.Dataset:
    """Return the order in which samples are trained on, without end.

    Args:
        groups: int [N], the group of each sample; batches are of one group.
        batch_size: Samples in a batch of all workers together.
        seed: Of the shuffling.
        start_step: The step to begin at.
        shard: (number, count) of this worker.

    Returns:
        (epoch, copy, sample index), int64 scalars; copy counts how often the index came before in
        its epoch.
    """
    count, grouped = len(groups), groups.any()
    steps = steps_per_epoch(count, batch_size)
    first_epoch, first_step = divmod(start_step, steps)
    places = part_of_batches(tf.range(steps * batch_size, dtype=tf.int64), batch_size, shard)

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
    as_written = tf.autograph.experimental.do_not_convert(one_epoch)
    return epochs.flat_map(as_written).skip(first_step * (batch_size // shard[1]))


def evaluation_order(count: int, batch_size: int, shard: tuple[int, int]) -> tf.data.Dataset:
    """Return 0 to count - 1 once, int64 scalars, and -1 in the rows that fill up the last batch.

    Args:
        count: Samples.
        batch_size: Samples in a batch of all workers together.
        shard: (number, count) of this worker; it gets its equal part of each batch.
    """
    places = np.r_[np.arange(count), np.full(-count % batch_size, -1)].astype(np.int64)
    return tf.data.Dataset.from_tensor_slices(
        part_of_batches(tf.constant(places), batch_size, shard)
    )


def part_of_batches(places: tf.Tensor, batch_size: int, shard: tuple[int, int]) -> tf.Tensor:
    """Return the places of one worker: the same rows of every batch.

    Args:
        places: [batches * batch_size], those of all workers.
        batch_size: Samples in a batch of all workers together.
        shard: (number, count) of this worker; count divides batch_size.

    Returns:
        [batches * batch_size / count], of the type of `places`.

    Raises:
        ValueError: The number is not below the count, or the count does not divide batch_size.
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
