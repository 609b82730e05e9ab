"""How many operations a second the device can do at best."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras

from algorithm.benchmark.measure import Peak

_LEAST_SECONDS, _MOST_ROWS, _TRIES = 0.02, 16384, 5


def matmul_peak(precision: str, clock: Callable[[], float] = time.perf_counter) -> Peak:
    """Measure the peak: the best of some products of two square matrices, large enough to last.

    Args:
        precision: What they are of.
        clock: Tells the seconds; processor time for one thread of a busy machine.

    Returns:
        The peak.
    """
    rows = 512
    while True:
        rows *= 2
        seconds = min(_product(rows, precision, clock) for _ in range(_TRIES))
        if seconds >= _LEAST_SECONDS or rows >= _MOST_ROWS:
            return Peak(2.0 * rows**3 / seconds, f"a measured {precision} product of {rows} rows")


def _product(rows: int, precision: str, clock: Callable[[], float]) -> float:
    matrix = keras.ops.ones((rows, rows), precision)
    keras.ops.convert_to_numpy(matrix[0, 0])
    begun = clock()
    keras.ops.convert_to_numpy(keras.ops.matmul(matrix, matrix)[0, 0])  # waits for the device
    return clock() - begun
