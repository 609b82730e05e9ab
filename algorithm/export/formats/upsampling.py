"""The network's doubling of feature maps in the operation that small runtimes have for it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def with_resize_operations(
    frozen: tf.types.experimental.ConcreteFunction,
) -> tf.types.experimental.ConcreteFunction:
    """Return the same function of constants, with ResizeNearestNeighbor where it doubles a map.

    The network doubles a map by repeating it along two new axes (models.layers.upsample_nearest:
    StridedSlice, BroadcastTo, Reshape in 6 dimensions, of which TFLite's kernels take 5).

    Args:
        frozen: A function without variables.

    Returns:
        The changed function.
    """
    definition = frozen.graph.as_graph_def()
    nodes = {node.name: node for node in definition.node}
    sizes = []
    for node in definition.node:
        grown = nodes.get(node.input[0]) if node.op == "Reshape" else None
        opened = (
            nodes.get(grown.input[0]) if grown is not None and grown.op == "BroadcastTo" else None
        )
        if opened is None or opened.op != "StridedSlice" or not opened.attr["new_axis_mask"].i:
            continue
        height, width = frozen.graph.get_tensor_by_name(f"{node.name}:0").shape[1:3]
        size = tf.compat.v1.NodeDef(name=f"{node.name}/size", op="Const")
        size.attr["dtype"].type = tf.int32.as_datatype_enum
        size.attr["value"].tensor.CopyFrom(
            tf.make_tensor_proto(np.array([height, width], np.int32))
        )
        sizes.append(size)
        kind = node.attr["T"].type
        node.op, node.input[:] = "ResizeNearestNeighbor", [opened.input[0], size.name]
        node.attr.clear()
        node.attr["T"].type = kind
        for name in ("align_corners", "half_pixel_centers"):
            node.attr[name].b = False
    definition.node.extend(sizes)
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(definition, name=""), []
    )
    return wrapped.prune(
        [tensor.name for tensor in frozen.inputs], [tensor.name for tensor in frozen.outputs]
    )
