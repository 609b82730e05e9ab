"""Feature Pyramid Network with RetinaNet's two extra levels (Lin et al. 2017).

The names are those of the Cloud TPU tutorial.
"""

from __future__ import annotations

from keras import KerasTensor, layers

from algorithm.models.layers import Conv2D, activation, batch_norm, upsample_nearest
from algorithm.models.recomputed_pieces import Piece
from algorithm.models.zoo import Preset


def fpn_features(
    backbone: dict[int, KerasTensor], preset: Preset, pieces: list[Piece]
) -> list[KerasTensor]:
    """Build the pyramid.

    Args:
        backbone: Features [B, h, w, C] by level.
        preset: The row of the network.
        pieces: The whole pyramid is added to them.

    Returns:
        Features of levels min_level to max_level, each [B, h, w, fpn_channels].
    """
    deepest = max(backbone)
    taken = {level: x for level, x in backbone.items() if level >= preset.min_level}
    features = {level: _conv(x, preset, f"l{level}", kernel=1) for level, x in taken.items()}
    for level in range(deepest - 1, preset.min_level - 1, -1):
        height, width = features[level].shape[1:3]
        above = upsample_nearest(height, width, f"fpn.d{level}.upsample")(features[level + 1])
        features[level] = layers.Add(name=f"fpn.d{level}.add")([above, features[level]])
    features = {level: _conv(x, preset, f"post_hoc_d{level}") for level, x in features.items()}
    for level in range(deepest + 1, preset.max_level + 1):
        below = features[level - 1]
        if level > deepest + 1:
            below = activation(f"fpn.p{level - 1}.activation", "relu")(below)
        features[level] = _conv(below, preset, f"p{level}", stride=2)
    norm = preset.batch_norm
    results = [
        batch_norm(f"fpn.p{level}-bn", norm.momentum, norm.epsilon)(features[level])
        for level in range(preset.min_level, preset.max_level + 1)
    ]
    pieces.append(Piece([*taken.values()], results))
    return results


def _conv(
    x: KerasTensor, preset: Preset, name: str, kernel: int = 3, stride: int = 1
) -> KerasTensor:
    return Conv2D(preset.fpn_channels, kernel, stride, padding="same", name=f"fpn.{name}")(x)
