"""A model folder's content in the form that the converters need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from algorithm.errors import DataError, first_line
from algorithm.export.formats.upsampling import with_resize_operations
from algorithm.export.saved_model import MASKS
from algorithm.modelarts.model_index import read_bit_depth, read_class_names
from algorithm.ops.saved_functions import SavedFunctions

MASK_OUTPUT, MASK_INPUT = "detection_masks", "mask_above"
NO_MASK = 2.0  # for MASK_INPUT: above every score
OUTPUTS = (
    "detection_boxes",
    "detection_classes",
    "detection_scores",
    "num_detections",
)  # in the order of a flattened signature


@dataclass(frozen=True)
class Source:
    """A model folder that was opened.

    Attributes:
        folder: The folder.
        functions: The functions of its SavedModel, which are opened one by one.
        label_names: Names of the classes, class 1 first.
        bit_depth: The bits that 16-bit pictures use.
        settings: ServingModule.settings() as numpy. It is empty for a folder of an older version,
            which has no network function either.
    """

    folder: Path
    functions: SavedFunctions
    label_names: tuple[str, ...]
    bit_depth: int
    settings: dict[str, np.ndarray]

    @property
    def masks(self) -> bool:
        """Whether the network has a mask head."""
        return "coefficients" in self.functions.names

    @cached_property
    def model(self) -> Any:
        """The SavedModel as TensorFlow's own loader opens it, with all functions.

        Raises:
            DataError: It is damaged.
        """
        with telling_damage(self.folder):
            return tf.saved_model.load(str(self.folder))

    def signature(self, *, masks: bool) -> Any:
        """Return the whole graph with constants for variables; its loops stay single operations.

        Args:
            masks: Return the signature MASKS, whose masks come last, instead of `serving_default`.
        """
        function = (
            self._masked().get_concrete_function()
            if masks
            else self.model.signatures["serving_default"]
        )
        return convert_variables_to_constants_v2(function, lower_control_flow=False)

    def _masked(self) -> Any:
        signature = self.model.signatures[MASKS]

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, None, None, 3), tf.uint8, "images"),
                tf.TensorSpec((), tf.float32, MASK_INPUT),
            ]
        )
        def whole(images: tf.Tensor, mask_above: tf.Tensor) -> list[tf.Tensor]:
            answer = signature(images=images, mask_above=mask_above)
            return [answer[name] for name in (*OUTPUTS, MASK_OUTPUT)]

        return whole

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
    with telling_damage(model_dir):
        functions = SavedFunctions(model_dir)
        settings = functions.open("settings")({}) if "settings" in functions.names else {}
    return Source(model_dir, functions, names, bit_depth, settings)


@contextmanager
def telling_damage(model_dir: Path) -> Iterator[None]:
    """Raise a DataError for whatever is raised where a model folder is read."""
    try:
        yield
    except Exception as error:  # damaged files surface as many unrelated types
        raise DataError(
            f"model folder {model_dir}: expected a SavedModel, found {first_line(error)}"
        ) from error


def network(source: Source, *, masks: bool = False) -> Any:
    """Return the network alone, with constants for variables.

    Converting an unfrozen module would give a TFLite model that answers NaN.

    Args:
        source: The model folder.
        masks: Return what masks are made of too; of a network with a mask head.

    Returns:
        A concrete function of images float32 [1, h, w, 3], RGB pixels 0..255, that returns scores
        float32 [1, A, K] and deltas float32 [1, A, 4]; with masks also coefficients float32
        [1, A, k] and prototypes float32 [1, rows, columns, k].

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
        boxes = tf.sigmoid(outputs["class_logits"]), outputs["box_deltas"]
        if not masks:
            return boxes
        return *boxes, source.model.coefficients(outputs["mask_features"]), outputs["prototypes"]

    function = tf.function(
        pixels_to_scores,
        input_signature=[tf.TensorSpec((1, *source.image_size(), 3), tf.float32, "images")],
    )
    return with_resize_operations(
        convert_variables_to_constants_v2(function.get_concrete_function())
    )
