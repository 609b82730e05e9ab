"""The cases that are measured. Each function prepares one and returns it ready to run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from algorithm.benchmark.measure import Case, Settings
from algorithm.models.detector import Detector, build_detector
from algorithm.models.multiply_adds import multiply_adds

BOXES = 8
FORWARD = 2  # operations of a multiply-add
# The Keras policy of each precision; as in training.devices.precision, which imports TensorFlow.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
TRAINING = 3 * FORWARD  # the backward pass makes two products for each of the forward pass
PICTURES = 64


def train_step(settings: Settings) -> Case:
    """Return the case of a whole train step.

    It is normalisation, matching, network, losses, gradients, clipping and SGD.
    """
    import tensorflow as tf

    from algorithm.training.optimizers import make_optimizer
    from algorithm.training.trainer import TrainConfig, Trainer

    detector = _detector(settings)
    trainer = Trainer(
        detector,
        make_optimizer("sgd", 1e-3, 0.9),
        TrainConfig(precision=settings.precision, recompute=settings.gradient_checkpointing),
    )
    batch = _batch(settings.batch_size, detector.image_size, masks=settings.masks)
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    count = settings.steps_per_loop
    return Case(
        lambda: trainer.train_steps(batches, count),
        count * settings.batch_size,
        {},
        TRAINING * multiply_adds(detector),
    )


def network(settings: Settings) -> Case:
    """Return the case of the bare network, forward and backward.

    The loss is the mean of its outputs. It runs with JAX, too.
    """
    if keras.config.backend() == "jax":
        keras.config.set_dtype_policy(POLICIES[settings.precision])
    run = {"tensorflow": _tensorflow_network, "jax": _jax_network}[keras.config.backend()]
    detector = _detector(settings)
    operations = TRAINING * multiply_adds(detector)
    return Case(run(settings, detector), settings.batch_size, {}, operations)


def inference(settings: Settings) -> Case:
    """Return the case of pixels to detections as in evaluation.

    It is network, decoding and suppression.
    """
    import tensorflow as tf

    from algorithm.evaluation.inference import detection_function
    from algorithm.ops.detections import NmsConfig

    detector = _detector(settings)
    detect = detection_function(detector, NmsConfig())
    batch, scale = _batch(settings.batch_size, detector.image_size), tf.ones([settings.batch_size])
    size = tf.tile(tf.constant([detector.image_size], tf.float32), (settings.batch_size, 1))
    return Case(
        lambda: detect(batch["images"], batch["extent"], scale, size)["count"].numpy(),
        settings.batch_size,
        {},
        FORWARD * multiply_adds(detector),
    )


def post_processing(settings: Settings) -> Case:
    """Return the case of decoding and per-class soft suppression.

    The outputs are those of an untrained network with some confident anchors.
    """
    import tensorflow as tf

    from algorithm.ops.detections import NmsConfig, detect

    anchors = tf.constant(_detector(settings).anchors)
    rng = np.random.default_rng(0)
    shape = settings.batch_size, anchors.shape[0]
    outputs = {
        "class_logits": tf.constant(rng.normal(-5.0, 1.5, (*shape, settings.classes)), tf.float32),
        "box_deltas": tf.constant(rng.normal(0.0, 0.2, (*shape, 4)), tf.float32),
    }
    run = tf.function(lambda given: detect(given, anchors, NmsConfig())["count"])
    return Case(lambda: run(outputs).numpy(), settings.batch_size, {})


def matching(settings: Settings) -> Case:
    """Return the case of assigning ground truth to anchors, compiled as in the train step."""
    import tensorflow as tf

    from algorithm.ops.anchor_matching import match_anchors

    detector = _detector(settings)
    anchors, batch = tf.constant(detector.anchors), _batch(settings.batch_size, detector.image_size)
    run = tf.function(lambda boxes, labels: match_anchors(anchors, boxes, labels), jit_compile=True)
    return Case(
        lambda: run(batch["boxes"], batch["labels"])["num_positives"].numpy(),
        settings.batch_size,
        {},
    )


def pipeline(settings: Settings) -> Case:
    """Return the case of training batches from files on disk: a pass over the dataset.

    The augmentation is the default.
    """
    from algorithm.data import load_dataset
    from algorithm.data.feeding.batch_order import steps_per_epoch
    from algorithm.data.feeding.pipeline import train_batches
    from algorithm.data.synthetic.scenes import write_sample_dataset

    folder = tempfile.TemporaryDirectory()
    rendered = Path(folder.name) / "data"
    source = (
        Path(settings.data_url)
        if settings.data_url
        else write_sample_dataset(rendered, count=PICTURES, seed=0, size=640)
    )
    samples = load_dataset(source, clean=True, seed=0, work_dir=Path(folder.name) / "work").train
    steps = steps_per_epoch(len(samples), settings.batch_size)
    batches = iter(
        train_batches(
            samples, image_size=_image_size(settings), batch_size=settings.batch_size, seed=0
        )
    )

    def run(
        folder: tempfile.TemporaryDirectory = folder,
    ) -> None:  # the pictures are needed as long as this function is
        for _ in range(steps):
            next(batches)

    return Case(run, steps * settings.batch_size, {"pictures": len(samples)})


CASES: dict[str, Callable[[Settings], Case]] = {
    case.__name__: case
    for case in (train_step, network, inference, post_processing, matching, pipeline)
}


def _detector(settings: Settings) -> Detector:
    return build_detector(
        settings.model_name, settings.classes, settings.image_size, masks=settings.masks
    )


def _image_size(settings: Settings) -> tuple[int, int]:
    from algorithm.models.detector import parse_image_size
    from algorithm.models.zoo import PRESETS

    return parse_image_size(settings.image_size or PRESETS[settings.model_name].image_size)


def _batch(batch_size: int, image_size: tuple[int, int], *, masks: bool = False) -> dict:
    """Return a batch as data.feeding.pipeline makes it.

    It is noise, with 8 boxes of one class in each picture.
    """
    import tensorflow as tf

    from algorithm.ops.mask_grid import mask_grid

    rng = np.random.default_rng(0)
    side = min(image_size)
    corners = rng.uniform(0, 0.6 * side, (batch_size, BOXES, 2))
    boxes = np.concatenate([corners, corners + 0.3 * side], axis=-1)
    return {
        "images": tf.constant(rng.integers(0, 256, (batch_size, *image_size, 3)), tf.uint8),
        "extent": tf.tile(tf.constant([image_size], tf.int32), (batch_size, 1)),
        "boxes": tf.constant(boxes, tf.float32),
        "labels": tf.zeros((batch_size, BOXES), tf.int32),
        "sample_index": tf.range(batch_size),
        **(
            {"masks": tf.fill((batch_size, BOXES, *mask_grid(image_size)), np.uint8(255))}
            if masks
            else {}
        ),
    }


def _tensorflow_network(settings: Settings, detector: Detector) -> Callable[[], None]:
    import tensorflow as tf

    from algorithm.ops.rewriting import graph_as_written
    from algorithm.training.devices.gradient_checkpointing import recomputing
    from algorithm.training.devices.precision import computing

    forward = (
        recomputing(detector)
        if settings.gradient_checkpointing
        else lambda images: detector(images, training=True)
    )
    images = tf.random.normal((settings.batch_size, *detector.image_size, 3))

    @tf.function
    def gradients(images):
        with tf.GradientTape() as tape, keras.StatelessScope():
            loss = tf.add_n(
                [
                    tf.reduce_mean(tf.cast(value, tf.float32))
                    for value in tf.nest.flatten(forward(images))
                ]
            )
        return tf.linalg.global_norm(
            tape.gradient(loss, [variable.value for variable in detector.trainable_variables])
        )

    def run() -> None:
        with graph_as_written(), computing(detector, settings.precision):
            gradients(images).numpy()

    return run


def _jax_network(settings: Settings, detector: Detector) -> Callable[[], None]:
    import jax

    weights, others = (
        [variable.value for variable in group]
        for group in (detector.trainable_variables, detector.non_trainable_variables)
    )
    images = jax.random.normal(jax.random.key(0), (settings.batch_size, *detector.image_size, 3))

    def loss(weights, others, images):
        outputs, others = detector.stateless_call(weights, others, images, training=True)
        return sum(value.astype("float32").mean() for value in outputs.values()), others

    gradients = jax.jit(jax.grad(loss, has_aux=True))
    return lambda: jax.block_until_ready(gradients(weights, others, images))
