"""The train step: match, losses, gradients, clipping, update, moving average."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from algorithm.errors import AlgorithmError, DataError
from algorithm.models.detector import Detector
from algorithm.models.layers import BATCH_NORM_MOMENTUM
from algorithm.models.naming import published_variables
from algorithm.ops.image import network_input
from algorithm.ops.losses import LossConfig, detection_losses
from algorithm.ops.matching import match_anchors
from algorithm.training.distillation import PEER, Distiller

_REGULARISED = re.compile(r".*(kernel|weight)$")
_AVERAGE = "ExponentialMovingAverage"
_CARRIED = ("moving_mean", "moving_variance", "seed_generator_state")  # what layers change by themselves in training
_YOUNG = "young_statistics"
_USED = ("images", "extent", "boxes", "labels", "teacher_class_logits", "teacher_box_deltas")


@dataclass(frozen=True)
class TrainConfig:
    """What the train step needs besides the loss.

    moving_average_decay: 0 keeps no average. clip_norm: first per variable, then over all; 0 switches clipping off.
    parts: into how many parts the batch of a step is divided to pass through the network.
    """

    loss: LossConfig = field(default_factory=LossConfig)
    weight_decay: float = 4e-5
    clip_norm: float = 10.0
    moving_average_decay: float = 0.0
    parts: int = 1


class Trainer:
    """A detector with its optimizer and moving average: one step at a time, and all of its state by name."""

    def __init__(self, detector: Detector, optimizer: keras.optimizers.Optimizer, config: TrainConfig,
                 distiller: Distiller | None = None) -> None:
        self.detector, self.optimizer, self.config = detector, optimizer, config
        self._distiller, self._peers = distiller, tuple(distiller.peers) if distiller else ()
        self.named = published_variables(detector)
        for peer in self._peers:
            self.named |= {f"{PEER}/{name}": variable for name, variable in published_variables(peer).items()}
        self._trained = [variable for each in (detector, *self._peers) for variable in each.trainable_variables]
        self._regularised = [v for name, v in self.named.items() if v.trainable and _REGULARISED.match(name)]
        self._anchors = tf.constant(detector.anchors)
        optimizer.build(self._trained)
        averaged = self.named if config.moving_average_decay > 0 else {}
        self.averages = {name: tf.Variable(variable.value, trainable=False) for name, variable in averaged.items()}
        self.parts = config.parts
        self._carried = [variable for each in (detector, *self._peers) for variable in each.variables if variable.name in _CARRIED]
        self._young = [_is_young(variable) for variable in self._carried]

    @property
    def step(self) -> int:
        """Steps made so far, skipped ones among them: the place in the schedule and in the data."""
        return int(self.optimizer.iterations.numpy())

    def train_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step; float32 scalars: loss (the sum), its parts, gradient_norm (before clipping) and learning_rate.

        batch: images uint8 [B, H, W, 3] and extent int32 [B, 2] (see ops.image.network_input); boxes float32 [B, N, 4]
        yxyx network pixels; labels int32 [B, N], -1 for padding (see data.pipeline.train_batches). With `parts` above 1,
        which divides B, the network sees B / parts pictures at a time. When the loss or the gradient is not finite, the
        step counts and nothing else changes: weights, optimizer, averages, batch-norm statistics, random generators.
        """
        with _graph_as_written():
            return self._train_step({name: batch[name] for name in batch if name in _USED}, self.parts)

    @tf.function(reduce_retracing=True)
    def _train_step(self, batch, parts: int):
        learning_rate = self.optimizer.learning_rate
        if callable(learning_rate):
            learning_rate = learning_rate(self.optimizer.iterations)
        pace = _pace(self.optimizer.iterations, parts)
        gradients, losses, carried = self._pass(batch, self._carried_values()) if parts == 1 else self._passes(batch, parts)
        losses = {**losses, "l2_loss": self._l2_loss()}
        losses["loss"] = losses.pop("objective") + losses["l2_loss"]
        gradients, norm = self._clip_each(self._with_l2(gradients))
        finite = tf.math.is_finite(losses["loss"]) & tf.math.is_finite(norm)
        tf.cond(finite, lambda: self._update(gradients, carried, pace), self._skip)
        return {**losses, "gradient_norm": norm, "learning_rate": tf.cast(learning_rate, tf.float32)}

    def _pass(self, batch, carried, normalised=True):
        """Gradients, losses and what the layers carry on of one way through the network, nothing assigned."""
        preset = self.detector.preset
        images = network_input(batch["images"], batch["extent"], preset.mean, preset.std)
        with tf.GradientTape() as tape, keras.StatelessScope(zip(self._carried, carried, strict=True)) as scope:
            outputs = self.detector(images, training=True)
            taught = self._distiller.teach(batch, images) if self._distiller else {}
            losses = self._losses(outputs["class_logits"], outputs["box_deltas"], batch["boxes"], batch["labels"], normalised, taught)
        gradients = tape.gradient(losses["objective"], [variable.value for variable in self._trained],
                                  unconnected_gradients=tf.UnconnectedGradients.ZERO)
        if set(scope.state_mapping) - {id(variable) for variable in self._carried}:
            raise AlgorithmError(f"train step: expected layers to change {', '.join(_CARRIED)} only, found another variable")
        return gradients, losses, [scope.get_current_value(variable) for variable in self._carried]

    def _passes(self, batch, parts):
        """What _pass gives for the whole batch, by parts of it one after another: memory for one part is enough.

        The losses are sums until the end, so that each picture counts as it does in one pass over the whole batch.
        """
        sliced = {name: tf.reshape(value, [parts, -1, *value.shape[1:]]) for name, value in batch.items()}
        names = ("cls_loss", "box_loss", "det_loss", "objective", "positives",
                 *(("iou_loss",) if self.config.loss.iou_loss_type else ()), *(self._distiller.loss_names if self._distiller else ()))
        totals = [tf.zeros(variable.shape) for variable in self._trained], dict.fromkeys(names, 0.0)

        def add(index, totals, carried):
            *found, carried = self._pass({name: value[index] for name, value in sliced.items()}, carried, False)
            return index + 1, tf.nest.map_structure(tf.add, totals, tuple(found)), carried

        _, (gradients, losses), carried = tf.while_loop(
            lambda index, *_: index < parts, add, (0, totals, self._carried_values()), parallel_iterations=1)
        share = 1.0 / (losses["positives"] + 1.0)
        losses = {name: value * share for name, value in losses.items() if name != "positives"}
        return [gradient * share for gradient in gradients], losses, carried

    def _carried_values(self):
        return [variable.value for variable in self._carried]

    def _update(self, gradients, carried, pace):
        self.optimizer.apply(gradients, self._trained)
        for variable, value, young in zip(self._carried, carried, self._young, strict=True):
            variable.assign(variable.value + pace * (value - variable.value) if young else value)
        self._average()
        return True

    def _skip(self):
        self.optimizer.iterations.assign_add(1)
        return False

    # XLA fuses the assignment and the losses into a few passes over [B, A, K]: benchmarks/train_step.py.
    @tf.function(jit_compile=True)
    def _losses(self, class_logits, box_deltas, boxes, labels, normalised, taught):
        targets = match_anchors(self._anchors, boxes, labels)
        targets = {name: tf.stop_gradient(value) for name, value in targets.items()}
        outputs = {"class_logits": class_logits, "box_deltas": box_deltas}
        positives = None if normalised else tf.constant(0.0)
        losses = detection_losses(outputs, targets, self._anchors, self.config.loss, num_positives=positives)
        more = self._distiller.losses(outputs, taught, targets, positives) if self._distiller else {}
        losses |= {**more, "objective": losses["det_loss"] + sum(more.values())}
        return losses if normalised else {**losses, "positives": tf.reduce_sum(targets["num_positives"])}

    def _with_l2(self, gradients):
        decay, regularised = self.config.weight_decay, {id(variable) for variable in self._regularised}
        return [gradient + decay * variable.value if id(variable) in regularised else gradient
                for gradient, variable in zip(gradients, self._trained, strict=True)]

    def _l2_loss(self):
        if not self._regularised:
            return tf.constant(0.0)
        return self.config.weight_decay * tf.add_n([tf.nn.l2_loss(v.value) for v in self._regularised])

    def _clip_each(self, gradients):
        """Clipped, each network's by itself; the norm is the student's, or not finite where a peer's is not."""
        own = len(self.detector.trainable_variables)
        clipped, norm = self._clip(gradients[:own])
        if not self._peers:
            return clipped, norm
        peers, other = self._clip(gradients[own:])
        return [*clipped, *peers], tf.where(tf.math.is_finite(other), norm, other)

    def _clip(self, gradients):
        clip = self.config.clip_norm
        if clip <= 0:
            return gradients, tf.linalg.global_norm(gradients)
        each = [tf.clip_by_norm(gradient, clip) for gradient in gradients]
        norm = tf.linalg.global_norm(each)
        return tf.clip_by_global_norm(each, clip, use_norm=norm)[0], norm

    def _average(self):
        if not self.averages:
            return
        updates = tf.cast(self.optimizer.iterations, tf.float32)
        decay = tf.minimum(self.config.moving_average_decay, (1.0 + updates) / (10.0 + updates))
        for name, average in self.averages.items():
            average.assign_sub((1.0 - decay) * (average - self.named[name].value))

    def tensors(self) -> dict[str, Any]:
        """Everything a resumed job needs, by name: weights, averages, optimizer, random generators, global_step."""
        tensors: dict[str, Any] = {name: variable.value for name, variable in self._state_variables().items()}
        tensors |= {f"{name}/{_AVERAGE}": average for name, average in self.averages.items()}
        return {**tensors, "global_step": np.int64(self.step), _YOUNG: np.array(self._young, np.int32)}

    def snapshot(self) -> dict[str, np.ndarray]:
        """tensors() copied, as they are now."""
        return {name: np.asarray(value).copy() for name, value in self.tensors().items()}

    def restore(self, tensors: dict[str, np.ndarray]) -> None:
        """Takes up the state that tensors() gave. DataError naming what is missing or of another shape."""
        wanted = {**self._state_variables(), **{f"{n}/{_AVERAGE}": a for n, a in self.averages.items()}}
        wrong = [n for n, v in wanted.items() if n not in tensors or tensors[n].shape != tuple(v.shape)]
        if wrong:
            raise DataError(f"checkpoint: {len(wrong)} of {len(wanted)} variables are missing or of another shape, "
                            f"first {wrong[0]}; the run was made with other hyperparameters: give a new train_url")
        for name, variable in wanted.items():
            variable.assign(tensors[name])
        self._young = [bool(young) for young in tensors.get(_YOUNG, np.zeros(len(self._carried)))]

    def _state_variables(self) -> dict[str, keras.Variable]:
        state = dict(self.named)
        state |= {variable.path: variable for variable in self.optimizer.variables}
        for each, prefix in ((self.detector, ""), *((peer, f"{PEER}/") for peer in self._peers)):
            for layer in each.layers:
                for variable in layer.variables:
                    if variable.name == "seed_generator_state":
                        state[f"{prefix}random/{layer.name}"] = variable
        return state

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Inside, the detector holds the moving average where there is one; outside, its own weights."""
        own = {name: self.named[name].numpy() for name in self.averages}
        for name, average in self.averages.items():
            self.named[name].assign(average)
        try:
            yield
        finally:
            for name, value in own.items():
                self.named[name].assign(value)


@contextmanager
def _graph_as_written() -> Iterator[None]:
    """Inside, TensorFlow runs graphs without rewriting them first.

    To save memory it turns sums of many gradients (a head's kernel is used on five levels) into additions in the order
    of arrival: then the same step does not give the same bits twice, and op determinism does not help. Without the
    rewriting the first step takes half the time, and the others as long as before.
    """
    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


def _is_young(variable: keras.Variable) -> bool:
    """Whether a batch-norm statistic is as it was made: of random weights, not of pretrained ones."""
    untouched = {"moving_mean": 0.0, "moving_variance": 1.0}.get(variable.name)
    return untouched is not None and bool(np.all(variable.numpy() == untouched))


def _pace(updates: tf.Variable, parts: int) -> tf.Tensor:
    """How many times faster than published the young batch-norm statistics move: by momentum min(0.99, (1 + t) / (10 + t)).

    With the published 0.99 alone they still hold 5 % of their first values after 300 steps, all the training some jobs
    get. A variance of 0.05 where 0.005 is right makes a network that trained well useless in evaluation.
    """
    age = tf.cast(updates, tf.float32)
    momentum = tf.minimum(BATCH_NORM_MOMENTUM, (1.0 + age) / (10.0 + age))
    return tf.maximum(1.0, (1.0 - momentum) / (1.0 - BATCH_NORM_MOMENTUM ** parts))
