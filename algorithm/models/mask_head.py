"""The mask head: prototypes of the whole picture, and what mixes them for each anchor.

Bolya et al. 2019, "YOLACT: Real-time Instance Segmentation" (arXiv 1904.02689), with coefficients
and prototypes that are plain numbers: their product is the logit of a cell. 36 more numbers of
each anchor add a surface over its box.
"""

from __future__ import annotations

import numpy as np
from keras import KerasTensor, initializers, layers

from algorithm.models.heads import SEPARABLE, head, per_anchor
from algorithm.models.layers import Conv2D, activation, batch_norm, upsample_nearest
from algorithm.models.recomputed_pieces import Piece
from algorithm.models.zoo import Preset
from algorithm.ops.mask_grid import PROTOTYPES, SHAPE_DEGREE, SHAPE_TERMS, mask_grid

MASK_OUTPUTS = ("mask_coefficients", "prototypes")
_BEFORE, _AFTER = 3, 1  # convolutions of the prototypes at stride 8 and at stride 4
_SMALL = 0.01  # of the coefficients: every mask begins near the ellipse
# 1 - u**2 - v**2 in Legendre's polynomials: u**2 is a third of 1 and two thirds of the second.
_ELLIPSE = {0: 1 / 3, 2: -2 / 3, 2 * (SHAPE_DEGREE + 1): -2 / 3}


def mask_head(
    features: list[KerasTensor],
    preset: Preset,
    image_size: tuple[int, int],
    num_anchors: int,
    pieces: list[Piece],
    backbone: KerasTensor,
) -> dict[str, KerasTensor]:
    """Build the mask head beside heads that are already built.

    Args:
        features: Of the neck, each [B, h, w, C], that of stride 8 first.
        preset: The row of the network.
        image_size: (height, width) of the network's input.
        num_anchors: Anchors of a cell.
        pieces: The head of each level joins the piece of its level; the prototypes come before.
        backbone: What the backbone gives at stride 16, [B, h, w, C]. It tells objects from their
            surroundings better than the neck does, which was trained for boxes.

    Returns:
        mask_coefficients float32 [B, A, 68], A as in `detection_heads`, of 32 prototypes and the
        terms of `box_shapes`; prototypes float32 [B, h, w, 32] on the grid of `mask_grid`.
    """
    size = PROTOTYPES + SHAPE_TERMS
    ellipse = [_ELLIPSE.get(term, 0.0) for term in range(SHAPE_TERMS)]
    coefficients = head(
        features,
        preset,
        "mask_net",
        "mask",
        num_anchors * size,
        np.tile([0.0] * PROTOTYPES + ellipse, num_anchors),
        style=SEPARABLE,
        last=initializers.RandomNormal(stddev=_SMALL),
    )
    mixed = _mixed(_with_backbone(features[0], backbone, preset), preset, mask_grid(image_size))
    prototypes = Conv2D(
        PROTOTYPES,
        1,
        name="proto_net.proto-predict",
        kernel_initializer=initializers.VarianceScaling(),
    )(mixed)
    for piece, level in zip(pieces[-len(features) :], coefficients, strict=True):
        piece.outputs.append(level)
    pieces.insert(len(pieces) - len(features), Piece([features[0], backbone], [mixed]))
    return {
        "mask_coefficients": per_anchor(coefficients, size, "mask_coefficients"),
        "prototypes": layers.Activation("linear", name="prototypes", dtype="float32")(prototypes),
    }


def _with_backbone(feature: KerasTensor, backbone: KerasTensor, preset: Preset) -> KerasTensor:
    norm = preset.batch_norm
    x = Conv2D(feature.shape[-1], 1, use_bias=False, name="proto_net.lateral")(backbone)
    x = batch_norm("proto_net.lateral-bn", norm.momentum, norm.epsilon)(x)
    height, width = feature.shape[1:3]
    x = upsample_nearest(height, width, name="proto_net.lateral-upsample")(x)
    return layers.Add(name="proto_net.lateral-add")([feature, x])


def _mixed(x: KerasTensor, preset: Preset, grid: tuple[int, int]) -> KerasTensor:
    channels, norm = preset.head_channels or preset.fpn_channels, preset.batch_norm
    for i in range(_BEFORE + _AFTER):
        if i == _BEFORE:
            x = upsample_nearest(*grid, name="proto_net.upsample")(x)
        x = SEPARABLE.conv(channels, f"proto_net.proto-{i}", 0.0)(x)
        x = batch_norm(f"proto_net.proto-{i}-bn", norm.momentum, norm.epsilon)(x)
        x = activation(f"proto_net.proto-{i}-activation", preset.activation)(x)
    return x
