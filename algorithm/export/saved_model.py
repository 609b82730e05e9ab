"""The SavedModel: raw pixels in, detections in the original picture's pixels out, all arithmetic in the graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.errors import AlgorithmError
from algorithm.models.detector import Detector
from algorithm.ops.detections import NmsConfig, detect, to_image
from algorithm.ops.image import letterbox, normalize

_PROBE_SIZE = (97, 131)
_TOLERANCE = 1e-3


class ServingModule(tf.Module):
    """Holds a detector's variables and the one serving signature. Nothing of Keras' own object graph is saved."""

    def __init__(self, detector: Detector, config: NmsConfig) -> None:
        super().__init__(name="detector")
        self._weights = [variable.value for variable in detector.variables]
        anchors = tf.constant(detector.anchors)

        def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
            size = tf.cast(tf.shape(images)[1:3], tf.float32)
            normalised = normalize(tf.cast(images, tf.float32), detector.preset.mean, detector.preset.std)
            boxed, scale = letterbox(normalised, detector.image_size)
            boxed = tf.ensure_shape(boxed, (None, *detector.image_size, 3))
            batch = tf.shape(images)[0]
            outputs = detector(boxed, training=False)
            # A damaged model must fail, not answer that there is nothing to see.
            outputs = {name: tf.debugging.check_numerics(value, name) for name, value in outputs.items()}
            found = detect(outputs, anchors, config)
            found = to_image(found, tf.repeat(scale, batch), tf.tile(size[None], (batch, 1)))
            return {
                "detection_boxes": found["boxes"],
                "detection_classes": tf.cast(found["labels"] + 1, tf.float32),
                "detection_scores": found["scores"],
                "num_detections": tf.cast(found["count"], tf.float32),
            }

        self.serve = tf.function(serve, input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "images")])


def export_saved_model(detector: Detector, folder: Path, config: NmsConfig) -> Path:
    """Writes a SavedModel with the signature `serving_default` and returns its folder.

    images: uint8 [B, H, W, 3], RGB, any size. detection_boxes: float32 [B, M, 4], [ymin, xmin, ymax, xmax] in pixels
    of the pictures given, clipped to them. detection_classes: float32 [B, M], 1-based, 0 past the last detection.
    detection_scores: float32 [B, M]. num_detections: float32 [B]. AlgorithmError when the written model, loaded
    again, does not answer as the detector does.
    """
    module = ServingModule(detector, config)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    _compare(module, folder)
    return folder


def _compare(module: ServingModule, folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *_PROBE_SIZE, 3), dtype=np.uint8)
    expected = module.serve(tf.constant(pixels))
    loaded = tf.saved_model.load(str(folder))  # held while its signature runs: the signature alone drops the weights
    answer = loaded.signatures["serving_default"](images=tf.constant(pixels))
    for name, value in expected.items():
        difference = float(tf.reduce_max(tf.abs(value - answer[name])))
        if not difference <= _TOLERANCE:
            raise AlgorithmError(f"export {folder}: expected the saved model to answer as the trained one, found "
                                 f"{name} different by {difference:g}; nothing was published")
