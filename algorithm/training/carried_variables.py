"""What layers change by themselves in training: statistics of batch norm, states of generators."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

_STATISTICS = ("moving_mean", "moving_variance")


class CarriedVariables:
    """The variables that layers change by themselves, given their new values together.

    Args:
        variables: See Gradients.carried.
        momentum: The published momentum of batch norm.
    """

    def __init__(self, variables: Sequence[keras.Variable], momentum: float) -> None:
        self._variables, self._momentum = list(variables), momentum
        self._moving = [v for v in self._variables if v.name in _STATISTICS]
        self._others = [v for v in self._variables if v.name not in _STATISTICS]

    def paced(
        self, values: Sequence[tf.Tensor], updates: tf.Variable, parts: int
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Let the statistics move as far as an early step should.

        Args:
            values: The new values, in the order of the variables.
            updates: Updates made so far.
            parts: How many parts of the batch passed through the network one after another.

        Returns:
            The statistics one after another, a float32 vector, and the other values.
        """
        pace = _pace(updates, parts, self._momentum)
        new = {id(v): value for v, value in zip(self._variables, values, strict=True)}
        others = [new[id(variable)] for variable in self._others]
        if not self._moving:
            return tf.zeros([0]), others
        own = tf.concat([variable.value for variable in self._moving], axis=0)
        return own + pace * (tf.concat([new[id(v)] for v in self._moving], axis=0) - own), others

    def assign(self, statistics: tf.Tensor, others: Sequence[tf.Tensor]) -> None:
        """Assign what `paced` returned, for one replica in the strategy's update."""
        sizes = [variable.shape[0] for variable in self._moving]
        values = [*(tf.split(statistics, sizes) if sizes else ()), *others]
        for variable, value in zip([*self._moving, *self._others], values, strict=True):
            variable.value.assign(value, read_value=False)


def _pace(updates: tf.Variable, parts: int, published: float) -> tf.Tensor:
    """Return how many times faster than with the published momentum batch-norm statistics move.

    Their momentum is min(published, (1 + t) / (10 + t)). With EfficientDet's 0.99 alone the
    statistics of a short training lag behind the weights, and the network is worth less in
    evaluation (docs/research/2026-11-27-starting-weights.md).
    """
    age = tf.cast(updates, tf.float32)
    momentum = tf.minimum(published, (1.0 + age) / (10.0 + age))
    return tf.maximum(1.0, (1.0 - momentum) / (1.0 - published**parts))
