"""Every architecture as one row.

A new model is a new row here (plus a backbone or neck if that is new).

Values: EfficientDet, Tan et al. 2020, table 1 and section 4; the Lite rows and D7x as published
with the reference implementation. RetinaNet: Lin et al. 2017, section 4, with the sizes and batch
norm of the Cloud TPU tutorial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
LITE_MEAN = (127.0, 127.0, 127.0)
LITE_STD = (128.0, 128.0, 128.0)


@dataclass(frozen=True)
class BackboneSpec:
    """An EfficientNet: compound-scaling factors, and the variations that make it "lite".

    Attributes:
        survival_probability: Stochastic depth of the last block; 0 switches it off.
    """

    width: float
    depth: float
    activation: str = "swish"
    squeeze_excite: bool = True
    fixed_stem_and_head: bool = False
    survival_probability: float = 0.8


@dataclass(frozen=True)
class BatchNormSpec:
    """Momentum of the moving statistics and epsilon of batch normalisation."""

    momentum: float = 0.99
    epsilon: float = 1e-3


@dataclass(frozen=True)
class Preset:
    """One detector: backbone, neck and heads, the input it was designed for and its normalisation.

    Attributes:
        neck: A name in the table of models.detector.
        head: A name in the table of models.heads.
        frozen: Regular expression of the variables that pretrained weights keep for good, where
            `freeze` is empty.
        head_channels: 0 means those of the neck.
        starts_from: Another detector that has every variable of this one, in the same shape, so
            that its published weights are a start for this one too.
    """

    name: str
    backbone: str
    image_size: int
    fpn_channels: int
    fpn_cells: int
    head_repeats: int
    anchor_scale: float = 4.0
    fusion: str = "fastattn"
    min_level: int = 3
    max_level: int = 7
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    neck: str = "bifpn"
    head: str = "separable"
    batch_norm: BatchNormSpec = BatchNormSpec()
    frozen: str = ""
    head_channels: int = 0
    starts_from: str = ""

    @property
    def activation(self) -> str:
        """The activation of neck and heads: that of an EfficientNet backbone, else relu."""
        return BACKBONES[self.backbone].activation if self.backbone in BACKBONES else "relu"


def _lite(width: float, depth: float) -> BackboneSpec:
    return BackboneSpec(
        width, depth, activation="relu6", squeeze_excite=False, fixed_stem_and_head=True
    )


BACKBONES: dict[str, BackboneSpec] = {
    "efficientnet-b0": BackboneSpec(1.0, 1.0, survival_probability=0.0),
    "efficientnet-b1": BackboneSpec(1.0, 1.1),
    "efficientnet-b2": BackboneSpec(1.1, 1.2),
    "efficientnet-b3": BackboneSpec(1.2, 1.4),
    "efficientnet-b4": BackboneSpec(1.4, 1.8),
    "efficientnet-b5": BackboneSpec(1.6, 2.2),
    "efficientnet-b6": BackboneSpec(1.8, 2.6),
    "efficientnet-b7": BackboneSpec(2.0, 3.1),
    "efficientnet-lite0": _lite(1.0, 1.0),
    "efficientnet-lite1": _lite(1.0, 1.1),
    "efficientnet-lite2": _lite(1.1, 1.2),
    "efficientnet-lite3": _lite(1.2, 1.4),
    "efficientnet-lite4": _lite(1.4, 1.8),
}

_LITE: dict[str, Any] = {"fusion": "sum", "mean": LITE_MEAN, "std": LITE_STD}
# The first convolution and the first group of blocks, as the Cloud TPU tutorial freezes them.
_RESNET_STEM = r"resnet\d+/(conv2d|batch_normalization)(|_([1-9]|10))/"
_RETINANET: dict[str, Any] = {"neck": "fpn", "batch_norm": BatchNormSpec(0.997, 1e-4)}
_RESNET: dict[str, Any] = {**_RETINANET, "head": "plain", "frozen": _RESNET_STEM}
# keras.applications scales the pixels of MobileNetV2 to -1..1.
_MOBILENET: dict[str, Any] = {**_RETINANET, "mean": (127.5,) * 3, "std": (127.5,) * 3}

# Chosen by measurement, docs/research/2026-11-28-tiny-models.md: lite0 with other sizes, every
# variable in lite0's shape, so that its weights start them.
_TINY: dict[str, Any] = {**_LITE, "anchor_scale": 3.0, "starts_from": "efficientdet-lite0"}

PRESETS: dict[str, Preset] = {
    row.name: row
    for row in (
        Preset("efficientdet-d0", "efficientnet-b0", 512, 64, 3, 3),
        Preset("efficientdet-d1", "efficientnet-b1", 640, 88, 4, 3),
        Preset("efficientdet-d2", "efficientnet-b2", 768, 112, 5, 3),
        Preset("efficientdet-d3", "efficientnet-b3", 896, 160, 6, 4),
        Preset("efficientdet-d4", "efficientnet-b4", 1024, 224, 7, 4),
        Preset("efficientdet-d5", "efficientnet-b5", 1280, 288, 7, 4),
        Preset("efficientdet-d6", "efficientnet-b6", 1280, 384, 8, 5, fusion="sum"),
        Preset(
            "efficientdet-d7", "efficientnet-b6", 1536, 384, 8, 5, anchor_scale=5.0, fusion="sum"
        ),
        Preset("efficientdet-d7x", "efficientnet-b7", 1536, 384, 8, 5, fusion="sum", max_level=8),
        Preset(
            "efficientdet-lite0", "efficientnet-lite0", 320, 64, 3, 3, anchor_scale=3.0, **_LITE
        ),
        Preset(
            "efficientdet-lite1", "efficientnet-lite1", 384, 88, 4, 3, anchor_scale=3.0, **_LITE
        ),
        Preset(
            "efficientdet-lite2", "efficientnet-lite2", 448, 112, 5, 3, anchor_scale=3.0, **_LITE
        ),
        Preset("efficientdet-lite3", "efficientnet-lite3", 512, 160, 6, 4, **_LITE),
        Preset(
            "efficientdet-lite3x", "efficientnet-lite3", 640, 200, 6, 4, anchor_scale=3.0, **_LITE
        ),
        Preset("efficientdet-lite4", "efficientnet-lite4", 640, 224, 7, 4, **_LITE),
        Preset("retinanet-resnet50", "resnet50", 640, 256, 0, 4, **_RESNET),
        Preset("retinanet-resnet101", "resnet101", 640, 256, 0, 4, **_RESNET),
        Preset("retinanet-mobilenet-v2", "mobilenet-v2", 320, 128, 0, 4, **_MOBILENET),
        Preset("efficientdet-t0", "efficientnet-lite0", 448, 64, 3, 3, **_TINY),
        Preset("efficientdet-t1", "efficientnet-lite0", 320, 64, 3, 3, **_TINY),
        Preset("efficientdet-t2", "efficientnet-lite0", 256, 64, 3, 3, **_TINY),
    )
}
