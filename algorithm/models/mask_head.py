"""The mask head: prototypes of the whole picture, and what mixes them for each anchor.

Bolya et al. 2019, "YOLACT: Real-time Instance Segmentation" (arXiv 1904.02689), with coefficients
and prototypes that are plain numbers: their product is the logit of a cell. Nine more numbers of
each anchor add a surface over its box.
"""

from __future__ import annotations

import numpy as np
from keras import KerasTensor, initializers, layers

from algorithm.models.heads import SEPARABLE, head, per_anchor
from algorithm.models.layers import activation, batch_norm, upsample_nearest
from algorithm.models.recomputed_pieces import Piece
from algorithm.models.zoo import Preset
from algorithm.ops.mask_grid import PROTOTYPES, SHAPE_TERMS, mask_grid

MASK_OUTPUTS = ("mask_coefficients", "prototypes")
_BEFORE, _AFTER = 3, 1  # convolutions of the prototypes at stride 8 and at stride 4
_SMALL = 0.01  # of the coefficients: every mask begins near the ellipse
_ELLIPSE = (1.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0)  # 1 - u**2 - v**2 of `box_shapes`


def mask_head(
    features: list[KerasTensor],
    preset: Preset,
    image_size: tuple[int, int],
    num_anchors: int,
    pieces: list[Piece],
) -> dict[str, KerasTensor]:
    """Build the mask head beside heads that are already built.

    Args:
        features: Of the neck, each [B, h, w, C], that of stride 8 first.
        preset: The row of the network.
        image_size: (height, width) of the network's input.
        num_anchors: Anchors of a cell.
        pieces: The head of each level joins the piece of its level; the prototypes come before.

    Returns:
        mask_coefficients float32 [B, A, 41], A as in `detection_heads`, of 32 prototypes and the
        terms of `box_shapes`; prototypes float32 [B, h, w, 32] on the grid of `mask_grid`.
    """
    size = PROTOTYPES + SHAPE_TERMS
    coefficients = head(
        features,
        preset,
        "mask_net",
        "mask",
        num_anchors * size,
        np.tile([0.0] * PROTOTYPES + [*_ELLIPSE], num_anchors),
        style=SEPARABLE,
        last=initializers.RandomNormal(stddev=_SMALL),
    )
    mixed = _mixed(features[0], preset, mask_grid(image_size))
    prototypes = layers.Conv2D(
        PROTOTYPES,
        1,
        name="proto_net.proto-predict",
        kernel_initializer=initializers.VarianceScaling(),
    )(mixed)
    for piece, level in zip(pieces[-len(features) :], coefficients, strict=True):
        piece.outputs.append(level)
    pieces.insert(len(pieces) - len(features), Piece([features[0]], [mixed]))
    return {
        "mask_coefficients": per_anchor(coefficients, size, "mask_coefficients"),
        "prototypes": layers.Activation("linear", name="prototypes", dtype="float32")(prototypes),
    }


def _mixed(x: KerasTensor, preset: Preset, grid: tuple[int, int]) -> KerasTensor:
    channels, norm = preset.head_channels or preset.fpn_channels, preset.batch_norm
    for i in range(_BEFORE + _AFTER):
        if i == _BEFORE:
            x = upsample_nearest(*grid, name="proto_net.upsample")(x)
        x = SEPARABLE.conv(channels, f"proto_net.proto-{i}", 0.0)(x)
        x = batch_norm(f"proto_net.proto-{i}-bn", norm.momentum, norm.epsilon)(x)
        x = activation(f"proto_net.proto-{i}-activation", preset.activation)(x)
    return x
