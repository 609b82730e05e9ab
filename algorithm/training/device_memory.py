"""How much memory a training takes."""

from __future__ import annotations

import resource

import tensorflow as tf


def peak_memory() -> float:
    """Most memory in use so far, MiB: of the first GPU where there is one, else resident of this
    process.
    """
    if tf.config.list_logical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
