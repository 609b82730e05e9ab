"""Training batches of pictures with alike shapes, as torchvision's detection references group
them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from algorithm.data.sample import Sample


def aspect_groups(samples: Sequence[Sample], factor: int) -> np.ndarray:
    """int32 [count], the group of each sample by width / height. Above 0, `factor` groups for each
    doubling from 1/2 to 2 and one beyond each end; 0 and below: one group for all."""
    if factor <= 0:
        return np.zeros(len(samples), np.int32)
    borders = 2.0 ** np.linspace(-1, 1, 2 * factor + 1)
    ratios = np.array([sample.width / sample.height for sample in samples])
    return np.searchsorted(borders, ratios, side="right").astype(np.int32)


def grouped_places(groups: tf.Tensor, batch_size: int, seed: tf.Tensor) -> tf.Tensor:
    """int64 [N], the places of an epoch in a new order: each batch is of one group where that is
    possible, the batches in a random order. groups: int32 [N], of what stands at each place; N is a
    multiple of batch_size. seed: int64 [2].

    Which samples an epoch has stays as it was, so that none is left out for its shape.
    """
    by_group = tf.reshape(tf.argsort(groups, stable=True), [-1, batch_size])
    order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(by_group)[0]), seed)
    return tf.cast(tf.reshape(tf.gather(by_group, order), [-1]), tf.int64)
