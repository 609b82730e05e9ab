"""The optimizer of a training, and the variables it leaves alone."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

SMALLEST_SGD_BATCH = 32
ADAM_SHARE = 0.1


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


def make_optimizer(
    kind: str, schedule: Any, momentum: float, nesterov: bool = False
) -> keras.optimizers.Optimizer:
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
        return _FusedAdam(schedule, beta_1=momentum, name="optimizer")
    return _FusedSGD(schedule, momentum=momentum, nesterov=nesterov, name="optimizer")


class _FusedSGD(keras.optimizers.SGD):
    """Keras' rule in one TensorFlow kernel for each variable, where Keras composes it of eight."""

    def update_variables(self, gradients, variables, learning_rate):
        """Update all variables by their gradients, in the order of both."""
        if not self.momentum:
            for gradient, variable in zip(gradients, variables, strict=True):
                super().update_step(gradient, variable, learning_rate)
            return
        momentum = tf.constant(self.momentum, tf.float32)
        for gradient, variable in zip(gradients, variables, strict=True):
            accumulated = self.momentums[self._get_variable_index(variable)]
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=variable.handle,
                accum=accumulated.value.handle,
                lr=learning_rate,
                grad=gradient,
                momentum=momentum,
                use_nesterov=self.nesterov,
            )


class _FusedAdam(keras.optimizers.Adam):
    """Keras' rule in one TensorFlow kernel for each variable, like _FusedSGD."""

    def update_variables(self, gradients, variables, learning_rate):
        """Update all variables by their gradients, in the order of both."""
        step = tf.cast(self.iterations + 1, tf.float32)
        # Tensors, made once: as numbers each kernel would get constants of its own.
        shared = {
            "beta1_power": self.beta_1**step,
            "beta2_power": self.beta_2**step,
            "beta1": tf.constant(self.beta_1, tf.float32),
            "beta2": tf.constant(self.beta_2, tf.float32),
            "epsilon": tf.constant(self.epsilon, tf.float32),
        }
        for gradient, variable in zip(gradients, variables, strict=True):
            index = self._get_variable_index(variable)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[index].value.handle,
                v=self._velocities[index].value.handle,
                lr=learning_rate,
                grad=gradient,
                **shared,
            )
