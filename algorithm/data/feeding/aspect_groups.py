"""Training batches of pictures with alike shapes.

They are grouped as torchvision's detection references group them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from algorithm.data.sample import Sample


def aspect_groups(samples: Sequence[Sample], factor: int) -> np.ndarray:
    """Return the group of each sample by width / height.

    Args:
        samples: The samples.
        factor: Above 0, how many groups there are for each doubling from 1/2 to 2, with one more
            beyond each end; 0 and below: one group for all.

    Returns:
        int32 [count].
    """
    if factor <= 0:
        return np.zeros(len(samples), np.int32)
    borders = 2.0 ** np.linspace(-1, 1, 2 * factor + 1)
    ratios = np.array([sample.width / sample.height for sample in samples])
    return np.searchsorted(borders, ratios, side="right").astype(np.int32)


def grouped_places(groups: tf.Tensor, batch_size: int, seed: tf.Tensor) -> tf.Tensor:
    """Put the places of an epoch in a new order, in which batches hold one group.

    Each batch is of one group where that is possible; the batches are in a random order. Which
    samples an epoch has stays as it was, so that none is left out for its shape.

    Args:
        groups: int32 [N], the group of what stands at each place; N is a multiple of batch_size.
        batch_size: Samples in a batch.
        seed: int64 [2].

    Returns:
        int64 [N], the places.
    """
    by_group = tf.reshape(tf.argsort(groups, stable=True), [-1, batch_size])
    order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(by_group)[0]), seed)
    return tf.cast(tf.reshape(tf.gather(by_group, order), [-1]), tf.int64)
