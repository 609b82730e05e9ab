"""The moving average of the weights, which is evaluated and exported in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf


def make_averages(named: Mapping[str, keras.Variable], decay: float) -> dict[str, tf.Variable]:
    """Return a variable for the average of each weight, by its name; none where decay is 0."""
    if decay <= 0:
        return {}
    return {
        name: tf.Variable(variable.numpy(), trainable=False) for name, variable in named.items()
    }


def move_averages(
    averages: Mapping[str, tf.Variable],
    named: Mapping[str, keras.Variable],
    decay: float,
    updates: tf.Variable,
    update: Callable[..., Any],
) -> None:
    """Move the averages towards the weights.

    The decay is min(decay, (1 + t) / (10 + t)) at update t, so that a short training does not
    average over its start.

    Args:
        averages: Of make_averages.
        named: The weights by name.
        decay: 0 to 1.
        updates: Updates made so far, t.
        update: The strategy's way to change a variable, strategy.extended.update.
    """
    if not averages:
        return
    age = tf.cast(updates, tf.float32)
    kept = tf.minimum(decay, (1.0 + age) / (10.0 + age))
    for name, average in averages.items():
        update(
            average,
            lambda own, value: own.assign_sub((1.0 - kept) * (own - value)),
            args=(named[name].value,),
            group=False,
        )


@contextmanager
def averages_in_force(
    averages: Mapping[str, tf.Variable], named: Mapping[str, keras.Variable]
) -> Iterator[None]:
    """Let the weights hold their averages inside this context, where there are any."""
    own = {name: named[name].numpy() for name in averages}
    for name, average in averages.items():
        named[name].assign(average)
    try:
        yield
    finally:
        for name, value in own.items():
            named[name].assign(value)
