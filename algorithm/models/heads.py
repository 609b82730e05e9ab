"""Class and box heads: convolutions shared by the levels, with batch norm per level.

Separable ones are EfficientDet's (section 4), plain ones RetinaNet's (focal loss paper, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from keras import KerasTensor, initializers, layers

from algorithm.models.layers import Conv2D, SeparableConv2D, activation, batch_norm
from algorithm.models.recomputed_pieces import Piece
from algorithm.models.zoo import Preset

# Every anchor starts with this probability of being an object (focal loss paper, section 4.1).
_PRIOR_PROBABILITY = 0.01
CLASS_BIAS = -math.log((1.0 - _PRIOR_PROBABILITY) / _PRIOR_PROBABILITY)


def _separable(
    filters: int,
    name: str,
    bias: float | np.ndarray = 0.0,
    last: initializers.Initializer | None = None,
) -> layers.Layer:
    return SeparableConv2D(
        filters,
        3,
        padding="same",
        name=name,
        depthwise_initializer=initializers.VarianceScaling(),
        pointwise_initializer=last or initializers.VarianceScaling(),
        bias_initializer=initializers.Constant(bias),
    )


def _plain(
    filters: int, name: str, bias: float | np.ndarray = 0.0, *, stddev: float
) -> layers.Layer:
    return Conv2D(
        filters,
        3,
        padding="same",
        name=name,
        kernel_initializer=initializers.RandomNormal(stddev=stddev),
        bias_initializer=initializers.Constant(bias),
    )


@dataclass(frozen=True)
class _Style:
    """How a kind of head is built.

    Attributes:
        conv: Takes (filters, name, bias) and returns a layer.
        predict: As `conv`, for the last layer.
        norm: What stands between a convolution's number and the level in the name of a batch norm.
    """

    conv: Callable[..., layers.Layer]
    predict: Callable[..., layers.Layer]
    norm: str


# Standard deviations as published; so small a predictor begins with the same answer everywhere.
SEPARABLE = _Style(_separable, _separable, "-bn-")
_STYLES = {
    "separable": SEPARABLE,
    "plain": _Style(partial(_plain, stddev=0.01), partial(_plain, stddev=1e-5), "-"),
}


def head(
    features: list[KerasTensor],
    preset: Preset,
    scope: str,
    stem: str,
    outputs: int,
    bias: float | np.ndarray = 0.0,
    *,
    style: _Style | None = None,
    last: initializers.Initializer | None = None,
) -> list[KerasTensor]:
    """Build one head: convolutions and a predictor that all levels share.

    Args:
        features: Of the neck, each [B, h, w, C], the finest level first.
        preset: The row of the network.
        scope: What the names of the layers begin with.
        stem: What their second part begins with.
        outputs: Channels of the predictor.
        bias: What its bias begins with, [outputs] or a number for all.
        style: None for that of the preset.
        last: What the predictor's kernel begins with; None for that of the style.

    Returns:
        For each level [B, h, w, outputs].
    """
    style, norm, channels = (
        style or _STYLES[preset.head],
        preset.batch_norm,
        preset.head_channels or preset.fpn_channels,
    )
    convs = [style.conv(channels, f"{scope}.{stem}-{i}") for i in range(preset.head_repeats)]
    predict = style.predict(
        outputs, f"{scope}.{stem}-predict", bias, **({"last": last} if last else {})
    )
    results = []
    for level, x in enumerate(features, start=preset.min_level):
        for i, conv in enumerate(convs):
            x = batch_norm(f"{scope}.{stem}-{i}{style.norm}{level}", norm.momentum, norm.epsilon)(
                conv(x)
            )
            x = activation(f"{scope}.{stem}-{i}-activation-{level}", preset.activation)(x)
        results.append(predict(x))
    return results


def per_anchor(levels: list[KerasTensor], size: int, name: str) -> KerasTensor:
    """Put levels [B, h, w, anchors * size] together as float32 [B, A, size]."""
    flat = [layers.Reshape((-1, size), name=f"{name}.flat_{i}")(x) for i, x in enumerate(levels)]
    return layers.Concatenate(axis=1, name=name, dtype="float32")(flat)


def detection_heads(
    features: list[KerasTensor],
    preset: Preset,
    num_classes: int,
    num_anchors: int,
    pieces: list[Piece],
) -> dict[str, KerasTensor]:
    """Build the heads.

    Args:
        features: Of the neck, each [B, h, w, C], the finest level first.
        preset: The row of the network.
        num_classes: K.
        num_anchors: Anchors of a cell.
        pieces: The heads of each level are added to them.

    Returns:
        class_logits float32 [B, A, K] and box_deltas float32 [B, A, 4]; A runs over levels, rows,
        columns, anchors.
    """
    logits = head(features, preset, "class_net", "class", num_anchors * num_classes, CLASS_BIAS)
    deltas = head(features, preset, "box_net", "box", num_anchors * 4, 0.0)
    pieces += [
        Piece([feature], [*outputs])
        for feature, *outputs in zip(features, logits, deltas, strict=True)
    ]
    return {
        "class_logits": per_anchor(logits, num_classes, "class_logits"),
        "box_deltas": per_anchor(deltas, 4, "box_deltas"),
    }
