"""What layers change by themselves in training: statistics of batch norm, states of generators."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from algorithm.models.detector import Detector
from algorithm.models.layers import CARRIED, BatchNorm, BatchStatistics
from algorithm.training.named_vector import shaped

_STATISTICS = ("moving_mean", "moving_variance")
# The statistics one after another, a float32 vector, and the other values.
Carried = tuple[tf.Tensor, list[tf.Tensor]]


class CarriedVariables:
    """The variables that layers change by themselves, given their new values together.

    Args:
        networks: Their variables; the first one's preset has the momentum that is published.

    Attributes:
        statistics: Those of batch norm.
        others: The rest.
    """

    def __init__(self, networks: Sequence[Detector]) -> None:
        variables = [v for each in networks for v in each.variables if v.name in CARRIED]
        self.statistics = [v for v in variables if v.name in _STATISTICS]
        self.others = [v for v in variables if v.name not in _STATISTICS]
        self._published = networks[0].preset.batch_norm.momentum
        self._momenta = {
            id(variable): layer.momentum
            for each in networks
            for layer in each.layers
            if isinstance(layer, BatchNorm)
            for variable in (layer.moving_mean, layer.moving_variance)
        }

    def values(self) -> Carried:
        """Return what they hold."""
        statistics = [tf.convert_to_tensor(variable.value) for variable in self.statistics]
        return _joined(statistics), [tf.convert_to_tensor(each.value) for each in self.others]

    def parts(self, statistics: tf.Tensor) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Return each variable of batch norm with its part of a vector."""
        shapes = [tuple(variable.shape) for variable in self.statistics]
        return list(zip(self.statistics, shaped(statistics, shapes), strict=True)) if shapes else []

    def after_call(self, scope: keras.StatelessScope) -> tf.Tensor:
        """Return the statistics that layers assigned in a scope."""
        return _joined([scope.get_current_value(variable) for variable in self.statistics])

    def moved(self, statistics: tf.Tensor, batch: BatchStatistics) -> tf.Tensor:
        """Return statistics moved towards those of a batch, which layers left to be done together.

        It is moving * momentum + value * (1 - momentum); a layer without a batch keeps its own.
        """
        if not batch.values:
            return statistics
        sizes = [variable.shape[0] for variable in self.statistics]

        def each(values: Sequence[float]) -> np.ndarray:
            return np.repeat(np.array(values, np.float64), sizes).astype(np.float32)

        momenta = [self._momenta[id(v)] if id(v) in batch.values else 1.0 for v in self.statistics]
        counts = [batch.counts.get(id(variable)) for variable in self.statistics]
        found = _joined(
            [
                batch.values[id(v)] if id(v) in batch.values else tf.zeros([size])
                for v, size in zip(self.statistics, sizes, strict=True)
            ]
        )
        found = found * each([1.0 if n is None else n - 1.0 for n in counts])
        found = found / each([1.0 if n is None else n for n in counts])
        return statistics * each(momenta) + found * each([1.0 - momentum for momentum in momenta])

    def paced(self, own: tf.Tensor, new: tf.Tensor, updates: tf.Variable, parts: int) -> tf.Tensor:
        """Let the statistics move as far as an early step should.

        Args:
            own: What they were.
            new: What they would be.
            updates: Updates made so far.
            parts: How many parts of the batch passed through the network one after another.

        Returns:
            The new statistics.
        """
        return own + _pace(updates, parts, self._published) * (new - own)

    def assign(self, statistics: tf.Tensor, others: Sequence[tf.Tensor]) -> None:
        """Assign all values, for one replica in the strategy's update."""
        pairs = [*self.parts(statistics), *zip(self.others, others, strict=True)]
        for variable, value in pairs:
            variable.value.assign(value, read_value=False)


def _joined(vectors: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.concat(vectors, axis=0) if vectors else tf.zeros([0])


def _pace(updates: tf.Variable, parts: int, published: float) -> tf.Tensor:
    """Return how many times faster than with the published momentum batch-norm statistics move.

    Their momentum is min(published, (1 + t) / (10 + t)). With EfficientDet's 0.99 alone the
    statistics of a short training lag behind the weights, and the network is worth less in
    evaluation (docs/research/2026-11-27-starting-weights.md).
    """
    age = tf.cast(updates, tf.float32)
    momentum = tf.minimum(published, (1.0 + age) / (10.0 + age))
    return tf.maximum(1.0, (1.0 - momentum) / (1.0 - published**parts))
