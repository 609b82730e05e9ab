"""The moving average of the weights, which is evaluated and exported in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class MovingAverage:
    """The averages of several variables, one after another in one vector.

    A step moves them all at once; one by one, hundreds of small tensors would make its graph
    large. It is made in the scope of the strategy.

    Args:
        named: The variables by name, float32; none for no average.
        decay: 0 to 1.
    """

    def __init__(self, named: Mapping[str, keras.Variable], decay: float) -> None:
        self.named, self._decay = dict(named) if decay > 0 else {}, decay
        self._vector = None
        if self.named:
            start = [variable.numpy().ravel() for variable in self.named.values()]
            self._vector = tf.Variable(np.concatenate(start), trainable=False)

    def values(self) -> dict[str, np.ndarray]:
        """Return the average of each variable, float32 of its shape, by name."""
        if self._vector is None:
            return {}
        shapes = [tuple(variable.shape) for variable in self.named.values()]
        ends = np.cumsum([np.prod(shape, dtype=np.int64) for shape in shapes])
        parts = np.split(self._vector.numpy(), ends[:-1])
        return {
            name: part.reshape(shape)
            for name, part, shape in zip(self.named, parts, shapes, strict=True)
        }

    def assign(self, values: Mapping[str, np.ndarray]) -> None:
        """Take up what values() returned; there may be other names beside."""
        if self._vector is not None:
            self._vector.assign(np.concatenate([np.ravel(values[name]) for name in self.named]))

    def move(self, updates: tf.Variable, update: Callable[..., Any]) -> None:
        """Move the averages towards the variables.

        The decay is min(decay, (1 + t) / (10 + t)) at update t, so that a short training does not
        average over its start.

        Args:
            updates: Updates made so far, t.
            update: The strategy's way to change a variable, strategy.extended.update.
        """
        if self._vector is None:
            return
        age = tf.cast(updates, tf.float32)
        kept = tf.minimum(self._decay, (1.0 + age) / (10.0 + age))

        def moved(own, variables):
            flat = tf.constant([-1])
            values = [
                variable if variable.shape.rank == 1 else tf.reshape(variable, flat)
                for variable in map(tf.convert_to_tensor, variables)
            ]
            own.assign_sub((1.0 - kept) * (own - tf.concat(values, axis=0)))

        variables = [variable.value for variable in self.named.values()]
        update(self._vector, moved, args=(variables,), group=False)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let the variables hold their averages inside this context, where there are any."""
        own = {name: variable.numpy() for name, variable in self.named.items()}
        for name, average in self.values().items():
            self.named[name].assign(average)
        try:
            yield
        finally:
            for name, value in own.items():
                self.named[name].assign(value)
