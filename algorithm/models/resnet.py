"""ResNet v1 feature extractors (He et al. 2016).

They are layer for layer and name for name as in the Cloud TPU RetinaNet tutorial. The published
scopes number convolutions and batch norms in the order of use; a block's projection comes first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from keras import KerasTensor, initializers, layers

from algorithm.models.layers import Conv2D, batch_norm
from algorithm.models.recomputed_pieces import Piece
from algorithm.models.zoo import BatchNormSpec

_STEM_FILTERS = 64
_WIDENING = 4  # a bottleneck block ends with this many times its filters
FIRST_LEVEL = 2


@dataclass(frozen=True)
class ResNetSpec:
    """One ResNet.

    Attributes:
        blocks: Bottleneck blocks of each of the four groups.
        classic: As in the paper and keras.applications, a block strides in its first 1x1
            convolution, not in the 3x3 one, and the first pool is padded on both sides.
    """

    blocks: tuple[int, int, int, int]
    classic: bool = False

    @property
    def convolutions(self) -> int:
        """How many there are: the first one, three per block, a projection per group."""
        return 1 + 3 * sum(self.blocks) + len(self.blocks)

    def number(self, group: int, block: int, part: int) -> int:
        """Return the place of a convolution in the order of use.

        Args:
            group: The group, from 0.
            block: The block in its group, from 0.
            part: 0 is the projection of a group's first block, 1 to 3 are the others.

        Returns:
            The place, from 0 for the first convolution of all.
        """
        before = sum(3 * count + 1 for count in self.blocks[:group])
        return 1 + before + 3 * block + part


RESNETS: dict[str, ResNetSpec] = {
    "resnet50": ResNetSpec((3, 4, 6, 3)),
    "resnet101": ResNetSpec((3, 4, 23, 3)),
}


@dataclass
class _Builder:
    """Makes a backbone's layers with numbered names."""

    scope: str
    norm: BatchNormSpec
    numbers: Iterator[int]

    def conv_norm(
        self, x: KerasTensor, filters: int, kernel: int, stride: int = 1, gamma: str = "ones"
    ) -> KerasTensor:
        """Add a convolution without bias, padded on both sides where it strides, and its norm."""
        number = next(self.numbers)
        suffix = f"_{number}" if number else ""
        if stride > 1 and kernel > 1:
            x = layers.ZeroPadding2D(kernel // 2, name=f"{self.scope}.pad{suffix}")(x)
        x = Conv2D(
            filters,
            kernel,
            stride,
            padding="same" if stride == 1 else "valid",
            use_bias=False,
            kernel_initializer=initializers.VarianceScaling(),
            name=f"{self.scope}.conv2d{suffix}",
        )(x)
        return batch_norm(
            f"{self.scope}.batch_normalization{suffix}",
            self.norm.momentum,
            self.norm.epsilon,
            gamma,
        )(x)

    def relu(self, x: KerasTensor, name: str) -> KerasTensor:
        return layers.Activation("relu", name=f"{self.scope}.{name}")(x)

    def bottleneck(
        self, x: KerasTensor, filters: int, stride: int, project: bool, classic: bool, name: str
    ) -> KerasTensor:
        """Add relu(shortcut + three convolutions).

        The last scale begins at 0, so that a new block passes on what it is given.

        Args:
            x: [B, h, w, C].
            filters: Channels of the first two convolutions; the third has four times as many.
            stride: The stride of the block.
            project: Whether the shortcut is a convolution.
            classic: Whether the first convolution strides, else the second.
            name: The block's name.

        Returns:
            [B, h / stride, w / stride, 4 * filters].
        """
        shortcut = self.conv_norm(x, _WIDENING * filters, 1, stride) if project else x
        first, second = (stride, 1) if classic else (1, stride)
        x = self.relu(self.conv_norm(x, filters, 1, first), f"{name}.activation")
        x = self.relu(self.conv_norm(x, filters, 3, second), f"{name}.activation_1")
        x = self.conv_norm(x, _WIDENING * filters, 1, gamma="zeros")
        return self.relu(
            layers.Add(name=f"{self.scope}.{name}.add")([x, shortcut]), f"{name}.activation_2"
        )


def resnet_features(
    images: KerasTensor, backbone: str, norm: BatchNormSpec, pieces: list[Piece]
) -> dict[int, KerasTensor]:
    """Build the backbone.

    Args:
        images: Normalised, [B, H, W, 3].
        backbone: Its name.
        norm: Momentum and epsilon of the batch norms.
        pieces: Each block is added to them.

    Returns:
        Feature maps by level, 2 (stride 4) to 5 (stride 32).
    """
    spec = RESNETS[backbone]
    builder = _Builder(backbone, norm, itertools.count())
    x = builder.relu(builder.conv_norm(images, _STEM_FILTERS, 7, 2), "activation")
    if spec.classic:
        x = layers.ZeroPadding2D(1, name=f"{backbone}.initial_pad")(x)
    x = layers.MaxPooling2D(
        3, 2, padding="valid" if spec.classic else "same", name=f"{backbone}.initial_max_pool"
    )(x)
    features: dict[int, KerasTensor] = {}
    before = images
    for group, count in enumerate(spec.blocks):
        for index in range(count):
            stride = 2 if group and not index else 1
            x = builder.bottleneck(
                x,
                _STEM_FILTERS * 2**group,
                stride,
                not index,
                spec.classic,
                f"block_group{group + 1}.block{index}",
            )
            pieces.append(Piece([before], [x]))
            before = x
        features[FIRST_LEVEL + group] = x
    return features
