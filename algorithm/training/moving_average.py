"""The moving average of the weights, which is evaluated and exported in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from algorithm.training.named_vector import NamedVector


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
        start = {name: variable.numpy() for name, variable in self.named.items()}
        self._vector = NamedVector(start) if start else None

    def values(self) -> dict[str, np.ndarray]:
        """Return the average of each variable, float32 of its shape, by name."""
        return self._vector.values() if self._vector else {}

    def assign(self, values: Mapping[str, np.ndarray]) -> None:
        """Take up what values() returned; there may be other names beside."""
        if self._vector:
            self._vector.assign(values)

    def move(self, updates: tf.Tensor, values: list[tf.Tensor]) -> None:
        """Move the averages towards the variables, in the strategy's update.

        The decay is min(decay, (1 + t) / (10 + t)) at update t, so that a short training does not
        average over its start.

        Args:
            updates: Updates made, this one among them, t.
            values: The values of the variables in the order of `named`, as vectors, each of one
                variable or of several.
        """
        if not self._vector:
            return
        age = tf.cast(updates, tf.float32)
        kept = tf.minimum(self._decay, (1.0 + age) / (10.0 + age))
        own = self._vector.variable
        own.assign_sub((1.0 - kept) * (own - tf.concat(values, axis=0)))

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
