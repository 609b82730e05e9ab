"""What a network has to compute for one picture."""

from __future__ import annotations

import math

import keras

_KERNEL = 4  # dimensions of the kernel of a convolution


def multiply_adds(network: keras.Model) -> int:
    """Count the multiply-adds of the convolutions for one picture, forward.

    All else, such as batch norm and activations, is a small share of the operations. A layer counts
    as often as the network uses it: heads use one on every level.

    Args:
        network: A functional network of pictures [B, H, W, C] of a fixed size.

    Returns:
        Multiply-adds, two floating-point operations each.
    """
    return sum(
        _kernels(node.operation) * math.prod(node.output_tensors[0].shape[1:-1])
        for nodes in network._nodes_by_depth.values()
        for node in nodes
        if isinstance(node.operation, keras.layers.Layer)
    )


def _kernels(layer: keras.layers.Layer) -> int:
    """The numbers in the kernels of a convolution, each used once at every place of its output."""
    return sum(math.prod(one.shape) for one in layer.weights if len(one.shape) == _KERNEL)
