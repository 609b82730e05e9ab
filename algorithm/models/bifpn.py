"""BiFPN: weighted bidirectional feature fusion (EfficientDet, section 3), names as published."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import KerasTensor, layers, ops

from algorithm.models.layers import (
    Conv2D,
    SeparableConv2D,
    activation,
    batch_norm,
    upsample_nearest,
)
from algorithm.models.recomputed_pieces import Piece
from algorithm.models.zoo import Preset

_FUSION_EPSILON = 1e-4


@dataclass(frozen=True)
class Node:
    """A fusion.

    Attributes:
        level: The pyramid level it lives on.
        inputs: The earlier features it takes (inputs, then nodes, counted in order).
    """

    level: int
    inputs: tuple[int, ...]


def bifpn_nodes(min_level: int, max_level: int) -> tuple[Node, ...]:
    """List the nodes of one cell (EfficientDet, figure 2d).

    Returns:
        The top-down path from max_level - 1, then the bottom-up path to max_level.
    """
    count = max_level - min_level + 1
    latest = {level: [level - min_level] for level in range(min_level, max_level + 1)}
    nodes: list[Node] = []

    def add(level: int, inputs: tuple[int, ...]) -> None:
        nodes.append(Node(level, inputs))
        latest[level].append(count + len(nodes) - 1)

    for level in range(max_level - 1, min_level - 1, -1):
        add(level, (latest[level][-1], latest[level + 1][-1]))
    for level in range(min_level + 1, max_level + 1):
        add(level, (*latest[level], latest[level - 1][-1]))
    return tuple(nodes)


@keras.saving.register_keras_serializable("algorithm")
class FastFusion(layers.Layer):
    """Fast normalised fusion (EfficientDet, section 3.3).

    It is the sum of relu(w_i) x_i / (sum of relu(w_j) + e). The weights start at 1; e is 1e-4.
    """

    def build(self, input_shapes):
        """Make one weight for each input."""
        self.fusion_weights = [
            self.add_weight(shape=(), initializer="ones", name="WSM" if i == 0 else f"WSM_{i}")
            for i in range(len(input_shapes))
        ]

    def call(self, inputs):
        """Fuse inputs of one shape [B, h, w, C]."""
        weights = [ops.relu(ops.cast(weight, inputs[0].dtype)) for weight in self.fusion_weights]
        total = sum(weights[1:], weights[0]) + _FUSION_EPSILON
        return sum(x * (weight / total) for x, weight in zip(inputs, weights, strict=True))

    def compute_output_shape(self, input_shapes):
        """Return the shape of the first input."""
        return input_shapes[0]


def _resample(x: KerasTensor, target: tuple[int, int], channels: int, scope: str) -> KerasTensor:
    """Change to `channels` by a 1x1 convolution where they differ, then to the target size."""
    if x.shape[-1] != channels:
        x = Conv2D(channels, 1, name=f"{scope}.conv2d")(x)
        x = batch_norm(f"{scope}.bn")(x)
    height, width = x.shape[1:3]
    if height > target[0] or width > target[1]:
        strides = ((height - 1) // target[0] + 1, (width - 1) // target[1] + 1)
        pool = (strides[0] + 1, strides[1] + 1)
        return layers.MaxPooling2D(pool, strides, padding="same", name=f"{scope}.pool")(x)
    if (height, width) != target:
        return upsample_nearest(*target, name=f"{scope}.upsample")(x)
    return x


def _fuse(inputs: list[KerasTensor], fusion: str, scope: str) -> KerasTensor:
    if fusion == "fastattn":
        return FastFusion(name=scope)(inputs)
    return layers.Add(name=scope)(inputs)


def _cell(features: list[KerasTensor], preset: Preset, number: int) -> list[KerasTensor]:
    feats, channels = list(features), preset.fpn_channels
    newest: dict[int, KerasTensor] = {}
    for index, node in enumerate(bifpn_nodes(preset.min_level, preset.max_level)):
        scope = f"fpn_cells.cell_{number}.fnode{index}"
        target = tuple(feats[node.level - preset.min_level].shape[1:3])
        inputs = [
            _resample(
                feats[offset],
                target,
                channels,
                f"{scope}.resample_{position}_{offset}_{len(feats)}",
            )
            for position, offset in enumerate(node.inputs)
        ]
        combine = f"{scope}.op_after_combine{len(feats)}"
        x = _fuse(inputs, preset.fusion, scope)
        x = activation(f"{combine}.activation", preset.activation)(x)
        x = SeparableConv2D(channels, 3, padding="same", name=f"{combine}.conv")(x)
        x = batch_norm(f"{combine}.bn")(x)
        feats.append(x)
        newest[node.level] = x
    return [newest[level] for level in range(preset.min_level, preset.max_level + 1)]


def bifpn_features(
    backbone: dict[int, KerasTensor], preset: Preset, pieces: list[Piece]
) -> list[KerasTensor]:
    """Fuse backbone features, cell after cell.

    Args:
        backbone: Features [B, h, w, C] by level.
        preset: The row of the network.
        pieces: Each cell is added to them.

    Returns:
        Features of levels min_level to max_level, each [B, h, w, fpn_channels].
    """
    deepest = max(backbone)
    features = before = [backbone[level] for level in range(preset.min_level, deepest + 1)]
    for level in range(deepest + 1, preset.max_level + 1):
        height, width = features[-1].shape[1:3]
        target = ((height - 1) // 2 + 1, (width - 1) // 2 + 1)
        features = [
            *features,
            _resample(features[-1], target, preset.fpn_channels, f"resample_p{level}"),
        ]
    for number in range(preset.fpn_cells):
        features = _cell(features, preset, number)
        pieces.append(Piece(before, features))
        before = features
    return features
