"""A model folder's content in the form that the converters need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from algorithm.errors import DataError, first_line
from algorithm.export.formats.upsampling import with_resize_operations
from algorithm.modelarts.model_index import read_bit_depth, read_class_names

OUTPUTS = (
    "detection_boxes",
    "detection_classes",
    "detection_scores",
    "num_detections",
)  # in the order of a flattened signature


@dataclass(frozen=True)
class Source:
    """A loaded model folder.

    Attributes:
        folder: The folder.
        model: The loaded SavedModel.
        label_names: Names of the classes, class 1 first.
        bit_depth: The bits that 16-bit pictures use.
        settings: ServingModule.settings() as numpy. It is empty for a folder of an older version,
            which has no network function either.
    """

    folder: Path
    model: Any
    label_names: tuple[str, ...]
    bit_depth: int
    settings: dict[str, np.ndarray]

    def signature(self) -> Any:
        """Return the concrete function `serving_default` with constants for variables.

        Its loop stays one operation.
        """
        return convert_variables_to_constants_v2(
            self.model.signatures["serving_default"], lower_control_flow=False
        )

    def image_size(self) -> tuple[int, int]:
        """Return (height, width) of the network's input."""
        return tuple(self.model.heads.get_concrete_function().inputs[0].shape[1:3])

    def suppression(self) -> str:
        """Return in words which NMS the signature applies."""
        if not self.settings:
            return "as in the model folder"
        limit = float(self.settings["hard_above"])
        how = (
            f"Gaussian soft NMS, sigma {self.settings['sigma']:g}"
            if limit < 0
            else f"hard NMS, IoU {limit:g}"
        )
        return (
            f"{how}, per class, in the graph, at most {self.settings['max_detections']} detections"
        )


def open_source(model_dir: Path) -> Source:
    """Load a model folder.

    Args:
        model_dir: The folder.

    Returns:
        Its content.

    Raises:
        DataError: It is no model folder.
    """
    if not (model_dir / "saved_model.pb").is_file():
        raise DataError(
            f"expected a model folder with saved_model.pb at {model_dir}, found none: give the "
            "folder `model` of a job"
        )
    names, bit_depth = read_class_names(model_dir), read_bit_depth(model_dir)
    try:
        model = tf.saved_model.load(str(model_dir))
    except Exception as error:  # damaged files surface as many unrelated types
        raise DataError(
            f"model folder {model_dir}: expected a SavedModel, found {first_line(error)}"
        ) from error
    settings = (
        {name: value.numpy() for name, value in model.settings().items()}
        if hasattr(model, "settings")
        else {}
    )
    return Source(model_dir, model, names, bit_depth, settings)


def network(source: Source) -> Any:
    """Return the network alone, with constants for variables.

    Converting an unfrozen module would give a TFLite model that answers NaN.

    Args:
        source: The model folder.

    Returns:
        A concrete function of images float32 [1, h, w, 3], RGB pixels 0..255, that returns scores
        float32 [1, A, K] and deltas float32 [1, A, 4].

    Raises:
        DataError: The model folder is one of an older version.
    """
    if not source.settings:
        raise DataError(
            f"expected the network as a function in {source.folder}, found the signature alone: "
            "it was exported by an older version; run its training command again, which "
            "publishes it anew"
        )
    mean, std = source.settings["mean"], source.settings["std"]

    def pixels_to_scores(images: tf.Tensor) -> Any:
        outputs = source.model.heads((images - mean) / std)
        return tf.sigmoid(outputs["class_logits"]), outputs["box_deltas"]

    function = tf.function(
        pixels_to_scores,
        input_signature=[tf.TensorSpec((1, *source.image_size(), 3), tf.float32, "images")],
    )
    return with_resize_operations(
        convert_variables_to_constants_v2(function.get_concrete_function())
    )
