"""The learning rate as a function of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import tensorflow as tf

from algorithm.hyperparameters.learning_rate import DROPS, REFERENCE_BATCH, USUAL_RATE


@dataclass(frozen=True)
class ScheduleConfig:
    """The settings of the published schedule. Rates are for 64 pictures, lengths in epochs.

    Attributes:
        learning_rate: The rate after the warm-up.
        warmup_init: The rate at the first step.
        warmup_epochs: Length of the warm-up.
        decay: "cosine", "stepwise" (x0.1 and x0.01 at the two drops), "polynomial" or "constant".
        first_drop_epoch: Where stepwise decay drops first.
        second_drop_epoch: Where stepwise decay drops again.
        power: The exponent of polynomial decay.
    """

    learning_rate: float = USUAL_RATE
    warmup_init: float = 0.008
    warmup_epochs: float = 1.0
    decay: str = "cosine"
    first_drop_epoch: float = 200.0
    second_drop_epoch: float = 250.0
    power: float = 0.9


class DetectionSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then the chosen decay over the rest.

    Cosine and polynomial decay reach zero at the last step. Both the rate and the warm-up's start
    scale with global_batch / 64, so that small batches warm up, not down. The variable `factor`
    multiplies all of it.

    A schedule whose length may change keeps it in variables, which the compiled step reads.

    Args:
        config: The settings.
        global_batch: Pictures of a step on all devices.
        steps_per_epoch: Updates in an epoch.
        epochs: Epochs in all.
        steps: Updates of the whole training where it ends within an epoch; 0 for its end.
        changes: Whether `plan_anew` may give it another length.
    """

    total: int
    warmup: int

    def __init__(
        self,
        config: ScheduleConfig,
        *,
        global_batch: int,
        steps_per_epoch: int,
        epochs: int,
        steps: int = 0,
        changes: bool = False,
    ) -> None:
        scale = global_batch / REFERENCE_BATCH
        self.config = config
        self.steps_per_epoch = steps_per_epoch
        self.base = config.learning_rate * scale
        self.start = config.warmup_init * scale
        self.factor = tf.Variable(1.0, trainable=False)
        self.total = self.warmup = 0
        self._set_length(steps or steps_per_epoch * epochs)
        self._variables: tuple[tf.Variable, ...] = ()
        if changes:
            self._variables = tuple(
                tf.Variable(float(length), trainable=False) for length in self._lengths()
            )

    def plan_anew(self, total: int, step: int) -> None:
        """Give the training another length; the present step and those after it follow it.

        A warm-up that is over stays over.

        Args:
            total: Updates of the whole training.
            step: Updates made so far.
        """
        warmup = self.warmup
        self._set_length(total)
        if step >= warmup:
            self.warmup = min(warmup, step)
        for variable, length in zip(self._variables, self._lengths(), strict=True):
            variable.assign(float(length))

    def _set_length(self, total: int) -> None:
        self.total = total
        self.warmup = min(round(self.config.warmup_epochs * self.steps_per_epoch), total // 2)

    def _lengths(self) -> tuple[int, int]:
        """Return the updates of the warm-up and those of the decay."""
        return self.warmup, max(self.total - 1 - self.warmup, 1)

    def __call__(self, step):
        """Return the rate at a step.

        Args:
            step: The step, 0-based, an int or a tensor.

        Returns:
            A float32 scalar tensor.
        """
        step = tf.cast(step, tf.float32)
        warmup, rest = self._variables or self._lengths()
        least = tf.maximum(warmup, 1.0) if self._variables else max(warmup, 1)
        rising = self.start + (self.base - self.start) * step / least
        falling = self.base * self._decay(step, (step - warmup) / rest)
        return self.factor * tf.where(step < warmup, rising, falling)

    def _decay(self, step, progress):
        progress = tf.clip_by_value(progress, 0.0, 1.0)
        if self.config.decay == "cosine":
            return 0.5 * (1.0 + tf.cos(math.pi * progress))
        if self.config.decay == "polynomial":
            return tf.pow(1.0 - progress, self.config.power)
        if self.config.decay == "stepwise":
            epoch = step / self.steps_per_epoch
            first = tf.where(epoch < self.config.first_drop_epoch, 1.0, DROPS[0])
            return tf.where(epoch < self.config.second_drop_epoch, first, DROPS[1])
        return tf.ones_like(step)

    def get_config(self):
        """Return what the schedule is made again from."""
        return {
            "config": self.config,
            "base": self.base,
            "total": self.total,
            "warmup": self.warmup,
        }
