"""Gradients of one replica: matching, the pass through the network, losses.

Nothing changes here; training.trainer applies the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import keras
import tensorflow as tf

from algorithm.distillation.distiller import POSITIVES, REMEMBERED, Distiller
from algorithm.errors import AlgorithmError
from algorithm.models.detector import Detector, level_outputs, neck_features
from algorithm.models.layers import CARRIED, BatchNorm, collecting_statistics
from algorithm.ops.anchor_matching import match_anchors
from algorithm.ops.image import network_input
from algorithm.ops.losses import LossConfig, detection_losses
from algorithm.ops.mask_losses import choose_positives, mask_loss
from algorithm.training.carried_variables import Carried, CarriedVariables
from algorithm.training.compiled_ahead import CompiledAhead
from algorithm.training.devices.gradient_checkpointing import recomputing
from algorithm.training.devices.precision import LossScale

_SEED = "seed_generator_state"
_FEATURES = "features"
# The values of the trained variables, and of the carried ones.
Held = tuple[list[tf.Tensor], Carried]


class Gradients:
    """Losses and gradients of a detector, summed over all replicas of the strategy it is made in.

    Attributes:
        carried: The variables that layers change by themselves. Their new values are returned, not
            assigned.
        trained: The trainable variables, the detector's before those that the peers of a distiller
            have for themselves.
    """

    def __init__(
        self,
        detector: Detector,
        loss: LossConfig,
        loss_scale: LossScale,
        recompute: bool,
        distiller: Distiller | None = None,
    ) -> None:
        self._detector, self._loss, self._loss_scale, self._distiller = (
            detector,
            loss,
            loss_scale,
            distiller,
        )
        networks = (detector, *(distiller.peers if distiller else ()))
        self.trained = list(
            {
                id(variable): variable
                for network in networks
                for variable in network.trainable_variables
            }.values()
        )
        self._anchors = tf.constant(detector.anchors)
        self._features = _FEATURES if distiller and distiller.wants_features else ""
        wanted = {
            **level_outputs(detector),
            **({self._features: neck_features(detector)} if self._features else {}),
        }
        network = (
            recomputing(detector, self._features)
            if recompute
            else keras.Model(detector.inputs, wanted)
        )
        self._forward = lambda images: network(images, training=True)
        self._replicas = tf.distribute.get_strategy().num_replicas_in_sync
        # XLA makes these two a few passes over [B, A, N] and over [B, A, K]. See
        # benchmarks/train_step.py.
        self._matching = CompiledAhead(self._match)
        self._loss_gradients = CompiledAhead(self._losses)
        self.carried = CarriedVariables(networks)
        # Pieces that are computed again, and a peer's heads that answer by the new statistics, need
        # each layer to move its own.
        self._together = not recompute and not self._features
        for layer in (layer for network in networks for layer in network.layers):
            if isinstance(layer, BatchNorm):
                layer.synchronized = self._replicas > 1

    def __call__(
        self,
        batch: Mapping[str, tf.Tensor],
        parts: int,
        step: tf.Variable,
        held: Held | None = None,
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor], Carried]:
        """Compute the gradients of the objective: det_loss and what a distiller adds.

        The losses are divided by the positives of all replicas' pictures. The sums over replicas,
        and over the `parts` of a batch, are therefore those of one pass over all pictures at once.

        Args:
            batch: The batch of one replica, see Trainer.train_step.
            parts: How many parts of the batch pass through the network one after another.
            step: Steps made so far; seeds the choice of anchors that learn a mask.
            held: Of `read`; None reads now.

        Returns:
            The gradients in the order of `trained`, the losses by name, and the new values of
            `carried`.

        Raises:
            AlgorithmError: A layer changed another variable than those in `carried`.
        """
        targets = self._matching(batch["boxes"], batch["labels"])
        if self._detector.masks:
            numbers = batch["sample_index"]
            seeds = tf.stack([numbers, tf.fill(tf.shape(numbers), tf.cast(step, tf.int32))], axis=1)
            targets |= choose_positives(
                targets.pop("box_rows"), batch["masks"], batch["boxes"], seeds
            )
        if self._distiller:
            targets |= self._distiller.targets(batch["boxes"], batch["labels"])
        positives = {
            name: self._over_replicas(tf.reduce_sum(targets.pop(name)))
            for name in [*targets]
            if name.endswith(POSITIVES)
        }
        inputs = {
            name: batch[name] for name in ("images", "extent", *REMEMBERED) if name in batch
        } | {"targets": targets}
        weights, before = held or self.read()
        passes = self._pass if parts == 1 else self._passes(parts)
        gradients, losses, carried = passes(inputs, self._shifted(before, +1), positives, weights)
        gradients, losses = self._over_replicas((gradients, losses))
        if self._loss_scale.changes:
            gradients = [gradient / self._loss_scale.value for gradient in gradients]
        return gradients, losses, self._shifted(carried, -1)

    def read(self) -> Held:
        """Read each variable once; a kernel that several levels share would be read for each."""
        weights = [tf.convert_to_tensor(variable.value) for variable in self.trained]
        return weights, self.carried.values()

    def _over_replicas(self, value: Any) -> Any:
        if self._replicas == 1:
            return value
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)

    def _shifted(self, carried: Carried, sign: int) -> Carried:
        """Shift seeds by this replica's number, so that each replica draws other numbers."""
        if self._replicas == 1:
            return carried
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        statistics, others = carried
        shifted = [
            value + sign * tf.cast(tf.stack([number, 0]), value.dtype)
            if variable.name == _SEED
            else value
            for variable, value in zip(self.carried.others, others, strict=True)
        ]
        return statistics, shifted

    def _pass(self, inputs, carried, positives, weights):
        preset = self._detector.preset
        statistics, others = carried
        images = network_input(inputs["images"], inputs["extent"], preset.mean, preset.std)
        held = [
            *zip(self.trained, weights, strict=True),
            *zip(self.carried.others, others, strict=True),
            *([] if self._together else self.carried.parts(statistics)),
        ]
        with (
            tf.GradientTape() as tape,
            keras.StatelessScope() as scope,
            collecting_statistics() if self._together else nullcontext() as batch_statistics,
        ):
            for update in held:
                scope.add_update(update)
            tape.watch(weights)
            outputs = self._forward(images)
            features = outputs.pop(self._features) if self._features else ()
            taught = self._distiller.teach(inputs, images, features) if self._distiller else {}
        scale = tf.convert_to_tensor(self._loss_scale.value)
        losses, upstream = self._loss_gradients(
            outputs, taught, inputs["targets"], positives, scale
        )
        gradients = tape.gradient(
            self._learning(outputs, taught),
            weights,
            output_gradients=upstream,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        self._check_unchanged(scope, weights)
        moved = (
            self.carried.moved(statistics, batch_statistics)
            if batch_statistics is not None
            else self.carried.after_call(scope)
        )
        changed = [scope.get_current_value(variable) for variable in self.carried.others]
        return gradients, losses, (moved, changed)

    def _check_unchanged(self, scope: keras.StatelessScope, weights: Sequence[tf.Tensor]) -> None:
        held = [scope.get_current_value(variable) for variable in self.trained]
        known = {*map(id, self.trained), *map(id, self.carried.statistics)}
        known |= set(map(id, self.carried.others))
        if set(scope.state_mapping) - known or any(
            one is not other for one, other in zip(held, weights, strict=True)
        ):
            raise AlgorithmError(
                f"train step: expected layers to change {', '.join(CARRIED)} only, found another "
                "variable"
            )

    def _passes(self, parts: int):
        def passes(inputs, carried, positives, weights):
            sliced = tf.nest.map_structure(
                lambda value: tf.reshape(value, [parts, -1, *value.shape[1:]]), inputs
            )

            def add(index, sums, carried):
                part = tf.nest.map_structure(lambda value: value[index], sliced)
                *found, carried = self._pass(part, carried, positives, weights)
                return index + 1, tf.nest.map_structure(tf.add, sums, tuple(found)), carried

            zeros = [tf.zeros(variable.shape) for variable in self.trained]
            names = (
                "cls_loss",
                "box_loss",
                "det_loss",
                "objective",
                *(("iou_loss",) if self._loss.iou_loss_type else ()),
                *(("mask_loss",) if self._detector.masks else ()),
                *(self._distiller.loss_names if self._distiller else ()),
            )
            _, (gradients, losses), carried = tf.while_loop(
                lambda index, *_: index < parts,
                add,
                (0, (zeros, dict.fromkeys(names, 0.0)), carried),
                parallel_iterations=1,
            )
            return gradients, losses, carried

        return passes

    def _match(self, boxes, labels):
        return match_anchors(self._anchors, boxes, labels, rows=self._detector.masks)

    def _losses(self, outputs, taught, targets, positives, scale):
        learning = self._learning(outputs, taught)
        with tf.GradientTape() as tape:
            tape.watch(learning)
            # Gradients come back by level. Put together they would take more memory, and be
            # written and read twice.
            levels = {
                name: [tf.cast(level, tf.float32) for level in levels]
                for name, levels in outputs.items()
            }
            whole = {name: tf.concat(parts, axis=1) for name, parts in levels.items()}
            apart = {**whole, "class_logits": levels["class_logits"]}
            losses = detection_losses(
                apart, targets, self._anchors, self._loss, num_positives=positives[POSITIVES]
            )
            if self._detector.masks:
                losses |= self._mask_loss(whole, targets, positives[POSITIVES])
                losses["det_loss"] += losses["mask_loss"]
            more = (
                self._distiller.losses(whole, taught, targets, positives) if self._distiller else {}
            )
            losses |= {**more, "objective": losses["det_loss"] + sum(more.values())}
            scaled = losses["objective"] * scale
        return losses, tape.gradient(scaled, learning)

    def _mask_loss(self, outputs, targets, positives):
        """The weighted mask loss, divided as the other losses are."""
        total = mask_loss(outputs["mask_coefficients"], outputs["prototypes"], targets)
        return {"mask_loss": self._loss.mask_loss_weight * total / (positives + 1.0)}

    def _learning(self, outputs, taught):
        """Return the outputs of networks that are trained.

        A peer's outputs are among what it teaches and count; those of a frozen teacher do not.
        """
        return [outputs, taught] if self._distiller and self._distiller.peers else [outputs]
