"""Published names for ResNet files that name layers their own way.

These are keras.applications, torchvision and the TPU classifiers. Where a network does the same
arithmetic with other constants, its numbers are changed so that ours gives the same result.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from algorithm.errors import DataError
from algorithm.models.resnet import RESNETS
from algorithm.models.weights.stored_tensors import StoredTensor
from algorithm.models.zoo import IMAGENET_MEAN, IMAGENET_STD, PRESETS

Tensors = Mapping[str, StoredTensor]
_OUR_EPSILON = PRESETS["retinanet-resnet50"].batch_norm.epsilon
_KERAS_EPSILON, _TORCH_EPSILON = 1.001e-5, 1e-5
# keras.applications feeds ResNet v1 with blue, green, red less these means (of RGB), not scaled.
_CAFFE_MEAN = (123.68, 116.779, 103.939)
_STEM_KERAS, _STEM_TORCH = "conv1", ("conv1", "bn1")
_KERAS = re.compile(r"conv([2-5])_block(\d+)_([0-3])_(conv|bn)/(\w+)")
_TORCH = re.compile(r"layer([1-4])\.(\d+)\.(?:(conv|bn)([1-3])|downsample\.([01]))\.(\w+)")
TORCH_LEAVES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_BARE = re.compile(r"conv2d(?:_\d+)?/kernel")


@dataclass(frozen=True)
class _Place:
    """A layer by its role.

    Attributes:
        group: 0 to 3, None for the first convolution.
        part: See ResNetSpec.number.
    """

    group: int | None
    block: int = 0
    part: int = 0


def bare_resnet(names: Collection[str]) -> str:
    """Return the root, such as "resnet50/", of a ResNet classifier's checkpoint.

    Its variables stand under no root; "" for any other checkpoint.
    """
    count = sum(1 for name in names if _BARE.fullmatch(name))
    return next((f"{name}/" for name, spec in RESNETS.items() if spec.convolutions == count), "")


def is_keras_resnet(tensors: Collection[str]) -> bool:
    """Return whether these are the names of a keras.applications ResNet v1."""
    return "conv1_conv/kernel" in tensors and "conv2_block1_1_conv/kernel" in tensors


def is_torch_resnet(state: Collection[str]) -> bool:
    """Return whether these are the names of a torchvision ResNet with bottleneck blocks."""
    return "conv1.weight" in state and "layer1.0.conv3.weight" in state


def resnet_from_keras(tensors: Tensors, where: str) -> dict[str, StoredTensor]:
    """Name the tensors of a ResNet of keras.applications.

    Our convolutions have no bias and our input is RGB scaled by ImageNet's deviation: both go into
    the numbers.

    Args:
        tensors: Tensors by name in the file.
        where: The file, for the message.

    Returns:
        The tensors under their published names, the root included.

    Raises:
        DataError: The depth is unknown; the message names `where`.
    """
    layers: dict[_Place, dict[str, StoredTensor]] = {}
    for name, tensor in tensors.items():
        match = _KERAS.fullmatch(name)
        if match:
            place, leaf = _Place(int(match[1]) - 2, int(match[2]) - 1, int(match[3])), match[5]
        elif name.startswith(f"{_STEM_KERAS}_"):
            place, leaf = _Place(None), name.rpartition("/")[2]
        else:
            continue
        layers.setdefault(place, {})[leaf] = tensor
    return _published(
        {place: _folded(leaves, first=place.group is None) for place, leaves in layers.items()},
        where,
    )


def resnet_from_torch(state: Tensors, where: str) -> dict[str, StoredTensor]:
    """Return the tensors under their published names, the root included.

    Raises:
        DataError: An unknown depth; `where` is named.
    """
    layers: dict[_Place, dict[str, StoredTensor]] = {}
    for name, tensor in state.items():
        match, (layer, _, leaf) = _TORCH.fullmatch(name), name.rpartition(".")
        if match:
            part = int(match[4] or 0)
            place, is_norm = (
                _Place(int(match[1]) - 1, int(match[2]), part),
                match[3] == "bn" or match[5] == "1",
            )
        elif layer in _STEM_TORCH:
            place, is_norm = _Place(None), layer == "bn1"
        else:
            continue
        if is_norm and leaf in TORCH_LEAVES:
            layers.setdefault(place, {})[TORCH_LEAVES[leaf]] = tensor
        elif not is_norm:
            layers.setdefault(place, {})["kernel"] = _transposed(tensor)
    return _published(
        {place: _with_our_epsilon(leaves, _TORCH_EPSILON) for place, leaves in layers.items()},
        where,
    )


def _published(
    layers: Mapping[_Place, Mapping[str, StoredTensor]], where: str
) -> dict[str, StoredTensor]:
    name = next((name for name, spec in RESNETS.items() if spec.convolutions == len(layers)), None)
    if name is None:
        raise DataError(
            f"weights {where}: expected the "
            f"{' or '.join(str(spec.convolutions) for spec in RESNETS.values())} convolutions of "
            f"{' or '.join(RESNETS)}, found {len(layers)}; give a file of one of these networks"
        )
    named = {}
    for place, leaves in layers.items():
        number = (
            0 if place.group is None else RESNETS[name].number(place.group, place.block, place.part)
        )
        suffix = f"_{number}" if number else ""
        for leaf, tensor in leaves.items():
            named[
                f"{name}/{'conv2d' if leaf == 'kernel' else 'batch_normalization'}{suffix}/{leaf}"
            ] = tensor
    return named


def _transposed(tensor: StoredTensor) -> StoredTensor:
    """Transpose (out, in, k, k) to (k, k, in, out)."""
    return StoredTensor(
        tuple(tensor.shape[axis] for axis in (2, 3, 1, 0)),
        lambda: tensor.read().transpose(2, 3, 1, 0),
    )


def _with_our_epsilon(
    leaves: Mapping[str, StoredTensor], epsilon: float
) -> dict[str, StoredTensor]:
    """Change gamma so that gamma / sqrt(variance + epsilon) stays with another epsilon."""
    gamma, variance = leaves["gamma"], leaves["moving_variance"]
    return {
        **leaves,
        "gamma": StoredTensor(
            gamma.shape,
            lambda: (
                gamma.read()
                * np.sqrt((variance.read() + _OUR_EPSILON) / (variance.read() + epsilon))
            ),
        ),
    }


def _folded(leaves: Mapping[str, StoredTensor], *, first: bool) -> dict[str, StoredTensor]:
    kernel, bias, mean = leaves["kernel"], leaves["bias"], leaves["moving_mean"]

    def our_kernel() -> np.ndarray:
        flipped = kernel.read()[:, :, ::-1, :]
        return flipped * np.array(IMAGENET_STD, np.float32)[:, None]

    def offset() -> np.ndarray:
        """Return the bias, and in the first convolution the difference of the two means."""
        shift = np.array(IMAGENET_MEAN, np.float32) - np.array(_CAFFE_MEAN, np.float32)
        return bias.read() + (
            np.einsum("hwio,i->o", kernel.read()[:, :, ::-1, :], shift) if first else 0.0
        )

    own = {leaf: tensor for leaf, tensor in leaves.items() if leaf != "bias"}
    own["moving_mean"] = StoredTensor(mean.shape, lambda: mean.read() - offset())
    if first:
        own["kernel"] = StoredTensor(kernel.shape, our_kernel)
    return _with_our_epsilon(own, _KERAS_EPSILON)
