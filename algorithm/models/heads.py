"""Class and box heads: shared separable convolutions with batch norm per level (EfficientDet, section 4)."""

from __future__ import annotations

import math

from keras import KerasTensor, initializers, layers

from algorithm.models.layers import activation, batch_norm
from algorithm.models.pieces import Piece
from algorithm.models.presets import Preset

# Every anchor starts with this probability of being an object (focal loss paper, section 4.1).
_PRIOR_PROBABILITY = 0.01
CLASS_BIAS = -math.log((1.0 - _PRIOR_PROBABILITY) / _PRIOR_PROBABILITY)


def _separable(filters: int, name: str, bias: float = 0.0) -> layers.SeparableConv2D:
    return layers.SeparableConv2D(filters, 3, padding="same", name=name,
                                  depthwise_initializer=initializers.VarianceScaling(),
                                  pointwise_initializer=initializers.VarianceScaling(),
                                  bias_initializer=initializers.Constant(bias))


def _head(features: list[KerasTensor], preset: Preset, scope: str, stem: str, outputs: int, bias: float) -> list[KerasTensor]:
    convs = [_separable(preset.fpn_channels, f"{scope}.{stem}-{i}") for i in range(preset.head_repeats)]
    predict = _separable(outputs, f"{scope}.{stem}-predict", bias)
    results = []
    for level, x in enumerate(features, start=preset.min_level):
        for i, conv in enumerate(convs):
            x = batch_norm(f"{scope}.{stem}-{i}-bn-{level}")(conv(x))
            x = activation(f"{scope}.{stem}-{i}-activation-{level}", preset.activation)(x)
        results.append(predict(x))
    return results


def _per_anchor(levels: list[KerasTensor], size: int, name: str) -> KerasTensor:
    flat = [layers.Reshape((-1, size), name=f"{name}.flat_{i}")(x) for i, x in enumerate(levels)]
    return layers.Concatenate(axis=1, name=name, dtype="float32")(flat)


def detection_heads(features: list[KerasTensor], preset: Preset, num_classes: int, num_anchors: int,
                    pieces: list[Piece]) -> dict[str, KerasTensor]:
    """{"class_logits": float32 [B, A, num_classes], "box_deltas": float32 [B, A, 4]}; A runs over levels, rows, columns, anchors.

    pieces: the heads of each level are added to them.
    """
    logits = _head(features, preset, "class_net", "class", num_anchors * num_classes, CLASS_BIAS)
    deltas = _head(features, preset, "box_net", "box", num_anchors * 4, 0.0)
    pieces += [Piece([feature], [*outputs]) for feature, *outputs in zip(features, logits, deltas, strict=True)]
    return {
        "class_logits": _per_anchor(logits, num_classes, "class_logits"),
        "box_deltas": _per_anchor(deltas, 4, "box_deltas"),
    }
