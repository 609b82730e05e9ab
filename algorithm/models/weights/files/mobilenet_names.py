"""Names for the MobileNetV2 of keras.applications, whose layers ours are named after."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from algorithm.models.weights.stored_tensors import StoredTensor

_ROOT = "mobilenet-v2"
_LAYER = re.compile(r"(?:Conv1|bn_Conv1|(?:expanded_conv|block_\d+)_\w+)/\w+")


def is_mobilenet(tensors: Collection[str]) -> bool:
    """Return whether these are the names of a keras.applications MobileNetV2."""
    return "Conv1/kernel" in tensors and any(
        name.startswith("expanded_conv_depthwise/") for name in tensors
    )


def mobilenet_from_keras(tensors: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """Return the tensors of the feature extractor under our names, the root included.

    Args:
        tensors: Tensors by name in the file.

    Returns:
        Tensors by name.
    """
    return {
        f"{_ROOT}/{_leaf_named(name)}": tensor
        for name, tensor in tensors.items()
        if _LAYER.fullmatch(name)
    }


def _leaf_named(name: str) -> str:
    """Return the name that Keras 2 gives a tensor.

    Keras 3 calls the kernel of a depthwise convolution by another name.
    """
    return re.sub(r"_depthwise/kernel$", "_depthwise/depthwise_kernel", name)
