"""The variables of a TF2 object checkpoint.

Such a file keys its tensors by attribute path (`backbone/_blocks/4/_se/_se_expand/bias/...`). The
object graph stored with them also keeps each variable's full name, which is the published one where
the variable was given a name.
"""

from __future__ import annotations

from collections.abc import Container

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from algorithm.errors import DataError
from algorithm.models.weights.stored_tensors import published_name

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"
_VALUE_SUFFIX = f"/.ATTRIBUTES/{_VALUE}"
_AVERAGE_SLOT = "average"  # the slot of an averaging optimizer


def variables_of_graph(
    graph: bytes, keys: Container[str], where: str
) -> dict[str, tuple[str, bool]]:
    """Return the variables of a serialised object graph.

    Optimizer slots are left out.

    Args:
        graph: The serialised graph.
        keys: The keys present in the file.
        where: The file, for the message.

    Returns:
        {published name, else attribute path: (key in the file, whether it is a moving average)}.

    Raises:
        DataError: The graph cannot be decoded; the message names `where`.
    """
    try:
        nodes = TrackableObjectGraph.FromString(graph).nodes
    except DecodeError as error:
        raise DataError(
            f"weights {where}: expected an object graph, found bytes that are none; "
            "fetch them again"
        ) from error
    values = {
        i: attribute
        for i, node in enumerate(nodes)
        for attribute in node.attributes
        if attribute.name == _VALUE
    }
    slots = [slot for node in nodes for slot in node.slot_variables]
    slot_nodes = {slot.slot_variable_node_id for slot in slots}
    averages = {
        slot.original_variable_node_id: values.get(slot.slot_variable_node_id)
        for slot in slots
        if slot.slot_name == _AVERAGE_SLOT
    }
    variables: dict[str, tuple[str, bool]] = {}
    for number, value in values.items():
        stored = averages.get(number) or value
        if number not in slot_nodes and stored.checkpoint_key in keys:
            name = published_name(value.full_name) or value.checkpoint_key.removesuffix(
                _VALUE_SUFFIX
            )
            variables[name] = (stored.checkpoint_key, stored is not value)
    return variables
