"""The SavedModel: raw pixels in, detections in the original picture's pixels out.

All arithmetic is in the graph.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.errors import AlgorithmError
from algorithm.export.older_tensorflow import fit_saved_model
from algorithm.models.detector import Detector
from algorithm.ops.detections import NmsConfig, detect, to_image
from algorithm.ops.image import letterbox_scale, normalize, pad_bottom_right, resize

_PROBE_SIZE = (97, 131)
_TOLERANCE = 1e-3


class ServingModule(tf.Module):
    """A detector's variables, the one serving signature, and its two halves.

    Nothing of Keras' own object graph is saved.

    Attributes:
        serve: The signature, of images uint8 [B, H, W, 3].
        prepare: Fits image uint8 [H, W, 3]; the first half of `serve`.
        detect: Takes inputs float32 [B, h, w, 3], scale float32 [B], size float32 [B, 2] and
            hard_above float32 [B]; the second half of `serve`. So pictures of different sizes share
            a batch, and each picture chooses its NMS (see ops.detections.detect).
        settings: Returns hard_above as `serve` applies it, and what other formats need to know.
        heads: Returns the network's own outputs.
    """

    def __init__(self, detector: Detector, config: NmsConfig) -> None:
        """Define the functions."""
        super().__init__(name="detector")
        self._weights = [variable.value for variable in detector.variables]
        height, width = detector.image_size
        self._define(
            detector, config, tf.TensorSpec((None, height, width, 3), tf.float32, "inputs")
        )
        self.settings = tf.function(
            lambda: {
                "hard_above": tf.constant(
                    config.iou_threshold if config.method == "hard" else -1.0
                ),
                "sigma": tf.constant(config.sigma),
                "anchors": tf.constant(detector.anchors),
                "mean": tf.constant(detector.preset.mean),
                "std": tf.constant(detector.preset.std),
                "max_detections": tf.constant(config.max_detections),
            },
            input_signature=[],
        )

    def _define(self, detector: Detector, config: NmsConfig, inputs: tf.TensorSpec) -> None:
        anchors = tf.constant(detector.anchors)

        def fit(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            scale, fitted = letterbox_scale(tf.shape(images)[-3:-1], detector.image_size)
            # Cast to floats first: ONNX resizes whole numbers to whole numbers.
            normalised = normalize(
                resize(tf.cast(images, tf.float32), fitted),
                detector.preset.mean,
                detector.preset.std,
            )
            return pad_bottom_right(normalised, detector.image_size), scale

        # This is a function of its own, so that the network is traced and stored once.
        self.heads = heads = tf.function(
            lambda inputs: detector(inputs, training=False), input_signature=[inputs]
        )

        def detections(inputs, scale, size, hard_above=None) -> dict[str, tf.Tensor]:
            # A damaged model must fail, not answer that there is nothing to see.
            outputs = {
                name: tf.debugging.check_numerics(value, name)
                for name, value in heads(inputs).items()
            }
            return _named(to_image(detect(outputs, anchors, config, hard_above), scale, size))

        def prepare(image: tf.Tensor) -> dict[str, tf.Tensor]:
            fitted, scale = fit(image)
            return {
                "inputs": fitted,
                "scale": scale,
                "size": tf.cast(tf.shape(image)[:2], tf.float32),
            }

        def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
            fitted, scale = fit(images)
            batch, size = tf.shape(images)[0], tf.cast(tf.shape(images)[1:3], tf.float32)
            return detections(fitted, tf.repeat(scale, batch), tf.tile(size[None], (batch, 1)))

        numbers = [
            tf.TensorSpec((None,), tf.float32, "scale"),
            tf.TensorSpec((None, 2), tf.float32, "size"),
            tf.TensorSpec((None,), tf.float32, "hard_above"),
        ]
        self.serve = tf.function(
            serve, input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "images")]
        )
        self.prepare = tf.function(
            prepare, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8, "image")]
        )
        self.detect = tf.function(detections, input_signature=[inputs, *numbers])


def _named(found: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Return detections under the platform's names, all float32."""
    return {
        "detection_boxes": found["boxes"],
        "detection_classes": tf.cast(found["labels"] + 1, tf.float32),
        "detection_scores": found["scores"],
        "num_detections": tf.cast(found["count"], tf.float32),
    }


def export_saved_model(detector: Detector, folder: Path, config: NmsConfig) -> Path:
    """Write a SavedModel with the signature `serving_default`.

    Its input images is uint8 [B, H, W, 3], RGB, of any size. Its outputs are float32:
    detection_boxes [B, M, 4], [ymin, xmin, ymax, xmax] in pixels of the pictures given, clipped to
    them; detection_classes [B, M], 1-based, 0 past the last detection; detection_scores [B, M];
    num_detections [B].

    Args:
        detector: The trained network.
        folder: The folder to write.
        config: How overlapping detections are thinned.

    Returns:
        The folder.

    Raises:
        AlgorithmError: The written model, loaded again, does not answer as the detector does.
    """
    module = ServingModule(detector, config)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    fit_saved_model(folder)
    _compare(module, folder)
    return folder


def _compare(module: ServingModule, folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *_PROBE_SIZE, 3), dtype=np.uint8)
    expected = module.serve(tf.constant(pixels))
    loaded = tf.saved_model.load(
        str(folder)
    )  # it is held while its signature runs: the signature alone drops the weights
    answer = loaded.signatures["serving_default"](images=tf.constant(pixels))
    for name, value in expected.items():
        difference = float(tf.reduce_max(tf.abs(value - answer[name])))
        if not difference <= _TOLERANCE:
            raise AlgorithmError(
                f"export {folder}: expected the saved model to answer as the trained one, found "
                f"{name} different by {difference:g}; nothing was published"
            )
