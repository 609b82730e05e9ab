"""The reader of TensorFlow checkpoints: variables by name (TF1, ours too) or by object graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from algorithm.errors import DataError, first_line
from algorithm.models.weights.files.attribute_path import name_by_path
from algorithm.models.weights.files.object_graph import OBJECT_GRAPH, variables_of_graph
from algorithm.models.weights.files.resnet_names import bare_resnet
from algorithm.models.weights.stored_tensors import StoredTensor, WeightSource, published_name

_AVERAGE = "/ExponentialMovingAverage"
# Optimizer slots that training writes beside the weights.
_SLOTS = ("/Momentum", "/Adam", "/Adam_1", "/RMSProp", "/RMSProp_1", "/Adagrad")
# The errors that TensorFlow raises for a bundle that is missing, truncated or damaged.
_BROKEN = (tf.errors.OpError, ValueError, RuntimeError, LookupError)


def read_bundle(prefix: str) -> WeightSource:
    """Read the weights of PREFIX.index and PREFIX.data-*.

    Moving averages win where present; training state is left out.

    Args:
        prefix: The prefix of the files.

    Returns:
        The weights.

    Raises:
        DataError: The files cannot be read.
    """
    try:
        reader = tf.compat.v1.train.NewCheckpointReader(
            prefix
        )  # load_checkpoint would prefer a folder of the same name
        shapes = reader.get_variable_to_shape_map()
        graph = reader.get_tensor(OBJECT_GRAPH) if OBJECT_GRAPH in shapes else None
    except _BROKEN as error:
        raise _unreadable(prefix, error) from error
    keys = _named_variables(shapes) if graph is None else variables_of_graph(graph, shapes, prefix)
    tensors = {name: _stored(reader, prefix, key, shapes[key]) for name, (key, _) in keys.items()}
    if graph is not None:
        tensors = name_by_path(tensors, prefix)
    kind = "TF1-style checkpoint" if graph is None else "TF2 object checkpoint"
    return WeightSource(
        prefix, kind, tensors, averaged=sum(is_average for _, is_average in keys.values())
    )


def _named_variables(shapes: Mapping[str, list[int]]) -> dict[str, tuple[str, bool]]:
    """Return {published name: (key in the file, whether it is a moving average)}."""
    keys: dict[str, tuple[str, bool]] = {}
    root = bare_resnet(shapes)
    for key in sorted(shapes):  # a plain name sorts before its average, which then replaces it
        name = published_name(root + key.removesuffix(_AVERAGE))
        if name and not name.endswith(_SLOTS):
            keys[name] = (key, key.endswith(_AVERAGE))
    return keys


def _stored(
    reader: tf.train.CheckpointReader, prefix: str, key: str, shape: list[int]
) -> StoredTensor:
    def read() -> np.ndarray:
        try:
            return reader.get_tensor(key)
        except _BROKEN as error:
            raise _unreadable(prefix, error) from error

    return StoredTensor(tuple(shape), read)


def _unreadable(prefix: str, error: Exception) -> DataError:
    reason = first_line(error)
    return DataError(
        f"weights {prefix}: expected a TensorFlow checkpoint, found damaged or incomplete files "
        f"({reason}); fetch them again"
    )
