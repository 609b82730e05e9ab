"""Learning beside a peer that is trained in the same job."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from algorithm.distillation.distiller import (
    OUTPUT_NAMES,
    PEER,
    POSITIVES,
    geometry_of,
    normalised,
    soft_loss_names,
)
from algorithm.distillation.soft_losses import (
    SoftLossConfig,
    align,
    moved,
    soft_losses,
)
from algorithm.errors import ArgumentError
from algorithm.models.detector import Detector, heads_of
from algorithm.ops.anchor_matching import match_anchors
from algorithm.ops.losses import LossConfig, detection_losses

_log = logging.getLogger("algorithm.training")
_CROSS = "cross"


class OnlinePeer:
    """A network that is trained beside the student, on the same pictures in the same step.

    The student also imitates what the peer says in that step; knowledge goes one way. The peer is
    one of two:

    The student enlarged sees the pictures at a multiple of their size. Kernels are shared and batch
    norms are not, so a step learns from both sizes (Wang et al. 2020, resolution switchable
    networks). A pyramid level of the student has the stride of the level above it in a picture
    twice as large, so the anchors of the two meet (Qi et al. 2021, multi-scale aligned
    distillation, shift the levels in the same way).

    Another model sees the pictures at the student's size and shares nothing. It teaches what its
    starting weights know (the teacher of ONE, Lan et al. 2018, is trained along in the same way,
    but begins as its students do).

    With `crosshead` the student's features also pass through the heads of such a peer, and what
    these say is held against the annotations. So backbone and neck learn from heads that know their
    task while the student's own begin at nothing. The heads get no gradient of it. (CrossKD, Wang
    et al. 2024, sends features of the student's head through the rest of the teacher's and imitates
    the teacher with them; SRRL, Yang et al. 2021, passes a classifier's features through the
    teacher's.)
    """

    def __init__(
        self, peer: Detector, student: Detector, config: SoftLossConfig, loss: LossConfig
    ) -> None:
        self.peers: Sequence[Detector] = (peer,)
        self._peer = peer
        self.alignment = align(geometry_of(student), geometry_of(peer))
        self._config, self._loss, self._anchors = config, loss, tf.constant(student.anchors)
        self._own_anchors = tf.constant(peer.anchors)
        self.loss_names = (*soft_loss_names(config), f"{PEER}_loss")
        kernels = {id(variable) for variable in student.trainable_variables}
        self.shares_kernels = any(id(variable) in kernels for variable in peer.trainable_variables)
        self._presets = student.preset, peer.preset
        self.wants_features = config.method == "crosshead"
        if self.wants_features:
            self._heads = _heads_for(student, peer)
            self.loss_names += (f"{_CROSS}_loss",)

    def describe(self) -> str:
        """Say in one line for the log who teaches."""
        height, width = self._peer.image_size
        who, cost = f"{self._peer.preset.name} at {height}x{width}, with weights of its own", ""
        if self.shares_kernels:
            who = f"the student at {height}x{width}, with batch norms of its own"
            cost = (
                f"; a step has {1 + self.alignment.scale**2:g} times the operations of one "
                "without it: compare with as much more time for the student alone "
                "(docs/research/2026-11-29-distillation-gains.md)"
            )
        return (
            f"online distillation ({self._config.method}): the peer is {who}; it speaks for "
            f"{100 * self.alignment.aligned.mean():.1f} % of the student's anchors; weights of "
            f"the soft losses: classes {self._config.class_weight:g}, boxes "
            f"{self._config.box_weight:g}{cost}"
        )

    @tf.function(jit_compile=True, autograph=False)
    def targets(self, boxes, labels):
        """See Distiller."""
        found = match_anchors(self._own_anchors, boxes * self.alignment.scale, labels)
        return {f"{PEER}_{name}": value for name, value in found.items()}

    def teach(
        self, batch: Mapping[str, tf.Tensor], images: tf.Tensor, features: Sequence[tf.Tensor] = ()
    ) -> dict[str, tf.Tensor]:
        """See Distiller."""
        student, own = self._presets
        images = normalised(batch, images, student, own.mean, own.std)
        taught = dict(self._peer(tf.image.resize(images, self._peer.image_size), training=True))
        return taught | (self._crossed(features) if self.wants_features else {})

    def _crossed(self, features: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return what the peer's heads say of the student's features, in inference mode."""
        weights = [
            tf.stop_gradient(tf.convert_to_tensor(variable.value))
            for variable in self._heads.trainable_variables
        ]
        others = [
            tf.convert_to_tensor(variable.value) for variable in self._heads.non_trainable_variables
        ]
        outputs, _ = self._heads.stateless_call(weights, others, list(features), training=False)
        return {f"{_CROSS}_{name}": value for name, value in outputs.items()}

    def losses(self, outputs, taught, targets, positives):
        """See Distiller."""
        own = {name: targets[f"{PEER}_{name}"] for name in ("class_targets", "box_targets")}

        def learned(prefix: str) -> tf.Tensor:
            said = {name: taught[f"{prefix}{name}"] for name in OUTPUT_NAMES}
            return detection_losses(
                said, own, self._own_anchors, self._loss, positives[f"{PEER}_{POSITIVES}"]
            )["det_loss"]

        said = moved(
            {name: tf.stop_gradient(taught[name]) for name in OUTPUT_NAMES},
            self.alignment,
            self._anchors,
            self._own_anchors,
        )
        found = {
            **soft_losses(outputs, said, targets, self._config, positives[POSITIVES]),
            f"{PEER}_loss": learned(""),
        }
        return found | ({f"{_CROSS}_loss": learned(f"{_CROSS}_")} if self.wants_features else {})


def _heads_for(student: Detector, peer: Detector) -> keras.Model:
    """Return the peer's heads.

    Raises:
        ArgumentError: They do not take the student's features.
    """
    wanted, found = (
        (preset.min_level, preset.max_level, preset.fpn_channels)
        for preset in (peer.preset, student.preset)
    )
    if wanted != found:
        raise ArgumentError(
            "--hparams=peer_model: kd_method=crosshead passes the student's features through the "
            f"peer's heads; {peer.preset.name} takes levels {wanted[0]} to {wanted[1]} of "
            f"{wanted[2]} channels, {student.preset.name} has {found[0]} to {found[1]} of "
            f"{found[2]}. Use a peer as wide as the student (efficientdet-lite0 for D0, T0, T1 "
            "and T2), or kd_method=foreground."
        )
    return heads_of(peer)
