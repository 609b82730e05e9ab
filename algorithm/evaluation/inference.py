"""Running a detector over letterboxed batches, for evaluation, pictures and checks of exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf

from algorithm.models.zoo import Preset
from algorithm.ops.detections import NmsConfig, detect, to_image
from algorithm.ops.image import network_input
from algorithm.ops.mask_assembly import mask_runs


class Network(Protocol):
    """What evaluation needs of a network: a Detector, or what speaks of a detector's anchors.

    Attributes:
        preset: The row with the normalisation.
        image_size: (height, width) in pixels.
        anchors: float32 [A, 4], [ymin, xmin, ymax, xmax] in network pixels.
    """

    @property
    def preset(self) -> Preset: ...  # noqa: D102
    @property
    def image_size(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def anchors(self) -> np.ndarray: ...  # noqa: D102

    def __call__(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Return class_logits [B, A, K] and box_deltas [B, A, 4] of normalised images."""


Detect = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


def detection_function(
    detector: Network, config: NmsConfig, *, batch_statistics: bool = False
) -> Detect:
    """Compile a detector with its suppression.

    The function reads the detector's weights at each call.

    Args:
        detector: The network.
        config: How overlapping detections are thinned.
        batch_statistics: Batch norm uses the statistics of the batch at hand, for weights so young
            that the moving ones lag behind.

    Returns:
        A function of images uint8 or uint16 [B, H, W, 3] and extent int32 [B, 2] (see
        ops.image.network_input), scale float32 [B] and size float32 [B, 2], original height and
        width; it returns detections in original pixels (see ops.detections.to_image), and of a
        detector with masks also masks (see ops.mask_assembly.mask_runs).
    """
    anchors = tf.constant(detector.anchors)

    @tf.function(reduce_retracing=True)
    def run(
        images: tf.Tensor, extent: tf.Tensor, scale: tf.Tensor, size: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        normalised = network_input(images, extent, detector.preset.mean, detector.preset.std)
        outputs = detector(normalised, training=batch_statistics)
        found = to_image(detect(outputs, anchors, config), scale, size)
        if "coefficients" in found:
            found["masks"] = mask_runs(
                found.pop("coefficients"),
                outputs["prototypes"],
                found["boxes"],
                found["count"],
                extent,
                size,
            )
        return found

    return run
