"""Linear probing: the class predictor is fitted to the features of a pretrained detector.

A predictor that begins from nothing sends gradients of its own chance through features that were
good already, and a short training ends before it has caught up. So its linear part is fitted first,
with everything else as it was loaded (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained
Features and Underperform Out-of-Distribution", section 3.3).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf

from algorithm.data import Sample
from algorithm.data.feeding.picture_reader import Reader, reading_errors
from algorithm.data.feeding.pipeline import eval_batches
from algorithm.models.detector import ANCHORS_PER_CELL, Detector
from algorithm.models.heads import CLASS_BIAS
from algorithm.ops.anchor_matching import BACKGROUND, match_anchors
from algorithm.ops.image import network_input
from algorithm.ops.losses import LossConfig, focal_loss

_PREDICTOR = "class_net.class-predict"
# docs/research/2026-12-01-linear-probe.md
PICTURES, BYTES = 256, 1 << 30  # at most, of pictures and of their features
STEPS, RATE = 200, 0.01  # of Adam; the rate falls to 0 by a cosine
PICTURES_IN_A_STEP, LOGITS_IN_A_STEP = 16, 1 << 22  # at most; one picture at least


@dataclass(frozen=True)
class Features:
    """What the linear part of a class predictor takes, and the answers it is fitted to.

    Attributes:
        values: float32 [N, P, C]: N pictures, P positions on all levels, C channels.
        targets: int32 [N, P, A]: the class of each anchor of a position, see match_anchors.
    """

    values: np.ndarray
    targets: np.ndarray


def has_linear_part(detector: Detector) -> bool:
    """Return whether the class predictor is a spatial filter with a linear part behind it."""
    return isinstance(detector.get_layer(_PREDICTOR), keras.layers.SeparableConv2D)


def chosen_samples(
    samples: Sequence[Sample], labels: Sequence[int], most: int, seed: int
) -> list[Sample]:
    """Choose samples by chance, the first of every class before the second of any.

    Args:
        samples: The samples.
        labels: The classes.
        most: How many at most.
        seed: Of the choice.

    Returns:
        The chosen ones, those without an object of these classes last. Crowds are no objects.
    """
    order = np.random.default_rng(seed).permutation(len(samples))
    ranks, seen = np.full(len(samples), len(samples)), Counter[int]()
    for index in order:
        sample = samples[index]
        own = set(sample.labels[~np.asarray(sample.is_crowd, bool)].tolist()).intersection(labels)
        ranks[index] = min([seen[label] for label in own], default=len(samples))
        seen.update(own)
    return [samples[index] for index in order[np.argsort(ranks[order], kind="stable")][:most]]


def room_for(detector: Detector) -> int:
    """Return of how many pictures features are taken at most."""
    channels = detector.get_layer(_PREDICTOR).pointwise_kernel.shape[2]
    positions = len(detector.anchors) // ANCHORS_PER_CELL
    return min(PICTURES, max(1, BYTES // (4 * channels * positions)))


def features_of(
    detector: Detector, spatial_filter: np.ndarray, samples: Sequence[Sample], batch_size: int
) -> Features:
    """Run a detector over whole pictures, up to the linear part of its class predictor.

    Args:
        detector: `has_linear_part` is true of it. Batch norm uses its moving statistics.
        spatial_filter: float32 [3, 3, C, 1], what the predictor shall begin with.
        samples: The pictures.
        batch_size: How many pass through the network at once.

    Returns:
        The features.

    Raises:
        DataError: A picture cannot be read; it is named.
    """
    preset, kernel = detector.preset, tf.constant(spatial_filter, tf.float32)
    last = f"class_net.class-{preset.head_repeats - 1}-activation"
    levels = range(preset.min_level, preset.max_level + 1)
    network = keras.Model(
        detector.inputs, [detector.get_layer(f"{last}-{level}").output for level in levels]
    )
    anchors = tf.constant(detector.anchors)

    @tf.function(autograph=False, reduce_retracing=True)
    def run(
        images: tf.Tensor, extent: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        normalised = network_input(images, extent, preset.mean, preset.std)
        filtered = [_filtered(level, kernel) for level in network(normalised, training=False)]
        return (
            tf.concat(filtered, axis=1),
            match_anchors(anchors, boxes, labels)["class_targets"],
        )

    positions = len(anchors) // ANCHORS_PER_CELL
    values = np.empty((len(samples), positions, kernel.shape[2]), np.float32)
    targets = np.empty((len(samples), len(anchors)), np.int32)
    room, reader = max(1, *(len(sample.labels) for sample in samples)), Reader(samples)
    with reading_errors():
        for batch in eval_batches(samples, image_size=detector.image_size, batch_size=batch_size):
            found = run(batch["images"], batch["extent"], *_truth(reader, room, batch))
            rows = batch["sample_index"].numpy()
            values[rows[rows >= 0]], targets[rows[rows >= 0]] = (
                part.numpy()[rows >= 0] for part in found
            )
    return Features(values, targets.reshape(-1, positions, ANCHORS_PER_CELL))


def _truth(
    reader: Reader, room: int, batch: Mapping[str, tf.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """boxes float32 [B, room, 4] in network pixels and labels int32 [B, room] of a batch."""
    places, scales = batch["sample_index"].numpy(), batch["scale"].numpy()
    boxes = np.zeros((len(places), room, 4), np.float32)
    labels = np.full((len(places), room), BACKGROUND, np.int32)
    for row in np.flatnonzero(places >= 0):
        own, kinds = reader.truth(places[row])
        boxes[row, : len(own)], labels[row, : len(kinds)] = own * scales[row], kinds
    return boxes, labels


def fit(
    features: Features, labels: Sequence[int], loss: LossConfig, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the linear part for some classes to features by the loss of training.

    Args:
        features: Of `features_of`.
        labels: The classes, F of them.
        loss: alpha, gamma, label_smoothing and class_weights.
        seed: Of the order of the pictures.

    Returns:
        Kernel float32 [C, A, F] and bias float32 [A, F]. Of a class without an object they are
        zeros and the bias that fresh predictors have.
    """
    channels = features.values.shape[-1]
    anchors, count = features.targets.shape[-1], len(labels)
    targets = _among(labels, features.targets)
    kernel = tf.Variable(tf.zeros([channels, anchors * count]))
    bias = tf.Variable(tf.fill([anchors * count], CLASS_BIAS))
    class_weights = (
        tuple(loss.class_weights[label] for label in labels) if loss.class_weights else ()
    )
    config = replace(loss, class_weights=class_weights)

    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, STEPS))
    optimizer.build([kernel, bias])

    @tf.function(jit_compile=True, autograph=False)
    def step(values: tf.Tensor, targets: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = tf.reshape(values, [-1, channels]) @ kernel + bias
            sum_of_losses = focal_loss(
                tf.reshape(logits, [1, -1, count]), tf.reshape(targets, [1, -1]), config
            )
            objects = tf.reduce_sum(tf.cast(targets >= 0, tf.float32))
            mean = sum_of_losses / tf.maximum(objects, 1.0)
        optimizer.apply(tape.gradient(mean, [kernel, bias]), [kernel, bias])

    most = max(1, LOGITS_IN_A_STEP // (targets[0].size * count))
    size = min(PICTURES_IN_A_STEP, most, len(targets))
    random = np.random.default_rng(seed)
    orders = (random.permutation(len(targets)) for _ in itertools.count())
    pictures = itertools.chain.from_iterable(orders)
    for _ in range(STEPS):
        rows = list(itertools.islice(pictures, size))
        step(tf.constant(features.values[rows]), tf.constant(targets[rows]))
    seen = np.isin(np.arange(count), targets)
    return (
        np.where(seen, kernel.numpy().reshape(channels, anchors, count), np.float32(0.0)),
        np.where(seen, bias.numpy().reshape(anchors, count), np.float32(CLASS_BIAS)),
    )


def _among(labels: Sequence[int], targets: np.ndarray) -> np.ndarray:
    """Targets as places in `labels`; an object of another class is background to these."""
    places = np.full(max(max(labels), targets.max()) + 1, BACKGROUND, np.int32)
    places[list(labels)] = np.arange(len(labels))
    return np.where(targets >= 0, places[targets], targets).astype(np.int32)


def _filtered(level: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """[B, h, w, C] behind the spatial filter, as [B, h * w, C]."""
    values = tf.nn.depthwise_conv2d(tf.cast(level, kernel.dtype), kernel, [1, 1, 1, 1], "SAME")
    return tf.reshape(values, [values.shape[0], -1, values.shape[-1]])
