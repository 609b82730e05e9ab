"""What one replica does before anything changes: match, pass through the network, losses, gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from algorithm.errors import AlgorithmError
from algorithm.models.detector import Detector
from algorithm.models.layers import CARRIED, BatchNorm
from algorithm.ops.image import network_input
from algorithm.ops.losses import LossConfig, detection_losses
from algorithm.ops.matching import match_anchors
from algorithm.training.precision import LossScale
from algorithm.training.recompute import recomputing

_SEED = "seed_generator_state"


class Gradients:
    """Losses and gradients of a detector, each summed over all replicas of the strategy it is made in.

    carried: the variables that layers change by themselves; their new values are returned, not assigned.
    """

    def __init__(self, detector: Detector, loss: LossConfig, loss_scale: LossScale, recompute: bool) -> None:
        self._detector, self._loss, self._loss_scale = detector, loss, loss_scale
        self._anchors = tf.constant(detector.anchors)
        self._forward = recomputing(detector) if recompute else lambda images: detector(images, training=True)
        self._replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self.carried = [variable for variable in detector.variables if variable.name in CARRIED]
        for layer in detector.layers:
            if isinstance(layer, BatchNorm):
                layer.synchronized = self._replicas > 1

    def __call__(self, batch: Mapping[str, tf.Tensor], parts: int) -> tuple[list[tf.Tensor], dict[str, tf.Tensor], list[tf.Tensor]]:
        """Gradients of det_loss in the order of detector.trainable_variables; the losses; values of `carried`.

        batch: one replica's, see Trainer.train_step. The losses are divided by the positives of all replicas' pictures,
        so that the sums over replicas, and over the `parts` of a batch that pass through the network one after another,
        are those of one pass over all pictures at once.
        """
        targets = self._match(batch["boxes"], batch["labels"])
        positives = self._over_replicas(tf.reduce_sum(targets.pop("num_positives")))
        inputs = {name: batch[name] for name in ("images", "extent")} | targets
        before = [self._shifted(variable, variable.value, +1) for variable in self.carried]
        passes = self._pass if parts == 1 else self._passes(parts)
        gradients, losses, carried = passes(inputs, before, positives)
        gradients, losses = self._over_replicas((gradients, losses))
        if self._loss_scale.changes:
            gradients = [gradient / self._loss_scale.value for gradient in gradients]
        return gradients, losses, [self._shifted(*pair, -1) for pair in zip(self.carried, carried, strict=True)]

    def _over_replicas(self, value: Any) -> Any:
        if self._replicas == 1:
            return value
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)

    def _shifted(self, variable: keras.Variable, value: tf.Tensor, sign: int) -> tf.Tensor:
        """A seed, shifted by the number of this replica, so that each draws other numbers; anything else as it is."""
        if self._replicas == 1 or variable.name != _SEED:
            return tf.convert_to_tensor(value)
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return value + sign * tf.cast(tf.stack([number, 0]), value.dtype)

    def _pass(self, inputs, carried, positives):
        preset = self._detector.preset
        images = network_input(inputs["images"], inputs["extent"], preset.mean, preset.std)
        with tf.GradientTape() as tape, keras.StatelessScope(zip(self.carried, carried, strict=True)) as scope:
            outputs = self._forward(images)
        losses, upstream = self._losses(outputs, inputs["class_targets"], inputs["box_targets"], positives, self._loss_scale.value)
        gradients = tape.gradient(outputs, [variable.value for variable in self._detector.trainable_variables],
                                  output_gradients=upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        if set(scope.state_mapping) - {id(variable) for variable in self.carried}:
            raise AlgorithmError(f"train step: expected layers to change {', '.join(CARRIED)} only, found another variable")
        return gradients, losses, [scope.get_current_value(variable) for variable in self.carried]

    def _passes(self, parts: int):
        def passes(inputs, carried, positives):
            sliced = {name: tf.reshape(value, [parts, -1, *value.shape[1:]]) for name, value in inputs.items()}

            def add(index, sums, carried):
                *found, carried = self._pass({name: value[index] for name, value in sliced.items()}, carried, positives)
                return index + 1, tf.nest.map_structure(tf.add, sums, tuple(found)), carried

            zeros = [tf.zeros(variable.shape) for variable in self._detector.trainable_variables]
            names = ("cls_loss", "box_loss", "det_loss", *(("iou_loss",) if self._loss.iou_loss_type else ()))
            _, (gradients, losses), carried = tf.while_loop(
                lambda index, *_: index < parts, add, (0, (zeros, dict.fromkeys(names, 0.0)), carried), parallel_iterations=1)
            return gradients, losses, carried

        return passes

    # XLA makes a few passes over [B, A, N] and over [B, A, K] of these two: benchmarks/train_step.py.
    @tf.function(jit_compile=True)
    def _match(self, boxes, labels):
        return match_anchors(self._anchors, boxes, labels)

    @tf.function(jit_compile=True)
    def _losses(self, outputs, class_targets, box_targets, positives, scale):
        targets = {"class_targets": class_targets, "box_targets": box_targets}
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            losses = detection_losses(outputs, targets, self._anchors, self._loss, num_positives=positives)
            scaled = losses["det_loss"] * scale
        return losses, tape.gradient(scaled, outputs)
