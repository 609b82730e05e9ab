"""EfficientNet and EfficientNet-Lite feature extractors (Tan & Le 2019).

They are layer for layer as published. Layer names are the published variable scopes with "." for
"/", so that checkpoints map by name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from keras import KerasTensor, initializers, layers

from algorithm.models.layers import Conv2D, DepthwiseConv2D, StochasticDepth, activation, batch_norm
from algorithm.models.recomputed_pieces import Piece
from algorithm.models.zoo import BACKBONES, BackboneSpec


@dataclass(frozen=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


# Table 1 of the EfficientNet paper (B0); every other network scales these rows.
_STAGES = (
    _Stage(1, 3, 1, 1, 32, 16),
    _Stage(2, 3, 2, 6, 16, 24),
    _Stage(2, 5, 2, 6, 24, 40),
    _Stage(3, 3, 2, 6, 40, 80),
    _Stage(3, 5, 1, 6, 80, 112),
    _Stage(4, 5, 2, 6, 112, 192),
    _Stage(1, 3, 1, 6, 192, 320),
)
_STEM_FILTERS = 32
_CHANNEL_MULTIPLE = 8
_SQUEEZE_RATIO = 0.25


def round_filters(filters: int, width: float) -> int:
    """Scale `filters` by `width` to the nearest multiple of 8, never more than 10 % below."""
    if width == 1.0:
        return filters
    scaled = filters * width
    rounded = max(
        _CHANNEL_MULTIPLE,
        int(scaled + _CHANNEL_MULTIPLE / 2) // _CHANNEL_MULTIPLE * _CHANNEL_MULTIPLE,
    )
    return rounded + _CHANNEL_MULTIPLE if rounded < 0.9 * scaled else rounded


@dataclass(frozen=True)
class Block:
    """One inverted-bottleneck block after scaling."""

    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


def scaled_blocks(spec: BackboneSpec) -> tuple[Block, ...]:
    """List all blocks of a backbone; only the first of a stage strides and changes the width."""
    blocks: list[Block] = []
    for number, stage in enumerate(_STAGES):
        fixed = spec.fixed_stem_and_head and number in (0, len(_STAGES) - 1)
        repeats = stage.repeats if fixed else math.ceil(stage.repeats * spec.depth)
        stem_width = number == 0 and spec.fixed_stem_and_head
        inputs = stage.inputs if stem_width else round_filters(stage.inputs, spec.width)
        outputs = round_filters(stage.outputs, spec.width)
        blocks.append(Block(stage.kernel, stage.stride, stage.expansion, inputs, outputs))
        blocks += [Block(stage.kernel, 1, stage.expansion, outputs, outputs)] * (repeats - 1)
    return tuple(blocks)


def _fan_out_normal(kernel: int, filters: int) -> initializers.Initializer:
    return initializers.RandomNormal(stddev=math.sqrt(2.0 / (kernel * kernel * filters)))


def _conv(filters: int, kernel: int, name: str, stride: int = 1, use_bias: bool = False) -> Conv2D:
    return Conv2D(
        filters,
        kernel,
        stride,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=_fan_out_normal(kernel, filters),
        name=name,
    )


def _squeeze_excite(x: KerasTensor, block: Block, spec: BackboneSpec, scope: str) -> KerasTensor:
    filters = x.shape[-1]
    reduced = max(1, int(block.inputs * _SQUEEZE_RATIO))
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{scope}.se.pool")(x)
    gate = _conv(reduced, 1, f"{scope}.se.conv2d", use_bias=True)(gate)
    gate = activation(f"{scope}.se.activation", spec.activation)(gate)
    gate = _conv(filters, 1, f"{scope}.se.conv2d_1", use_bias=True)(gate)
    gate = layers.Activation("sigmoid", name=f"{scope}.se.sigmoid")(gate)
    return layers.Multiply(name=f"{scope}.se.excite")([x, gate])


def _mbconv(
    x: KerasTensor, block: Block, spec: BackboneSpec, scope: str, drop_rate: float
) -> KerasTensor:
    """Build an inverted bottleneck.

    Published names number the 1x1 convolutions and the batch norms in order of use.

    Random weights differ from the published ones in two things
    (docs/research/2026-11-27-starting-weights.md). A block with a shortcut begins as the shortcut
    alone (Goyal et al. 2017, section 5.1): otherwise a picture of more contrast than its batch
    comes out of each block further from the others, which batch statistics hide in training and
    moving ones show in evaluation. Depthwise kernels begin smaller by the root of their number.
    """
    shortcut, filters = x, block.inputs * block.expansion
    convs = iter(("conv2d", "conv2d_1"))
    norms = iter(
        ("tpu_batch_normalization", "tpu_batch_normalization_1", "tpu_batch_normalization_2")
    )
    if block.expansion != 1:
        x = _conv(filters, 1, f"{scope}.{next(convs)}")(x)
        x = batch_norm(f"{scope}.{next(norms)}")(x)
        x = activation(f"{scope}.expand_activation", spec.activation)(x)
    x = DepthwiseConv2D(
        block.kernel,
        block.stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=_fan_out_normal(block.kernel, filters),
        name=f"{scope}.depthwise_conv2d",
    )(x)
    x = batch_norm(f"{scope}.{next(norms)}")(x)
    x = activation(f"{scope}.depthwise_activation", spec.activation)(x)
    if spec.squeeze_excite:
        x = _squeeze_excite(x, block, spec, scope)
    x = _conv(block.outputs, 1, f"{scope}.{next(convs)}")(x)
    has_shortcut = block.stride == 1 and block.inputs == block.outputs
    x = batch_norm(f"{scope}.{next(norms)}", gamma="zeros" if has_shortcut else "ones")(x)
    if not has_shortcut:
        return x
    if drop_rate:
        x = StochasticDepth(drop_rate, name=f"{scope}.stochastic_depth")(x)
    return layers.Add(name=f"{scope}.add")([x, shortcut])


def efficientnet_features(
    images: KerasTensor, backbone: str, survival_probability: float | None, pieces: list[Piece]
) -> dict[int, KerasTensor]:
    """Build the backbone.

    Args:
        images: Normalised, [B, H, W, 3].
        backbone: A name of BACKBONES.
        survival_probability: Stochastic depth; None means that of the row, 0 none.
        pieces: Each block is added to them.

    Returns:
        Feature maps by level, 1 (stride 2) to 5 (stride 32).
    """
    spec = BACKBONES[backbone]
    survival = spec.survival_probability if survival_probability is None else survival_probability
    blocks = scaled_blocks(spec)
    stem = _STEM_FILTERS if spec.fixed_stem_and_head else round_filters(_STEM_FILTERS, spec.width)
    x = _conv(stem, 3, f"{backbone}.stem.conv2d", stride=2)(images)
    x = batch_norm(f"{backbone}.stem.tpu_batch_normalization")(x)
    x = activation(f"{backbone}.stem.activation", spec.activation)(x)
    features: dict[int, KerasTensor] = {}
    before = images
    for index, block in enumerate(blocks):
        drop_rate = (1.0 - survival) * index / len(blocks) if survival else 0.0
        x = _mbconv(x, block, spec, f"{backbone}.blocks_{index}", drop_rate)
        pieces.append(Piece([before], [x]))
        before = x
        if index + 1 == len(blocks) or blocks[index + 1].stride == 2:
            features[len(features) + 1] = x
    return features
