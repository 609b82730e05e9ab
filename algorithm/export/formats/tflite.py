"""TFLite: the network for pictures of its own size.

It ends in MediaPipe's four outputs or in its raw scores and boxes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.export.formats.mediapipe_metadata import with_metadata
from algorithm.export.formats.source import Source, network
from algorithm.ops.detections import NmsConfig

OPERATION = "TFLite_Detection_PostProcess"
IOU, SCORE = NmsConfig.iou_threshold, NmsConfig.score_threshold


def write_tflite(
    source: Source, folder: Path, *, weights: str, nms: str, pictures: Iterable[np.ndarray] = ()
) -> Path:
    """Write <folder>/model.tflite.

    The input images is float32 [1, h, w, 3] (uint8 for int8), RGB pixels 0..255.

    Args:
        source: The model folder.
        folder: The folder to write into.
        weights: "float", "fp16" (stored as halves, float arithmetic) or "int8" (arithmetic too).
        nms: "mediapipe" ends in TFLite's own operation, hard NMS at IoU 0.5 per class, and carries
            MediaPipe's metadata with the class names. "none" gives scores [1, A, K] and deltas
            [1, A, 4], for any NMS outside, and of a model with masks coefficients and prototypes.
        pictures: Pictures to calibrate int8 on, float32 [h, w, 3], pixels 0..255.

    Returns:
        The file.
    """
    if nms == "mediapipe":
        with tempfile.TemporaryDirectory() as folder_of_graph:
            content = _converted(
                _with_operation(source, Path(folder_of_graph)), source, weights, pictures
            )
        content = with_metadata(content, source.label_names)
    else:
        content = _converted(
            tf.lite.TFLiteConverter.from_concrete_functions([network(source, masks=source.masks)]),
            source,
            weights,
            pictures,
        )
    path = folder / "model.tflite"
    path.write_bytes(content)
    return path


def _converted(
    converter: tf.lite.TFLiteConverter, source: Source, weights: str, pictures: Iterable[np.ndarray]
) -> bytes:
    converter.allow_custom_ops = True  # OPERATION is a custom one
    if weights != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if weights == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if weights == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32
        converter.representative_dataset = lambda: _calibration(pictures, source.image_size())
    return bytes(converter.convert())


def _with_operation(source: Source, folder: Path) -> tf.lite.TFLiteConverter:
    """Return a converter of the network of constants with OPERATION behind it.

    It goes through a SavedModel, because freezing would dissolve the function that stands for
    OPERATION. The outputs are named so that their order is MediaPipe's.
    """
    frozen, finish = network(source), _postprocess(source)

    @tf.function(
        input_signature=[tf.TensorSpec((1, *source.image_size(), 3), tf.float32, "images")]
    )
    def whole(images):
        scores, deltas = frozen(images)
        return {f"output_{place}": value for place, value in enumerate(finish(scores, deltas))}

    module = tf.Module()
    module.whole = whole
    tf.saved_model.save(module, str(folder), signatures={"serving_default": whole})
    return tf.lite.TFLiteConverter.from_saved_model(str(folder))


def _calibration(
    pictures: Iterable[np.ndarray], size: tuple[int, int]
) -> Iterable[list[np.ndarray]]:
    """Yield the pictures, and one that is black and white.

    The input's range is then exactly 0..255, and a grey level one step of it.
    """
    halves = np.zeros((1, *size, 3), np.float32)
    halves[:, : size[0] // 2] = 255
    yield [halves]
    for picture in pictures:
        yield [picture[None]]


def centred(anchors: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return anchors by their centres and sides, in shares of the network's input.

    Args:
        anchors: float32 [A, 4], [ymin, xmin, ymax, xmax] in pixels.
        size: (height, width) of the input, in pixels.

    Returns:
        float32 [A, 4], (y centre, x centre, height, width).
    """
    corners = anchors / np.array([*size, *size], np.float32)
    return np.concatenate(
        [(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1
    ).astype(np.float32)


def _postprocess(source: Source):
    """Return a function of scores and deltas that stands for OPERATION.

    It returns boxes [1, M, 4] yxyx in shares of the input, classes [1, M] from 0, scores [1, M] and
    count [1]. The converter replaces a function that says it implements OPERATION by that
    operation; what it computes does not matter.
    """
    anchors = tf.constant(centred(source.settings["anchors"], source.image_size()))
    most, classes = int(source.settings["max_detections"]), len(source.label_names)
    numbers = {
        "max_detections": most,
        "max_classes_per_detection": 1,
        "detections_per_class": most,
        "num_classes": classes,
    }
    parts = [
        f'name: "{OPERATION}"',
        *(_attribute(name, "i", str(value)) for name, value in numbers.items()),
        _attribute("use_regular_nms", "b", "true"),
        _attribute("nms_score_threshold", "f", str(SCORE)),
        _attribute("nms_iou_threshold", "f", str(IOU)),
        *(_attribute(name, "f", "1.0") for name in ("y_scale", "x_scale", "h_scale", "w_scale")),
    ]

    @tf.function(experimental_implements=" ".join(parts))
    def operation(box_encodings, class_predictions, anchors):
        return tf.zeros((1, most, 4)), tf.zeros((1, most)), tf.zeros((1, most)), tf.zeros((1,))

    return lambda scores, deltas: operation(deltas, scores, anchors)


def _attribute(name: str, kind: str, value: str) -> str:
    return f'attr {{ key: "{name}" value {{ {kind}: {value} }} }}'
