"""MobileNetV2 feature extractor (Sandler et al. 2018), layers named as in keras.applications."""

from __future__ import annotations

from dataclasses import dataclass

from keras import KerasTensor, layers

from algorithm.models.layers import Conv2D, DepthwiseConv2D, activation, batch_norm
from algorithm.models.recomputed_pieces import Piece

_EPSILON = 1e-3
_STEM_FILTERS = 32


@dataclass(frozen=True)
class MobileNetSpec:
    """width: factor on the channels (the paper's alpha); channels stay multiples of 8."""

    width: float = 1.0


MOBILENETS: dict[str, MobileNetSpec] = {"mobilenet-v2": MobileNetSpec()}
# Table 2 of the paper: expansion, channels, repeats, stride of the first block.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_CHANNEL_MULTIPLE = 8


def _channels(count: int, width: float) -> int:
    """`count` scaled by `width` to the nearest multiple of 8, never more than 10 % below."""
    scaled = count * width
    rounded = max(
        _CHANNEL_MULTIPLE,
        int(scaled + _CHANNEL_MULTIPLE / 2) // _CHANNEL_MULTIPLE * _CHANNEL_MULTIPLE,
    )
    return rounded + _CHANNEL_MULTIPLE if rounded < 0.9 * scaled else rounded


def _block(
    x: KerasTensor, expansion: int, outputs: int, stride: int, scope: str, momentum: float
) -> KerasTensor:
    inputs, shortcut = x.shape[-1], x
    if expansion != 1:
        x = Conv2D(expansion * inputs, 1, use_bias=False, name=f"{scope}expand")(x)
        x = activation(f"{scope}expand_relu", "relu6")(
            batch_norm(f"{scope}expand_BN", momentum, _EPSILON)(x)
        )
    x = DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"{scope}depthwise")(x)
    x = activation(f"{scope}depthwise_relu", "relu6")(
        batch_norm(f"{scope}depthwise_BN", momentum, _EPSILON)(x)
    )
    x = Conv2D(outputs, 1, use_bias=False, name=f"{scope}project")(x)
    x = batch_norm(f"{scope}project_BN", momentum, _EPSILON)(x)
    return layers.Add(name=f"{scope}add")([shortcut, x]) if stride == 1 and inputs == outputs else x


def mobilenet_features(
    images: KerasTensor, backbone: str, momentum: float, pieces: list[Piece]
) -> dict[int, KerasTensor]:
    """Build the backbone.

    Args:
        images: Normalised, [B, H, W, 3].
        backbone: Its name.
        momentum: Of the moving batch-norm statistics.
        pieces: Each block is added to them.

    Returns:
        Feature maps by level, 1 (stride 2) to 5 (stride 32).
    """
    width = MOBILENETS[backbone].width
    x = Conv2D(
        _channels(_STEM_FILTERS, width),
        3,
        2,
        padding="same",
        use_bias=False,
        name=f"{backbone}.Conv1",
    )(images)
    x = activation(f"{backbone}.Conv1_relu", "relu6")(
        batch_norm(f"{backbone}.bn_Conv1", momentum, _EPSILON)(x)
    )
    features: dict[int, KerasTensor] = {}
    number, level, before = 0, 0, images
    for expansion, channels, repeats, first_stride in _STAGES:
        for index in range(repeats):
            stride = 1 if index else first_stride
            scope = f"{backbone}.block_{number}_" if number else f"{backbone}.expanded_conv_"
            level += stride == 2
            x = _block(x, expansion, _channels(channels, width), stride, scope, momentum)
            pieces.append(Piece([before], [x]))
            features[level + 1] = before = x
            number += 1
    return features
