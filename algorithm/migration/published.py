"""The published recipes of the TensorFlow Object Detection API: pictures of a step, rate, sizes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """One published recipe.

    Attributes:
        batch: Pictures of a step.
        rate: The highest learning rate.
        width: Channels of neck and head.
        cells: Cells of the BiFPN, 0 for an FPN.
        layers: Layers of a head.
        scales: Scales of the anchors in an octave.
    """

    batch: int
    rate: float
    width: int
    cells: int
    layers: int
    scales: int = 3


# Source: the pipeline.config files ssd_*_coco17_tpu-*.config of tensorflow/models
# (research/object_detection/configs/tf2).
RECIPES: dict[str, Recipe] = {
    "efficientdet-d0": Recipe(128, 0.08, 64, 3, 3),
    "efficientdet-d1": Recipe(128, 0.08, 88, 4, 3),
    "efficientdet-d2": Recipe(128, 0.08, 112, 5, 3),
    "efficientdet-d3": Recipe(128, 0.08, 160, 6, 4),
    "efficientdet-d4": Recipe(128, 0.08, 224, 7, 4),
    "efficientdet-d5": Recipe(128, 0.08, 288, 7, 4),
    "efficientdet-d6": Recipe(128, 0.08, 384, 8, 5),
    "efficientdet-d7": Recipe(128, 0.08, 384, 8, 5),
    "retinanet-resnet50": Recipe(64, 0.04, 256, 0, 4),
    "retinanet-resnet101": Recipe(64, 0.04, 256, 0, 4),
    "retinanet-mobilenet-v2": Recipe(128, 0.08, 128, 0, 4),
}
