"""The one Detector: backbone, neck and heads chosen by a preset row."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from algorithm.errors import ArgumentError
from algorithm.models.bifpn import bifpn_features
from algorithm.models.efficientnet import efficientnet_features
from algorithm.models.fpn import fpn_features
from algorithm.models.heads import detection_heads
from algorithm.models.mask_head import mask_head
from algorithm.models.mobilenet import mobilenet_features
from algorithm.models.recomputed_pieces import Piece
from algorithm.models.resnet import RESNETS, resnet_features
from algorithm.models.zoo import BACKBONES, PRESETS, Preset
from algorithm.ops.anchors import (
    ASPECT_RATIOS,
    BACKBONE_STRIDE,
    SCALES_PER_OCTAVE,
    anchor_grid,
    padded_size,
)

ANCHORS_PER_CELL = len(ASPECT_RATIOS) * SCALES_PER_OCTAVE
_NECKS = {"bifpn": bifpn_features, "fpn": fpn_features}


class Detector(keras.Model):
    """A network of normalised images float32 [B, H, W, 3].

    Its outputs are class_logits [B, A, K] and box_deltas [B, A, 4], both float32; with masks also
    those of `mask_head`.

    Attributes:
        preset: The row it was built from.
        image_size: (height, width) in pixels.
        num_classes: K.
        masks: Whether it has a mask head.
        anchors: float32 array [A, 4], [ymin, xmin, ymax, xmax] in network pixels; A runs over
            levels, rows, columns, 9 anchors.
        pieces: The network in a row of pieces, from the images to what the last layers put
            together.
    """

    preset: Preset
    image_size: tuple[int, int]
    num_classes: int
    masks: bool
    anchors: np.ndarray
    pieces: tuple[Piece, ...]


def parse_image_size(image_size: int | tuple[int, int]) -> tuple[int, int]:
    """Read an input size.

    Args:
        image_size: An int for a square, or (height, width).

    Returns:
        (height, width).

    Raises:
        ArgumentError: A side is below 32, so that no cell of P5 would be left.
    """
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or min(size) < BACKBONE_STRIDE:
        raise ArgumentError(
            f"image_size: expected two sides of at least {BACKBONE_STRIDE} pixels, found "
            f"{image_size!r}; use e.g. 512 or 384x640"
        )
    return size


def build_detector(
    model_name: str,
    num_classes: int,
    image_size: int | tuple[int, int] | None = None,
    *,
    anchor_scale: float | None = None,
    survival_probability: float | None = None,
    masks: bool = False,
) -> Detector:
    """Build a Detector with fresh weights.

    Args:
        model_name: A row of the table of models.
        num_classes: K.
        image_size: An int for a square, or (height, width); None means the size of the row.
        anchor_scale: 0 means the scale of the row.
        survival_probability: Stochastic depth; None means that of the row.
        masks: Whether it gets a mask head.

    Returns:
        The network.

    Raises:
        ArgumentError: An unknown model (the message lists the names) or an image too small.
    """
    if model_name not in PRESETS:
        raise ArgumentError(
            f"model_name: {model_name!r} is not a known model; choose one of {', '.join(PRESETS)}"
        )
    preset = PRESETS[model_name]
    if anchor_scale:
        preset = dataclasses.replace(preset, anchor_scale=anchor_scale)
    size = parse_image_size(image_size or preset.image_size)
    images = keras.Input((*size, 3), name="images")
    pieces: list[Piece] = []
    backbone = _backbone_features(_padded(images, pieces), preset, survival_probability, pieces)
    features = _NECKS[preset.neck](backbone, preset, pieces)
    outputs = detection_heads(features, preset, num_classes, ANCHORS_PER_CELL, pieces)
    if masks:
        outputs |= mask_head(features, preset, size, ANCHORS_PER_CELL, pieces, backbone[4])
    detector = Detector(inputs=images, outputs=outputs, name=model_name)
    detector.masks = masks
    detector.preset, detector.image_size, detector.num_classes, detector.pieces = (
        preset,
        size,
        num_classes,
        tuple(pieces),
    )
    detector.anchors = anchor_grid(
        padded_size(size), preset.min_level, preset.max_level, preset.anchor_scale
    )
    return detector


def enlarged(
    detector: Detector, factor: int, survival_probability: float | None = None
) -> Detector:
    """Build the same network for larger pictures.

    Kernels and biases are the detector's own variables; each batch norm is a copy that goes its own
    way (Wang et al. 2020, resolution switchable networks, section 3.1).

    Args:
        detector: The network.
        factor: How many times as large the pictures are on a side.
        survival_probability: Stochastic depth; None means that of the row.

    Returns:
        The larger network.
    """
    height, width = detector.image_size
    size = factor * height, factor * width
    preset = detector.preset
    fresh = build_detector(
        preset.name,
        detector.num_classes,
        size,
        anchor_scale=preset.anchor_scale,
        survival_probability=survival_probability,
        masks=detector.masks,
    )

    def shared_or_new(layer: keras.layers.Layer) -> keras.layers.Layer:
        if layer.trainable_weights and not isinstance(layer, keras.layers.BatchNormalization):
            return detector.get_layer(layer.name)
        return type(layer).from_config(layer.get_config())

    larger = keras.models.clone_model(fresh, clone_function=shared_or_new)
    for layer in larger.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(detector.get_layer(layer.name).get_weights())
    larger.masks = detector.masks
    larger.preset, larger.image_size, larger.num_classes, larger.pieces = (
        preset,
        size,
        detector.num_classes,
        (),
    )
    larger.anchors = fresh.anchors
    return larger


def level_outputs(detector: Detector) -> dict[str, list[keras.KerasTensor]]:
    """Return the outputs of each pyramid level, by name, the finest level first.

    The last layers of the detector put them together along A; prototypes are of one level.
    """
    inputs = {name: detector.get_layer(name).input for name in detector.output_names}
    return {name: value if isinstance(value, list) else [value] for name, value in inputs.items()}


def neck_features(detector: Detector) -> list[keras.KerasTensor]:
    """Return what the heads take of each pyramid level, [B, h, w, C], the finest level first."""
    levels = detector.preset.max_level - detector.preset.min_level + 1
    return [piece.inputs[0] for piece in detector.pieces[-levels:]]


def heads_of(detector: Detector) -> keras.Model:
    """Return the heads alone, with the detector's own variables.

    The network takes a list of features as `neck_features` has them.
    """
    return keras.Model(neck_features(detector), detector.output)


def _padded(images: keras.KerasTensor, pieces: list[Piece]) -> keras.KerasTensor:
    """Pad images to `padded_size` below and to the right by zeros, the mean colour."""
    size = images.shape[1:3]
    rows, columns = (new - old for new, old in zip(padded_size(size), size, strict=True))
    if not rows and not columns:
        return images
    padded = keras.layers.ZeroPadding2D(((0, rows), (0, columns)), name="padding")(images)
    pieces.append(Piece([images], [padded]))
    return padded


def _backbone_features(
    images: keras.KerasTensor,
    preset: Preset,
    survival_probability: float | None,
    pieces: list[Piece],
) -> dict[int, keras.KerasTensor]:
    """Feature maps by level of the preset's backbone, whichever family it is of."""
    if preset.backbone in BACKBONES:
        return efficientnet_features(images, preset.backbone, survival_probability, pieces)
    if survival_probability not in (None, 1.0):
        raise ArgumentError(
            f"survival_prob: {preset.name} has no stochastic depth, found "
            f"{survival_probability:g}; leave it out"
        )
    if preset.backbone in RESNETS:
        return resnet_features(images, preset.backbone, preset.batch_norm, pieces)
    return mobilenet_features(images, preset.backbone, preset.batch_norm.momentum, pieces)
