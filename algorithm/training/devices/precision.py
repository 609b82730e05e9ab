"""The number format that the network computes in during training.

Variables, losses and box arithmetic stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from algorithm.models.detector import Detector

# The Keras policy of each value of the hyperparameter. Layers compute in it; they keep their
# variables in float32.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_FIRST_SCALE, _LARGEST_SCALE, _STEPS_BEFORE_GROWTH = 2.0**15, 2.0**24, 2000


@contextmanager
def computing(detector: Detector, precision: str) -> Iterator[None]:
    """Compute the network in `precision` where it is traced inside this context.

    Its last layers still return float32. Outside, the same detector computes in float32: evaluation
    and export are not touched.

    Args:
        detector: The network; its layers' policies are changed and set back.
        precision: A key of POLICIES.
    """
    layers = (
        [
            layer
            for layer in detector.layers
            if layer.name not in detector.output_names
            and not isinstance(layer, keras.layers.InputLayer)
        ]
        if precision != "float32"
        else []
    )
    before = [layer.dtype_policy for layer in layers]
    for layer in layers:
        layer.dtype_policy = POLICIES[precision]
    try:
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy


class LossScale:
    """The factor on the loss that keeps small gradients from vanishing in float16.

    It halves at a gradient that is not finite and doubles after 2000 steps without one. Other
    formats need none: there it is 1. Micikevicius et al. 2018, section 3.2.

    Args:
        precision: A key of POLICIES.
    """

    def __init__(self, precision: str) -> None:
        self.changes = precision == "float16"
        self.value = tf.Variable(_FIRST_SCALE if self.changes else 1.0, trainable=False)
        self.good_steps = tf.Variable(0, dtype=tf.int64, trainable=False)

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """The variables that a checkpoint keeps, by name: a float32 and an int64 scalar.

        There are none where the scale never changes.
        """
        return (
            {"loss_scale/value": self.value, "loss_scale/good_steps": self.good_steps}
            if self.changes
            else {}
        )

    def update(self, finite: tf.Tensor) -> None:
        """Note whether the gradients of a step were finite. Call it outside of replicas.

        Args:
            finite: A boolean scalar.
        """
        if not self.changes:
            return
        grown = self.good_steps + 1 >= _STEPS_BEFORE_GROWTH
        larger = tf.minimum(self.value * tf.where(grown, 2.0, 1.0), _LARGEST_SCALE)
        good_steps = tf.where(finite & ~grown, self.good_steps + 1, 0)
        self.value.assign(tf.where(finite, larger, tf.maximum(self.value / 2.0, 1.0)))
        self.good_steps.assign(good_steps)
