"""The train step: match, losses, gradients, clipping, update, moving average."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from algorithm.errors import ArgumentError, DataError
from algorithm.models.detector import Detector
from algorithm.models.naming import published_variables
from algorithm.ops.image import network_input
from algorithm.ops.losses import LossConfig, detection_losses
from algorithm.ops.matching import match_anchors

_REGULARISED = re.compile(r".*(kernel|weight)$")
_AVERAGE = "ExponentialMovingAverage"
SMALLEST_SGD_BATCH = 32
ADAM_SHARE = 0.1


@dataclass(frozen=True)
class TrainConfig:
    """What the train step needs besides the loss.

    moving_average_decay: 0 keeps no average. clip_norm: first per variable, then over all; 0 switches clipping off.
    """

    loss: LossConfig = field(default_factory=LossConfig)
    weight_decay: float = 4e-5
    clip_norm: float = 10.0
    moving_average_decay: float = 0.0


class Trainer:
    """A detector with its optimizer and moving average: one step at a time, and all of its state by name."""

    def __init__(self, detector: Detector, optimizer: keras.optimizers.Optimizer, config: TrainConfig) -> None:
        self.detector, self.optimizer, self.config = detector, optimizer, config
        self.named = published_variables(detector)
        self._regularised = [v for name, v in self.named.items() if v.trainable and _REGULARISED.match(name)]
        self._anchors = tf.constant(detector.anchors)
        optimizer.build(detector.trainable_variables)
        averaged = self.named if config.moving_average_decay > 0 else {}
        self.averages = {name: tf.Variable(variable.value, trainable=False) for name, variable in averaged.items()}

    @property
    def step(self) -> int:
        """Updates made so far."""
        return int(self.optimizer.iterations.numpy())

    @tf.function(reduce_retracing=True)
    def train_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One update; float32 scalars: loss (the sum), its parts, gradient_norm (before clipping) and learning_rate.

        batch: images uint8 [B, H, W, 3] and extent int32 [B, 2] (see ops.image.network_input); boxes float32 [B, N, 4]
        yxyx network pixels; labels int32 [B, N], -1 for padding (see data.pipeline.train_batches).
        """
        preset = self.detector.preset
        images = network_input(batch["images"], batch["extent"], preset.mean, preset.std)
        learning_rate = self.optimizer.learning_rate
        if callable(learning_rate):
            learning_rate = learning_rate(self.optimizer.iterations)
        variables = self.detector.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.detector(images, training=True)
            losses = self._losses(outputs["class_logits"], outputs["box_deltas"], batch["boxes"], batch["labels"])
            losses["l2_loss"] = self._l2_loss()
            losses["loss"] = losses["det_loss"] + losses["l2_loss"]
        gradients = tape.gradient(losses["loss"], [variable.value for variable in variables])
        gradients, norm = self._clip(gradients)
        self.optimizer.apply(gradients, variables)
        self._average()
        return {**losses, "gradient_norm": norm, "learning_rate": tf.cast(learning_rate, tf.float32)}

    # XLA fuses the assignment and the losses into a few passes over [B, A, K]: benchmarks/train_step.py.
    @tf.function(jit_compile=True)
    def _losses(self, class_logits, box_deltas, boxes, labels):
        targets = match_anchors(self._anchors, boxes, labels)
        targets = {name: tf.stop_gradient(value) for name, value in targets.items()}
        outputs = {"class_logits": class_logits, "box_deltas": box_deltas}
        return detection_losses(outputs, targets, self._anchors, self.config.loss)

    def _l2_loss(self):
        if not self._regularised:
            return tf.constant(0.0)
        return self.config.weight_decay * tf.add_n([tf.nn.l2_loss(v.value) for v in self._regularised])

    def _clip(self, gradients):
        clip = self.config.clip_norm
        if clip <= 0:
            return gradients, tf.linalg.global_norm(gradients)
        each = [tf.clip_by_norm(gradient, clip) for gradient in gradients]
        norm = tf.linalg.global_norm(each)
        return tf.clip_by_global_norm(each, clip, use_norm=norm)[0], norm

    def _average(self):
        if not self.averages:
            return
        updates = tf.cast(self.optimizer.iterations, tf.float32)
        decay = tf.minimum(self.config.moving_average_decay, (1.0 + updates) / (10.0 + updates))
        for name, average in self.averages.items():
            average.assign_sub((1.0 - decay) * (average - self.named[name].value))

    def tensors(self) -> dict[str, Any]:
        """Everything a resumed job needs, by name: weights, averages, optimizer, random generators, global_step."""
        tensors: dict[str, Any] = {name: variable.value for name, variable in self._state_variables().items()}
        tensors |= {f"{name}/{_AVERAGE}": average for name, average in self.averages.items()}
        return {**tensors, "global_step": np.int64(self.step)}

    def restore(self, tensors: dict[str, np.ndarray]) -> None:
        """Takes up the state that tensors() gave. DataError naming what is missing or of another shape."""
        wanted = {**self._state_variables(), **{f"{n}/{_AVERAGE}": a for n, a in self.averages.items()}}
        wrong = [n for n, v in wanted.items() if n not in tensors or tensors[n].shape != tuple(v.shape)]
        if wrong:
            raise DataError(f"checkpoint: {len(wrong)} of {len(wanted)} variables are missing or of another shape, "
                            f"first {wrong[0]}; the run was made with other hyperparameters: give a new train_url")
        for name, variable in wanted.items():
            variable.assign(tensors[name])

    def _state_variables(self) -> dict[str, keras.Variable]:
        state = dict(self.named)
        state |= {variable.path: variable for variable in self.optimizer.variables}
        for layer in self.detector.layers:
            for variable in layer.variables:
                if variable.name == "seed_generator_state":
                    state[f"random/{layer.name}"] = variable
        return state

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Inside, the detector holds the moving average where there is one; outside, its own weights."""
        own = {name: self.named[name].numpy() for name in self.averages}
        for name, average in self.averages.items():
            self.named[name].assign(average)
        try:
            yield
        finally:
            for name, value in own.items():
                self.named[name].assign(value)


def choose_optimizer(kind: str, global_batch: int) -> tuple[str, float]:
    """The optimizer that `kind` stands for, and the factor on learning_rate that goes with it.

    auto: sgd as published for batches near the published 64; adam for small ones, where sgd with the rate scaled down
    crawls and rare classes are not learned (docs/warm-start.md has the figures). learning_rate is sgd's: adam takes a
    tenth of it, the published relation of the two.
    """
    if kind != "auto":
        return kind, 1.0
    return ("adam", ADAM_SHARE) if global_batch < SMALLEST_SGD_BATCH else ("sgd", 1.0)


def make_optimizer(kind: str, schedule: Any, momentum: float) -> keras.optimizers.Optimizer:
    """SGD with momentum, or Adam with momentum as beta_1, as published.

    The name is fixed because Keras numbers unnamed optimizers, and the number would stand in every checkpoint.
    """
    if kind == "adam":
        return keras.optimizers.Adam(schedule, beta_1=momentum, name="optimizer")
    return keras.optimizers.SGD(schedule, momentum=momentum, name="optimizer")


def freeze(detector: Detector, pattern: str, batch_norm: bool) -> int:
    """Stops training of variables whose published name matches `pattern` (regular expression, from the start) and, with
    batch_norm, of all batch-norm parameters and statistics. Returns how many variables stay trainable. ArgumentError: the
    pattern matches nothing, or nothing is left to train."""
    if batch_norm:
        for layer in detector.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    named = published_variables(detector)
    matching = [variable for name, variable in named.items() if pattern and re.match(pattern, name)]
    if pattern and not matching:
        raise ArgumentError(f"freeze: expected an expression that matches names of variables from their start, found "
                            f"{pattern!r}, which matches none of {len(named)}; the first is {next(iter(named))}")
    for variable in matching:
        variable.trainable = False
    left = len(detector.trainable_variables)
    if not left:
        raise ArgumentError(f"freeze: expected something left to train, found that {pattern!r} freezes everything")
    return left
