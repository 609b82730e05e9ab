"""What a train step asks of the network that the student learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import tensorflow as tf

from algorithm.distillation.soft_losses import AnchorGeometry, SoftLossConfig
from algorithm.models.detector import Detector
from algorithm.models.zoo import Preset
from algorithm.ops.image import network_input

SOFT_LOSSES = ("loss_soft_cls", "loss_soft_box")
PEER = "peer"
POSITIVES = "num_positives"
# Names in a batch of a teacher's remembered outputs, by the outputs' own.
OUTPUT_NAMES = {"class_logits": "teacher_class_logits", "box_deltas": "teacher_box_deltas"}
REMEMBERED = tuple(OUTPUT_NAMES.values())


class Distiller(Protocol):
    """What the trainer adds to a step.

    Attributes:
        peers: Detectors that are trained along.
        shares_kernels: Whether the peers have the student's kernels, which are then trained on the
            sum of the gradients.
        wants_features: Whether `teach` needs the student's features.
        loss_names: The keys of what `losses` returns.
    """

    peers: Sequence[Detector]
    shares_kernels: bool
    wants_features: bool
    loss_names: tuple[str, ...]

    def describe(self) -> str:
        """Say in one line for the log who teaches."""

    def targets(self, boxes: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return what `losses` needs beside the student's own targets.

        Args:
            boxes: As in `match_anchors`.
            labels: As in `match_anchors`.

        Returns:
            Tensors by name, with one row for each picture.
        """

    def teach(
        self, batch: Mapping[str, tf.Tensor], images: tf.Tensor, features: Sequence[tf.Tensor] = ()
    ) -> dict[str, tf.Tensor]:
        """Return the teacher's outputs for a batch, to be handed to `losses`.

        Args:
            batch: The batch as the input pipeline gives it.
            images: float32 [B, H, W, 3], its pictures, normalised for the student.
            features: float32 [B, h, w, C] for each level, what the student's heads take.
        """

    def losses(
        self,
        outputs: dict[str, tf.Tensor],
        taught: dict[str, tf.Tensor],
        targets: dict[str, tf.Tensor],
        positives: Mapping[str, tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        """Return what is added to the student's detection loss: weighted float32 scalars by name.

        Args:
            outputs: The student's outputs.
            taught: What `teach` returned.
            targets: The student's targets and those of `targets`.
            positives: The targets whose names end in POSITIVES, summed over all pictures of the
                step.
        """


def soft_loss_names(config: SoftLossConfig) -> tuple[str, ...]:
    """Return those of SOFT_LOSSES that have a weight."""
    return tuple(
        name
        for name, weight in zip(SOFT_LOSSES, (config.class_weight, config.box_weight), strict=True)
        if weight
    )


def geometry_of(detector: Detector) -> AnchorGeometry:
    """Return what the detector's anchors follow from."""
    preset = detector.preset
    return AnchorGeometry(
        detector.image_size, preset.min_level, preset.max_level, preset.anchor_scale
    )


def normalised(
    batch: Mapping[str, tf.Tensor],
    images: tf.Tensor,
    student: Preset,
    mean: Sequence[float],
    std: Sequence[float],
) -> tf.Tensor:
    """Normalise the pictures of a batch for a network beside the student.

    Args:
        batch: The batch, with images uint8 [B, H, W, 3] and extent int32 [B, 2].
        images: The same pictures as the student sees them, float32 [B, H, W, 3].
        student: The student's preset.
        mean: Of the other network, for each channel.
        std: Of the other network, for each channel.

    Returns:
        float32 [B, H, W, 3]; `images` themselves where both networks have the same mean and std.
    """
    if (tuple(student.mean), tuple(student.std)) == (tuple(mean), tuple(std)):
        return images
    return network_input(batch["images"], batch["extent"], mean, std)
