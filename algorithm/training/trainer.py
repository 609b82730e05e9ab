"""The train step: gradients of all replicas, clipping, update, moving average.

The trainer also names all that a checkpoint keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from algorithm.distillation.distiller import PEER, REMEMBERED, Distiller
from algorithm.errors import DataError
from algorithm.models.detector import Detector
from algorithm.models.variable_names import published_variables
from algorithm.ops.losses import LossConfig
from algorithm.ops.rewriting import graph_as_written
from algorithm.training.devices.precision import LossScale, computing
from algorithm.training.gradients import Gradients
from algorithm.training.moving_average import MovingAverage
from algorithm.training.named_vector import flat
from algorithm.training.optimizers import VectorOptimizer

_REGULARISED = re.compile(r".*(kernel|weight)$")
_AVERAGE = "ExponentialMovingAverage"
_USED = ("images", "extent", "boxes", "labels", *REMEMBERED)
_USED_WITH_MASKS = (*_USED, "masks", "sample_index")


@dataclass(frozen=True)
class TrainConfig:
    """The settings of the train step.

    Attributes:
        loss: The settings of the detection loss.
        weight_decay: The factor on the L2 penalty.
        clip_norm: Norm that gradients are clipped to, first of each variable, then of all; 0
            switches clipping off.
        moving_average_decay: Decay of the moving average; 0 keeps no average.
        parts: Into how many parts the batch of a step is divided to pass through the network.
        precision: What the network computes in, see training.devices.precision.
        recompute: Whether the backward pass computes the network's pieces again.
        factors: Factors on the learning rate of some variables, by published name.
    """

    loss: LossConfig = field(default_factory=LossConfig)
    weight_decay: float = 4e-5
    clip_norm: float = 10.0
    moving_average_decay: float = 0.0
    parts: int = 1
    precision: str = "float32"
    recompute: bool = False
    factors: Mapping[str, float] = field(default_factory=dict)


class Trainer:
    """A detector with its optimizer and moving average, trained one step at a time.

    It trains on all replicas of the strategy in whose scope it is made, as detector and optimizer
    must be.

    Args:
        detector: The network.
        optimizer: Moves its weights; it is built here.
        config: The settings of the step.
        distiller: What the detector learns from besides the annotations, or None.
    """

    def __init__(
        self,
        detector: Detector,
        optimizer: VectorOptimizer,
        config: TrainConfig,
        distiller: Distiller | None = None,
    ) -> None:
        self.detector, self.optimizer, self.config = detector, optimizer, config
        self.peers = tuple(distiller.peers) if distiller else ()
        self.strategy = tf.distribute.get_strategy()
        self.named = published_variables(detector)
        shared = {id(variable) for variable in self.named.values()}
        for peer in self.peers:
            self.named |= {
                f"{PEER}/{name}": variable
                for name, variable in published_variables(peer).items()
                if id(variable) not in shared
            }
        self._regularised = [
            v for name, v in self.named.items() if v.trainable and _REGULARISED.match(name)
        ]
        self.parts = config.parts
        self._used = _USED_WITH_MASKS if detector.masks else _USED
        self.loss_scale = LossScale(config.precision)
        self._gradients = Gradients(
            detector, config.loss, self.loss_scale, config.recompute, distiller
        )
        self._trained, self._carried = self._gradients.trained, self._gradients.carried
        factors = {id(self.named[name]): factor for name, factor in config.factors.items()}
        optimizer.build(self._trained, [factors.get(id(v), 1.0) for v in self._trained])
        # In the order in which an update has their values: groups, statistics, what stands still.
        moving = [v for group in optimizer.groups for v in group.variables]
        moving += self._carried.statistics
        in_order = {id(variable): number for number, variable in enumerate(moving)}
        self.average = MovingAverage(
            dict(
                sorted(self.named.items(), key=lambda item: in_order.get(id(item[1]), len(moving)))
            ),
            config.moving_average_decay,
        )
        self._still = [v for v in self.named.values() if id(v) not in in_order]

    @property
    def step(self) -> int:
        """Steps made so far, skipped ones among them: the place in the schedule and in the data."""
        return int(self.optimizer.iterations.numpy())

    def train_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Make one step.

        When the loss or the gradient is not finite, the step counts and nothing else changes:
        weights, optimizer, averages, batch-norm statistics, random generators.

        Args:
            batch: images uint8 [B, H, W, 3] and extent int32 [B, 2] (see ops.image.network_input);
                boxes float32 [B, N, 4], [ymin, xmin, ymax, xmax] in network pixels; labels int32
                [B, N], -1 for padding, -2 for crowds; for a detector with masks also masks and
                sample_index (see data.feeding.pipeline.train_batches). With several replicas it
                holds a value for each, and B is a replica's. With `parts` above 1, which divides
                B, the network sees B / parts pictures at a time.

        Returns:
            float32 scalars by name: loss (the sum), its parts, gradient_norm (before clipping),
            learning_rate, and with float16 loss_scale.
        """
        with self._tracing():
            return self._train_step(
                {name: batch[name] for name in self._used if name in batch}, self.parts
            )

    def train_steps(
        self, batches: Iterator[Mapping[str, tf.Tensor]], count: int
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Make `count` steps. Above 1 they are one call into TensorFlow.

        Args:
            batches: Batches for train_step; with `count` above 1 an iterator of TensorFlow's own.
            count: How many steps to make.

        Returns:
            The figures of train_step, each float32 [count], and sample_index int32 [count, B] of
            the pictures that this machine saw.
        """
        if count == 1:
            batch = next(batches)
            figures = {name: value.numpy()[None] for name, value in self.train_step(batch).items()}
            return figures, self._local(batch["sample_index"]).numpy()[None]
        with self._tracing():
            rows, seen = self._train_steps(batches, tf.constant(count), self.parts)
        return dict(zip(self._figures, rows.numpy().T, strict=True)), seen.numpy()

    @contextmanager
    def _tracing(self) -> Iterator[None]:
        with graph_as_written(), ExitStack() as stack:
            for network in (self.detector, *self.peers):
                stack.enter_context(computing(network, self.config.precision))
            yield

    @tf.function(reduce_retracing=True, autograph=False)
    def _train_step(self, batch, parts: int):
        return self._everywhere(batch, parts)

    @tf.function(reduce_retracing=True, autograph=False)
    def _train_steps(self, batches, count, parts: int):
        def one(index, rows, seen):
            batch = next(batches)
            figures = self._everywhere(
                {name: batch[name] for name in self._used if name in batch}, parts
            )
            self._figures = list(figures)
            return (
                index + 1,
                rows.write(index, tf.stack([*figures.values()])),
                seen.write(index, self._local(batch["sample_index"])),
            )

        arrays = tf.TensorArray(tf.float32, count), tf.TensorArray(tf.int32, count)
        _, rows, seen = tf.while_loop(
            lambda index, *_: index < count, one, (0, *arrays), parallel_iterations=1
        )
        return rows.stack(), seen.stack()

    def _everywhere(self, batch, parts: int):
        figures = self.strategy.run(self.replica_step, args=(batch, parts))
        return {
            name: self.strategy.experimental_local_results(value)[0]
            for name, value in figures.items()
        }

    def _local(self, value):
        return tf.concat(self.strategy.experimental_local_results(value), axis=0)

    def replica_step(self, batch: Mapping[str, tf.Tensor], parts: int = 1) -> dict[str, tf.Tensor]:
        """Make one replica's part of a step, for strategy.run or to be compiled as a whole.

        Args:
            batch: One replica's batch, see train_step.
            parts: Into how many parts the batch is divided to pass through the network.

        Returns:
            The figures of train_step.
        """
        rate, updates = self._learning_rate(), self.optimizer.iterations
        weights, (own, before) = held = self._gradients.read()
        gradients, losses, (new, others) = self._gradients(batch, parts, updates, held)
        read = dict(zip(map(id, self._trained), weights, strict=True))
        regularised = {id(variable): read[id(variable)] for variable in self._regularised}
        losses = {**losses, "l2_loss": self._l2_loss(list(regularised.values()))}
        losses["loss"] = losses.pop("objective") + losses["l2_loss"]
        gradients, norm = self._clip(self._with_l2(gradients, regularised))
        figures = {**losses, "gradient_norm": norm, "learning_rate": rate}
        if self.loss_scale.changes:
            figures["loss_scale"] = tf.convert_to_tensor(self.loss_scale.value)
        finite = tf.math.is_finite(losses["loss"]) & tf.math.is_finite(norm)
        paced = self._carried.paced(own, new, updates, parts)
        carried = tf.nest.map_structure(
            lambda value, kept: tf.where(finite, value, kept), (paced, others), (own, before)
        )
        tf.distribute.get_replica_context().merge_call(
            self._apply,
            args=(
                self.optimizer.grouped(gradients),
                self.optimizer.grouped(weights),
                *carried,
                finite,
            ),
        )
        return figures

    def _learning_rate(self):
        rate = self.optimizer.learning_rate
        return tf.cast(rate(self.optimizer.iterations) if callable(rate) else rate, tf.float32)

    def _apply(self, strategy, gradients, weights, statistics, others, finite):
        """Apply a step from above all replicas: gradients and `finite` are the same on each."""
        finite = strategy.experimental_local_results(finite)[0]
        rate, updates = self._learning_rate(), tf.identity(self.optimizer.iterations)

        def update(_, gradients, weights, statistics, others):
            for group, values in zip(self.optimizer.groups, weights, strict=True):
                group.weights.assign(values)

            def move():
                self.optimizer.move(gradients, rate, updates)
                moved = [group.weights.read_value() for group in self.optimizer.groups]
                still = flat([tf.convert_to_tensor(each.value) for each in self._still])
                self.average.move(updates + 1, [*moved, statistics, *still])
                return True

            tf.cond(finite, move, lambda: False)
            for group in self.optimizer.groups:
                group.assign()
            self._carried.assign(statistics, others)

        anchor = self.optimizer.groups[0].weights
        strategy.extended.update(
            anchor, update, args=(gradients, weights, statistics, others), group=False
        )
        self.optimizer.iterations.assign_add(1)
        self.loss_scale.update(finite)

    def _with_l2(self, gradients, regularised):
        decay = tf.constant(self.config.weight_decay, tf.float32)
        return [
            gradient + decay * regularised[id(variable)]
            if id(variable) in regularised
            else gradient
            for gradient, variable in zip(gradients, self._trained, strict=True)
        ]

    def _l2_loss(self, weights):
        if not weights:
            return tf.constant(0.0)
        return self.config.weight_decay * tf.nn.l2_loss(tf.concat(flat(weights), axis=0))

    def _clip(self, gradients):
        clip = self.config.clip_norm
        if clip <= 0:
            return gradients, tf.linalg.global_norm(gradients)
        norms = tf.sqrt(2.0 * tf.stack([tf.nn.l2_loss(gradient) for gradient in gradients]))
        each = tf.minimum(1.0, clip / norms)
        norm = tf.norm(each * norms)
        factors = tf.unstack(
            each * tf.minimum(1.0, clip / norm)
        )  # one product for each tensor: there are hundreds, most of them small
        return [
            gradient * factor for gradient, factor in zip(gradients, factors, strict=True)
        ], norm

    def tensors(self) -> dict[str, Any]:
        """Return everything a resumed job needs, by name.

        These are weights, averages, optimizer, random generators and global_step.
        """
        tensors: dict[str, Any] = {
            name: variable.value if isinstance(variable, keras.Variable) else variable
            for name, variable in self._state_variables().items()
        }
        tensors |= self.optimizer.slot_values()
        tensors |= {f"{name}/{_AVERAGE}": value for name, value in self.average.values().items()}
        return {**tensors, "global_step": np.int64(self.step)}

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of tensors() as they are now, as arrays by name."""
        return {name: np.asarray(value).copy() for name, value in self.tensors().items()}

    def restore(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take up the state that tensors() returned.

        Args:
            tensors: Arrays by name.

        Raises:
            DataError: A tensor is missing or of another shape; the message names the first.
        """
        state, averaged = self._state_variables(), self.average.named
        wanted = {name: tuple(variable.shape) for name, variable in state.items()}
        wanted |= self.optimizer.slot_shapes()
        wanted |= {f"{name}/{_AVERAGE}": tuple(v.shape) for name, v in averaged.items()}
        wrong = [
            name
            for name, shape in wanted.items()
            if name not in tensors or tensors[name].shape != shape
        ]
        if wrong:
            raise DataError(
                f"checkpoint: {len(wrong)} of {len(wanted)} variables are missing or of another "
                f"shape, first {wrong[0]}; the run was made with other hyperparameters: give a "
                "new train_url"
            )
        for name, variable in state.items():
            variable.assign(tensors[name])
        self.optimizer.assign_slots(tensors)
        self.average.assign({name: tensors[f"{name}/{_AVERAGE}"] for name in averaged})

    def _state_variables(self) -> dict[str, keras.Variable | tf.Variable]:
        state = dict(self.named)
        state |= {variable.path: variable for variable in self.optimizer.variables}
        state |= self.loss_scale.variables
        for network, prefix in ((self.detector, ""), *((peer, f"{PEER}/") for peer in self.peers)):
            for layer in network.layers:
                for variable in layer.variables:
                    if variable.name == "seed_generator_state":
                        state[f"{prefix}random/{layer.name}"] = variable
        return state

    def averaged_weights(self) -> AbstractContextManager[None]:
        """Let the detector hold its moving average inside this context, where there is one."""
        return self.average.in_force()
