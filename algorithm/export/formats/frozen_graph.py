"""One function of a SavedModel as a graph with constants for variables.

TensorFlow's own way loads the whole SavedModel and makes a Python object for each operation.
"""

from __future__ import annotations

from collections.abc import Sequence

from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
from tensorflow.python.grappler import tf_optimizer

from algorithm.ops.saved_functions import SavedFunctions

_LOWERING = "_lower_using_switch_merge"


def frozen_graph(
    functions: SavedFunctions, name: str, outputs: Sequence[str]
) -> graph_pb2.GraphDef:
    """Freeze a function that returns a dictionary.

    Calls of functions are written out; loops and branches stay single operations.

    Args:
        functions: Of the SavedModel.
        name: The name of the function there.
        outputs: The keys of what it returns, in the order they are wanted in.

    Returns:
        The graph. Its inputs are placeholders named as the arguments, its outputs operations named
        Identity, Identity_1 and so on.

    Raises:
        RuntimeError: The function needs more than weights, such as a table.
    """
    *called, whole = functions.with_constants(name)
    graph = graph_pb2.GraphDef(versions=functions.versions)
    graph.library.function.extend(called)
    for place, argument in enumerate(whole.signature.input_arg):
        node = graph.node.add(name=argument.name, op="Placeholder")
        node.attr["dtype"].type = argument.type
        shapes = whole.arg_attr[place].attr["_output_shapes"].list.shape
        if shapes:
            node.attr["shape"].shape.CopyFrom(shapes[0])
    for node in whole.node_def:
        copy = graph.node.add()
        copy.CopyFrom(node)
        copy.input[:] = [each.split(":")[0] for each in node.input]
    places = {key: place for place, key in enumerate(functions.outputs(name))}
    kinds = [each.type for each in whole.signature.output_arg]
    ends = []
    for number, key in enumerate(outputs):
        ends.append(f"Identity_{number}" if number else "Identity")
        node = graph.node.add(name=ends[-1], op="Identity", input=[f"call:{places[key]}"])
        node.attr["T"].type = kinds[places[key]]
    for function in graph.library.function:
        for node in function.node_def:
            if _LOWERING in node.attr:
                node.attr[_LOWERING].b = False
    return _inlined(graph, [*(each.name for each in whole.signature.input_arg), *ends])


def _inlined(graph: graph_pb2.GraphDef, kept: Sequence[str]) -> graph_pb2.GraphDef:
    """Write out the calls of functions; operations of the names given stay."""
    whole = meta_graph_pb2.MetaGraphDef(graph_def=graph)
    whole.collection_def["train_op"].node_list.value.extend(f"{name}:0" for name in kept)
    config = config_pb2.ConfigProto()
    rewriting = config.graph_options.rewrite_options
    rewriting.min_graph_nodes = -1  # a small one too
    rewriting.optimizers.append("function")
    rewriting.meta_optimizer_iterations = rewriting.ONE
    # Else a call stays where an operation inside counts as one with effects, as loops do.
    rewriting.function_optimization = rewriting.AGGRESSIVE
    return tf_optimizer.OptimizeGraph(config, whole)
