"""The SavedModel: raw pixels in, detections in the original picture's pixels out.

All arithmetic is in the graph.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from algorithm.errors import AlgorithmError
from algorithm.export.older_tensorflow import fit_saved_model
from algorithm.models.detector import Detector
from algorithm.models.late_coefficients import (
    FEATURES,
    PROTOTYPE_FEATURES,
    all_coefficients,
    coefficients_at,
    with_features,
)
from algorithm.ops.detections import NmsConfig, detect, to_image
from algorithm.ops.image import letterbox_scale, normalize, pad_bottom_right, resize
from algorithm.ops.mask_assembly import fitted_shape, mask_runs

SOFT = -1.0  # as hard_above, in place of an IoU: soft NMS, as in the handler
_PROBE_SIZE = (97, 131)
_TOLERANCE = 1e-3
MASKS = "masks"  # the signature that answers with masks, of a detector that has them
_BOX_OUTPUTS = ("class_logits", "box_deltas")


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
        heads: Returns the network's own outputs; of a detector with masks those of
            models.late_coefficients.with_features.
        coefficients: Of a detector with masks: takes the mask_features of `heads` and returns
            mask_coefficients.
        serve_masks: Of a detector with masks: the signature MASKS, of images as `serve` and
            mask_above float32 [], the score from which on a detection has a mask.
        detect_masks: Of a detector with masks: its second half, as `detect`, with mask_above
            float32 [B]. What gives boxes alone computes nothing of the masks.
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
                    config.iou_threshold if config.method == "hard" else SOFT
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
        features = with_features(detector) if detector.masks else None
        self.heads = heads = tf.function(
            lambda inputs: features(inputs) if features else detector(inputs, training=False),
            input_signature=[inputs],
        )

        def detections(inputs, scale, size, hard_above=None) -> dict[str, tf.Tensor]:
            outputs = _checked(heads(inputs), _BOX_OUTPUTS)
            return _named(to_image(detect(outputs, anchors, config, hard_above), scale, size))

        def masked(inputs, scale, size, hard_above, mask_above) -> dict[str, tf.Tensor]:
            outputs = _checked(heads(inputs), (*_BOX_OUTPUTS, FEATURES, PROTOTYPE_FEATURES))
            suppressed = detect(outputs, anchors, config, hard_above, with_anchors=True)
            found = to_image(suppressed, scale, size)
            coefficients = coefficients_at(detector, outputs[FEATURES], found["anchors"])
            wanted = (found["scores"] >= mask_above[:, None]) & (found["labels"] >= 0)
            runs = mask_runs(
                tf.debugging.check_numerics(coefficients, "mask_coefficients"),
                outputs[PROTOTYPE_FEATURES],
                found["boxes"],
                tf.reduce_sum(tf.cast(wanted, tf.int32), axis=1),
                fitted_shape(size, scale),
                size,
            )
            return {**_named(found), "detection_masks": runs}

        def prepare(image: tf.Tensor) -> dict[str, tf.Tensor]:
            fitted, scale = fit(image)
            return {
                "inputs": fitted,
                "scale": scale,
                "size": tf.cast(tf.shape(image)[:2], tf.float32),
            }

        def of_one_size(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            fitted, scale = fit(images)
            batch, size = tf.shape(images)[0], tf.cast(tf.shape(images)[1:3], tf.float32)
            return fitted, tf.repeat(scale, batch), tf.tile(size[None], (batch, 1))

        def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
            return detections(*of_one_size(images))

        def serve_masks(images: tf.Tensor, mask_above: tf.Tensor) -> dict[str, tf.Tensor]:
            above = tf.repeat(mask_above, tf.shape(images)[0])
            return masked(*of_one_size(images), None, above)

        numbers = [
            tf.TensorSpec((None,), tf.float32, "scale"),
            tf.TensorSpec((None, 2), tf.float32, "size"),
            tf.TensorSpec((None,), tf.float32, "hard_above"),
        ]
        images = tf.TensorSpec((None, None, None, 3), tf.uint8, "images")
        self.serve = tf.function(serve, input_signature=[images])
        self.prepare = tf.function(
            prepare, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8, "image")]
        )
        self.detect = tf.function(detections, input_signature=[inputs, *numbers])
        if detector.masks:
            above = tf.TensorSpec((), tf.float32, "mask_above")
            self.serve_masks = tf.function(serve_masks, input_signature=[images, above])
            each = tf.TensorSpec((None,), tf.float32, "mask_above")
            self.detect_masks = tf.function(masked, input_signature=[inputs, *numbers, each])
            self.coefficients = tf.function(
                lambda features: all_coefficients(detector, features),
                input_signature=[
                    tf.TensorSpec(
                        self.heads.get_concrete_function().structured_outputs[FEATURES].shape
                    )
                ],
            )


def _checked(outputs: dict[str, tf.Tensor], names: tuple[str, ...]) -> dict[str, tf.Tensor]:
    """Return some outputs; a damaged model fails, it does not answer that nothing is there."""
    return {name: tf.debugging.check_numerics(outputs[name], name) for name in names}


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
    num_detections [B]. A detector with masks gets the signature MASKS besides, which also gives
    detection_masks int32 [B, M, R], see ops.mask_assembly.mask_runs.

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
    signatures = {"serving_default": module.serve}
    if detector.masks:
        signatures[MASKS] = module.serve_masks
    tf.saved_model.save(module, str(folder), signatures=signatures)
    fit_saved_model(folder)
    _compare(module, folder)
    return folder


def signatures_in(folder: Path) -> set[str]:
    """Return the names of the signatures of a SavedModel, without loading it."""
    found = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return {name for part in found.meta_graphs for name in part.signature_def}


def _compare(module: ServingModule, folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *_PROBE_SIZE, 3), dtype=np.uint8)
    images = tf.constant(pixels)
    loaded = tf.saved_model.load(
        str(folder)
    )  # it is held while its signature runs: the signature alone drops the weights
    # What was traced to be saved is called, because a call of the function itself traces it again.
    serve = module.serve.get_concrete_function()
    pairs = [(serve(images), loaded.signatures["serving_default"](images=images))]
    if MASKS in loaded.signatures:
        above = tf.constant(0.0)
        answer = loaded.signatures[MASKS](images=images, mask_above=above)
        expected = module.serve_masks.get_concrete_function()(images, above)
        for outputs in (expected, answer):  # a pixel on the edge may fall to either side
            outputs["detection_masks"] = _pixels(outputs["detection_masks"])
        pairs.append((expected, answer))
    for expected, answer in pairs:
        for name, value in expected.items():
            difference = float(tf.reduce_max(tf.abs(value - answer[name])))
            if not difference <= _TOLERANCE:
                raise AlgorithmError(
                    f"export {folder}: expected the saved model to answer as the trained one, "
                    f"found {name} different by {difference:g}; nothing was published"
                )


def _pixels(runs: tf.Tensor) -> tf.Tensor:
    """Return the share of the picture that each mask covers, float32 [B, M]."""
    total = tf.maximum(tf.reduce_sum(runs, axis=2), 1)
    return tf.cast(tf.reduce_sum(runs[:, :, 1::2], axis=2) / total, tf.float32)
