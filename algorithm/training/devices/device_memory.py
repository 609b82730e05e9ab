"""How much memory a training takes."""

from __future__ import annotations

import resource

import tensorflow as tf


def peak_memory() -> float:
    """Return the most memory used so far, in MiB.

    Returns:
        Memory of the first GPU where there is one, else the resident memory of this process.
    """
    if tf.config.list_logical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
