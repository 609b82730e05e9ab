"""The optimizer of a training, and the variables it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from algorithm.hyperparameters.learning_rate import ADAM_SHARE
from algorithm.training.named_vector import NamedVector, flat, shaped

SMALLEST_SGD_BATCH = 32


def choose_optimizer(kind: str, global_batch: int, networks: int = 1) -> tuple[str, float]:
    """Choose the optimizer that `kind` stands for.

    auto takes sgd, as published, for batches near the published 64. It takes adam for small ones,
    where sgd with the rate scaled down learns rare classes too slowly
    (docs/research/2026-11-27-starting-weights.md).

    Args:
        kind: A name of an optimizer, or "auto".
        global_batch: Pictures of a step on all devices.
        networks: How many networks add their gradients for the same kernels. sgd moves by the sum;
            a step of adam is as long with two as with one, so its share grows with their number.

    Returns:
        The optimizer's name and the factor on learning_rate that goes with it. learning_rate is
        sgd's; adam takes a tenth of it, the published relation of the two.
    """
    if kind != "auto":
        return kind, 1.0
    return ("adam", ADAM_SHARE * networks) if global_batch < SMALLEST_SGD_BATCH else ("sgd", 1.0)


class VariableGroup:
    """Variables that one kernel moves, as one vector of weights and one of each slot.

    Attributes:
        variables: They, in the order of the vectors.
        factor: The factor on their learning rate.
        weights: The vector of their weights. It holds them during an update; the variables are
            what counts before and after.
        slots: What the optimizer remembers of each, by kind of slot.
    """

    def __init__(
        self, variables: Sequence[keras.Variable], factor: float, slots: Sequence[str], prefix: str
    ) -> None:
        """Begin with slots of zeros; `prefix` stands before their names in checkpoints."""
        self.variables, self.factor = list(variables), factor
        zeros = [np.zeros(variable.shape, np.float32) for variable in variables]
        self.weights = tf.Variable(
            np.concatenate([each.ravel() for each in zeros]), trainable=False
        )
        self.slots = {
            slot: NamedVector(
                {
                    f"{prefix}/{variable.path.replace('/', '_')}_{slot}": value
                    for variable, value in zip(variables, zeros, strict=True)
                }
            )
            for slot in slots
        }

    def assign(self) -> None:
        """Give the variables the weights of the vector, in the strategy's update."""
        parts = shaped(self.weights.read_value(), [tuple(v.shape) for v in self.variables])
        for variable, part in zip(self.variables, parts, strict=True):
            variable.value.assign(part, read_value=False)


class VectorOptimizer(keras.optimizers.Optimizer):
    """An optimizer of Keras that moves all variables of one learning rate by one kernel.

    One kernel for each of hundreds of variables, with slots for each, makes the graph of a step
    large, and the time to the first one long (docs/research/2026-11-30-first-step.md).

    Attributes:
        groups: The variables by the factor on their learning rate.
    """

    groups: list[VariableGroup]

    def build(self, variables: Sequence[keras.Variable], factors: Sequence[float] = ()) -> None:
        """Make the slots, in the scope of the strategy.

        Args:
            variables: All that it moves.
            factors: The factor on the learning rate of each; none for 1.
        """
        keras.optimizers.Optimizer.build(self, list(variables))
        given = factors or [1.0] * len(variables)
        self.groups = [
            VariableGroup(
                [v for v, each in zip(variables, given, strict=True) if each == factor],
                factor,
                self._slots(),
                self.name,
            )
            for factor in sorted(set(given))
        ]

    def grouped(self, values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return a vector for each group of values in the order of the variables."""
        given = {id(v): value for v, value in zip(self._trainable_variables, values, strict=True)}
        return [
            tf.concat(flat([given[id(v)] for v in group.variables]), axis=0)
            for group in self.groups
        ]

    def move(self, gradients: Sequence[tf.Tensor], rate: tf.Tensor, updates: tf.Tensor) -> None:
        """Move the weights of each group, in the strategy's update.

        Args:
            gradients: A vector for each group.
            rate: The learning rate.
            updates: Updates made before this one.
        """
        shared = self._shared(updates)
        for group, gradient in zip(self.groups, gradients, strict=True):
            self._move(group, gradient, group.factor * rate, shared)

    def slot_values(self) -> dict[str, np.ndarray]:
        """Return the slots of each variable, by their names in checkpoints."""
        return {
            name: value for vector in self._vectors() for name, value in vector.values().items()
        }

    def slot_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each slot, by name."""
        return {name: shape for vector in self._vectors() for name, shape in vector.shapes.items()}

    def assign_slots(self, values: Mapping[str, np.ndarray]) -> None:
        """Take up what slot_values() returned; there may be other names beside."""
        for vector in self._vectors():
            vector.assign(values)

    def _vectors(self) -> list[NamedVector]:
        return [vector for group in self.groups for vector in group.slots.values()]

    def _slots(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _shared(self, updates: tf.Tensor) -> dict[str, tf.Tensor]:
        raise NotImplementedError

    def _move(self, group, gradient, rate, shared) -> None:
        raise NotImplementedError


def make_optimizer(
    kind: str, schedule: Any, momentum: float, nesterov: bool = False
) -> VectorOptimizer:
    """Make the optimizer: SGD with momentum, or Adam with momentum as beta_1, as published.

    The name is fixed because Keras numbers unnamed optimizers, and the number would stand in every
    checkpoint.

    Args:
        kind: "sgd" or "adam".
        schedule: The learning rate, a number or a Keras schedule.
        momentum: 0 to 1.
        nesterov: Whether SGD takes Nesterov's momentum.

    Returns:
        The optimizer, not built yet.
    """
    if kind == "adam":
        return _VectorAdam(schedule, beta_1=momentum, name="optimizer")
    return _VectorSGD(schedule, momentum=momentum, nesterov=nesterov, name="optimizer")


class _VectorSGD(VectorOptimizer, keras.optimizers.SGD):
    """Keras' rule in one kernel of TensorFlow, where Keras composes it of eight."""

    def _slots(self):
        return ("momentum",) if self.momentum else ()

    def _shared(self, updates):
        return {"momentum": tf.constant(self.momentum, tf.float32)}

    def _move(self, group, gradient, rate, shared):
        if not self.momentum:
            group.weights.assign_sub(rate * gradient)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=group.weights.handle,
            accum=group.slots["momentum"].variable.handle,
            lr=rate,
            grad=gradient,
            use_nesterov=self.nesterov,
            **shared,
        )


class _VectorAdam(VectorOptimizer, keras.optimizers.Adam):
    """Keras' rule in one kernel of TensorFlow, like _VectorSGD."""

    def _slots(self):
        return ("momentum", "velocity")

    def _shared(self, updates):
        step = tf.cast(updates + 1, tf.float32)
        return {
            "beta1_power": self.beta_1**step,
            "beta2_power": self.beta_2**step,
            "beta1": tf.constant(self.beta_1, tf.float32),
            "beta2": tf.constant(self.beta_2, tf.float32),
            "epsilon": tf.constant(self.epsilon, tf.float32),
        }

    def _move(self, group, gradient, rate, shared):
        tf.raw_ops.ResourceApplyAdam(
            var=group.weights.handle,
            m=group.slots["momentum"].variable.handle,
            v=group.slots["velocity"].variable.handle,
            lr=rate,
            grad=gradient,
            **shared,
        )
