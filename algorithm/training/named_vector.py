"""Many small tensors as one vector, so that a step has one operation for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf


class NamedVector:
    """Values one after another in one float32 variable, which a checkpoint keeps by their names.

    It is made in the scope of the strategy.

    Attributes:
        shapes: The shape of each value, by name, in their order.
        variable: The vector.
    """

    def __init__(self, start: Mapping[str, np.ndarray]) -> None:
        """Begin with the values given."""
        self.shapes = {name: value.shape for name, value in start.items()}
        self.variable = tf.Variable(
            np.concatenate([np.ravel(value) for value in start.values()]), trainable=False
        )

    def values(self) -> dict[str, np.ndarray]:
        """Return each value, float32 of its shape, by name."""
        sizes = [np.prod(shape, dtype=np.int64) for shape in self.shapes.values()]
        parts = np.split(self.variable.numpy(), np.cumsum(sizes)[:-1])
        return {
            name: part.reshape(shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def assign(self, values: Mapping[str, np.ndarray]) -> None:
        """Take up what values() returned; there may be other names beside."""
        self.variable.assign(np.concatenate([np.ravel(values[name]) for name in self.shapes]))


def flat(tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Return each tensor as a vector."""
    rank_one = tf.constant([-1])
    return [
        tensor if tensor.shape.rank == 1 else tf.reshape(tensor, rank_one) for tensor in tensors
    ]


def shaped(vector: tf.Tensor, shapes: Sequence[tuple[int, ...]]) -> list[tf.Tensor]:
    """Return the parts of a vector, each of its shape."""
    sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
    constants = {shape: tf.constant(shape, tf.int32) for shape in {*shapes} if len(shape) != 1}
    return [
        part if len(shape) == 1 else tf.reshape(part, constants[shape])
        for part, shape in zip(tf.split(vector, sizes), shapes, strict=True)
    ]
