"""The reader of Keras `.h5` weight files.

These are the published detectors', and keras.applications' EfficientNets, ResNets, MobileNetV2.
Both keep one group per layer with a dataset per weight, so that the path tells the name. Only
numbers are read: attributes are never unpickled, links to other files never followed.
"""

from __future__ import annotations

import re

import h5py
import numpy as np

from algorithm.errors import DataError
from algorithm.models.weights.files.efficientnet_names import BackboneTensor, by_published_name
from algorithm.models.weights.files.mobilenet_names import is_mobilenet, mobilenet_from_keras
from algorithm.models.weights.files.resnet_names import is_keras_resnet, resnet_from_keras
from algorithm.models.weights.stored_tensors import StoredTensor, WeightSource, published_name

_BLOCK_PARTS = {
    "expand_conv": "expand_conv",
    "expand_bn": "expand_norm",
    "dwconv": "depthwise_conv",
    "bn": "depthwise_norm",
    "se_reduce": "se_reduce",
    "se_expand": "se_expand",
    "project_conv": "project_conv",
    "project_bn": "project_norm",
}
_OUTSIDE_PARTS = {
    "stem_conv": "stem_conv",
    "stem_bn": "stem_norm",
    "top_conv": "head_conv",
    "top_bn": "head_norm",
    "predictions": "head_dense",
}
_BLOCK = re.compile(r"block(\d+)([a-z])_(\w+)")


def read_keras_h5(file: h5py.File, path: str) -> WeightSource:
    """Read the weights of an open file, which must stay open while they are read.

    Args:
        file: The open file.
        path: Its path, for messages.

    Returns:
        The weights.

    Raises:
        DataError: It holds no weights of a detector or an EfficientNet, or keeps numbers in other
            files.
    """
    datasets = _datasets(file, path)
    published = {name: tensor for key, tensor in datasets.items() if (name := published_name(key))}
    if published:
        return WeightSource(path, "Keras .h5 of a detector", published)
    if is_keras_resnet(datasets):
        return WeightSource(
            path,
            "keras.applications .h5, whose blocks stride in their 1x1 convolution and not, as "
            "here, in the 3x3 one",
            resnet_from_keras(datasets, path),
        )
    if is_mobilenet(datasets):
        return WeightSource(path, "keras.applications .h5", mobilenet_from_keras(datasets))
    backbone = _application_tensors(datasets)
    if not backbone:
        raise DataError(
            f"weights {path}: expected a published detector's .h5 or keras.applications' "
            f"EfficientNet, ResNet or MobileNetV2 weights, found {len(datasets)} datasets named "
            f"otherwise ({', '.join(list(datasets)[:3])})"
        )
    return WeightSource(path, "keras.applications .h5", by_published_name(backbone, path))


def _datasets(file: h5py.File, path: str) -> dict[str, StoredTensor]:
    """Return {name inside its layer's group, without ":0": tensor}."""
    found: dict[str, StoredTensor] = {}
    root = file.get("model_weights", file)

    def collect(
        name: str, item: h5py.Group | h5py.Dataset
    ) -> None:  # h5py visits neither soft nor external links
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            if item.external or item.is_virtual:
                raise DataError(
                    f"weights {path}: expected all numbers in this file, {name} keeps them in "
                    "another; give a self-contained file"
                )
            found[name.partition("/")[2].removesuffix(":0")] = StoredTensor(
                item.shape, lambda: _numbers(item, path)
            )

    root.visititems(collect)
    return found


def _numbers(dataset: h5py.Dataset, path: str) -> np.ndarray:
    try:
        return np.asarray(dataset)
    except (OSError, ValueError) as error:
        raise DataError(
            f"weights {path}: expected a whole .h5 file, {dataset.name} cannot be read ({error}); "
            "fetch it again"
        ) from error


def _application_tensors(datasets: dict[str, StoredTensor]) -> list[BackboneTensor]:
    """Return the tensors of a keras.applications EfficientNet by their roles.

    keras.applications counts by stage and letter (block2a, block2b ...); ours count on.
    """
    names = {name: _BLOCK.match(name) for name in datasets}
    order = sorted({(int(match[1]), match[2]) for match in names.values() if match})
    tensors = []
    for name, tensor in datasets.items():
        match, (layer, _, leaf) = names[name], name.partition("/")
        block = order.index((int(match[1]), match[2])) if match else None
        part = _BLOCK_PARTS.get(match[3]) if match else _OUTSIDE_PARTS.get(layer)
        if part:
            leaf = "depthwise_kernel" if part == "depthwise_conv" else leaf
            tensors.append(BackboneTensor(block, part, leaf, tensor))
    return tensors
