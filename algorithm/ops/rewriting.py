"""Whether TensorFlow rewrites graphs before it runs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf


@contextmanager
def graph_as_written() -> Iterator[None]:
    """Let TensorFlow run graphs without rewriting them first, inside this context.

    To save memory it turns sums of many gradients (a head's kernel is used on five levels) into
    additions in the order of arrival. Then the same step does not give the same bits twice, and op
    determinism does not help. Without the rewriting the first step is faster, and the others take
    as long as before.
    """
    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})
