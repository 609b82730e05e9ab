"""Functions that XLA compiles while the graph around them is still being traced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import tensorflow as tf

_log = logging.getLogger("algorithm.training")
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compile")


class CompiledAhead:
    """A function compiled by XLA as soon as its shapes are known.

    Left to itself TensorFlow compiles at the first run, after the whole graph was traced. Compiling
    takes no lock of Python: on a second core it costs no time.

    Attributes:
        begun: What compiles, in the order of the calls.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        """Take a function of nested tensors."""
        self._function = tf.function(function, jit_compile=True, autograph=False)
        self.begun: list[Future[None]] = []

    def __call__(self, *arguments: Any) -> Any:
        """Call the function; inside a graph, begin to compile it for these shapes."""
        results = self._function(*arguments)
        # With several devices each one compiles its own, as it runs.
        if not (tf.executing_eagerly() or tf.distribute.has_strategy()):
            specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, arguments)
            if all(spec.shape.is_fully_defined() for spec in tf.nest.flatten(specs)):
                self.begun.append(_THREAD.submit(self._compile, specs))
        return results

    def _compile(self, specs: Any) -> None:
        try:
            tf.function(self._function, autograph=False)(
                *tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), specs)
            )
        except Exception as error:  # noqa: BLE001 - the step itself meets it again, and tells it
            _log.debug("could not compile ahead: %s", error)
