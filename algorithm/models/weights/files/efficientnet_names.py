"""Published names for EfficientNet files with numbers of their own: keras.applications, PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from algorithm.errors import DataError
from algorithm.models.efficientnet import scaled_blocks
from algorithm.models.weights.stored_tensors import StoredTensor
from algorithm.models.zoo import BACKBONES

_OUTSIDE_BLOCKS = {
    "stem_conv": "stem/conv2d",
    "stem_norm": "stem/tpu_batch_normalization",
    "head_conv": "head/conv2d",
    "head_norm": "head/tpu_batch_normalization",
    "head_dense": "head/dense",
}
_IN_BLOCKS = {
    "depthwise_conv": "depthwise_conv2d",
    "se_reduce": "se/conv2d",
    "se_expand": "se/conv2d_1",
}
_CONVS = ("expand_conv", "project_conv")
_NORMS = ("expand_norm", "depthwise_norm", "project_norm")


@dataclass(frozen=True)
class BackboneTensor:
    """A tensor by its role.

    Attributes:
        block: 0-based, None outside the blocks.
        part: Such as "project_conv".
        leaf: Such as "kernel".
    """

    block: int | None
    part: str
    leaf: str
    tensor: StoredTensor


def by_published_name(tensors: Sequence[BackboneTensor], where: str) -> dict[str, StoredTensor]:
    """Name the tensors of an EfficientNet.

    Args:
        tensors: The tensors.
        where: The file, for the message.

    Returns:
        The tensors under their published names, the backbone's own name included.

    Raises:
        DataError: No known EfficientNet has these blocks; the message names `where`.
    """
    backbone = identify_backbone(tensors, where)
    expanding = {tensor.block for tensor in tensors if tensor.part == "expand_conv"}
    return {
        f"{backbone}/{_scope(each, each.block in expanding)}/{each.leaf}": each.tensor
        for each in tensors
    }


def identify_backbone(tensors: Sequence[BackboneTensor], where: str) -> str:
    """Identify an EfficientNet.

    The number of blocks, the last width, and squeeze-and-excitation or none tell it.

    Args:
        tensors: Its tensors.
        where: The file, for the message.

    Returns:
        Its name.

    Raises:
        DataError: There is none like it; the message names `where`.
    """
    blocks = 1 + max((each.block for each in tensors if each.block is not None), default=-1)
    last = (blocks - 1, "project_conv", "kernel")
    widths = [
        each.tensor.shape[-1] for each in tensors if (each.block, each.part, each.leaf) == last
    ]
    squeezes = any(each.part == "se_reduce" for each in tensors)
    for name, spec in BACKBONES.items():
        rows = scaled_blocks(spec)
        if (len(rows), [rows[-1].outputs], spec.squeeze_excite) == (blocks, widths, squeezes):
            return name
    raise DataError(
        f"weights {where}: expected the blocks of one of {', '.join(BACKBONES)}, found {blocks} "
        f"blocks ending in {widths} channels; give a file of one of these networks"
    )


def _scope(tensor: BackboneTensor, expands: bool) -> str:
    """Number 1x1 convolutions and norms in order of use; a first block does not expand."""
    if tensor.block is None:
        return _OUTSIDE_BLOCKS[tensor.part]
    return f"blocks_{tensor.block}/{_scope_in_block(tensor.part, expands)}"


def _scope_in_block(part: str, expands: bool) -> str:
    if part in _IN_BLOCKS:
        return _IN_BLOCKS[part]
    parts, scope = (_CONVS, "conv2d") if part in _CONVS else (_NORMS, "tpu_batch_normalization")
    number = parts.index(part) - (0 if expands else 1)
    return f"{scope}_{number}" if number else scope
