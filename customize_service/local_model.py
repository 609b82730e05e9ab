"""The SavedModel of a model folder, run in this process where no TensorFlow Serving is behind it.

Carried beside customize_service.py, which loads it. Written for Python 3.7 and newer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

LOGGER = logging.getLogger(__name__)
LOAD_WAIT_SECONDS = 30.0  # the platform's older gateway gives up after 40
RETRY_SECONDS = 5  # as in serving.limits
MASKS = "detection_masks"  # an output of tens of thousands of numbers
SOFT = -1.0  # in place of an IoU: boxes lose score instead of being dropped


class NotReady(RuntimeError):
    """There is no model to ask: it is still being loaded, or could not be.

    Attributes:
        reason: What may be shown to the client.
    """

    http_status = 503
    retry_after = RETRY_SECONDS

    def __init__(self, reason: str) -> None:
        """Keep what the client may read."""
        super().__init__(reason)
        self.reason = reason


class TfServingBaseService:
    """A stand-in for the platform's base class: the same steps, with the SavedModel run here.

    The model is loaded in the background; requests wait for it.

    Attributes:
        model_name: The model's name.
        model_path: The folder of the SavedModel.
        run_together: Runs pictures. It may be replaced by something that gathers the pictures of
            several requests; pictures with an equal `group` can go through the network together.
    """

    def __init__(self, model_name: str, model_path: str) -> None:
        """Begin to load the SavedModel in the folder `model_path`."""
        self.model_name = model_name
        self.model_path = model_path
        self._model: LocalModel | None = None
        self._failure = ""
        self._loaded = threading.Event()
        self.run_together = lambda pictures: self.wait_until_loaded().run(pictures)
        threading.Thread(target=self._load, name="load-model", daemon=True).start()

    def health(self) -> str:
        """Return "ready", "loading", or what went wrong."""
        if not self._loaded.is_set():
            return "loading"
        return self._failure or "ready"

    def wait_until_loaded(self, seconds: float = LOAD_WAIT_SECONDS) -> LocalModel:
        """Return the loaded model.

        Args:
            seconds: How long to wait at most.

        Returns:
            The model.

        Raises:
            NotReady: The seconds passed without a model, or it cannot be loaded; that is said at
                once.
        """
        if not self._loaded.wait(seconds):
            raise NotReady(f"the model is still being loaded, ask again in {RETRY_SECONDS} s")
        if self._model is None:
            raise NotReady(self._failure)
        return self._model

    def inference(self, data: Any) -> dict[str, Any]:
        """Answer one request: preprocess, inference, postprocess.

        It may be called from several threads.

        Args:
            data: The request.

        Returns:
            The reply.
        """
        return self._postprocess(self._inference(self._preprocess(data)))

    def _preprocess(self, data: Any) -> Any:
        """Return the request as it is; a handler overrides this."""
        return data

    def _postprocess(self, data: Any) -> Any:
        """Return the outputs as they are; a handler overrides this."""
        return data

    def chooses_nms(self) -> bool:
        """Return whether the graph takes `hard_above`."""
        return self.wait_until_loaded().chooses_nms

    def gives_masks(self) -> bool:
        """Return whether the graph can answer with masks."""
        return self.wait_until_loaded().gives_masks

    def _inference(self, data: Any) -> Any:
        """Return the outputs of the signature for pictures, as lists; masks stay arrays.

        Args:
            data: "images", uint8 [B, H, W, 3]; and "hard_above" where it is given: the IoU above
                which a box is dropped, or SOFT; and "mask_above", the score from which on a
                detection has a mask.

        Returns:
            The outputs by name.
        """
        model = self.wait_until_loaded()
        choice = data.get("hard_above"), data.get("mask_above")
        pictures = [model.prepare(image, *choice) for image in data["images"]]
        outputs = self.run_together(pictures)
        return {
            name: [
                each[name] if name == MASKS else np.asarray(each[name]).tolist() for each in outputs
            ]
            for name in outputs[0]
        }

    def _load(self) -> None:
        try:
            self._model = LocalModel(self.model_path)
        except Exception as error:  # damaged files surface as many unrelated types
            self._failure = f"the SavedModel in {self.model_path} cannot be loaded: {error}"
            LOGGER.exception("%s", self._failure)
        self._loaded.set()


class Picture:
    """One picture on its way through the network.

    Attributes:
        arguments: Arguments of the graph, by name.
        group: What it must share with its batch.
    """

    def __init__(self, arguments: dict[str, Any], group: Any) -> None:
        """Keep both."""
        self.arguments, self.group = arguments, group


class LocalModel:
    """A SavedModel.

    One that was exported in two halves (`prepare` and `detect`) batches pictures of any size,
    another pictures of one size. Weights become constants, so that TensorFlow can fold and fuse.

    Attributes:
        chooses_nms: Whether the graph takes `hard_above`.
        gives_masks: Whether the graph can answer with masks, too.
    """

    def __init__(self, folder: str) -> None:
        """Load it and answer one grey picture.

        Raises:
            RuntimeError: It has no signature `serving_default`.
        """
        import tensorflow as tf

        self._tf = tf
        self._kept = model = tf.saved_model.load(
            str(folder)
        )  # it is kept, because its functions only borrow the variables
        if "serving_default" not in model.signatures:
            raise RuntimeError(
                "expected a signature serving_default, found {}".format(
                    ", ".join(model.signatures) or "none"
                )
            )
        self.chooses_nms = hasattr(model, "prepare") and hasattr(model, "detect")
        self.gives_masks = self.chooses_nms and hasattr(model, "detect_masks")
        self._run_with_masks: Callable[[dict[str, Any]], dict[str, Any]] | None = None
        self._making = threading.Lock()
        if self.chooses_nms:
            self._prepare = model.prepare
            self._default = float(model.settings()["hard_above"])
            names = ("inputs", "scale", "size", "hard_above")
            self._run = _frozen(model.detect.get_concrete_function(), names)
        else:
            self._run = _frozen(model.signatures["serving_default"], ("images",))
        self.run([self.prepare(np.full((64, 64, 3), 127, np.uint8))])

    def prepare(
        self, image: np.ndarray, hard_above: float | None = None, mask_above: float | None = None
    ) -> Picture:
        """Make a Picture, fitted to the network where the graph has a function for that.

        Args:
            image: uint8 [H, W, 3].
            hard_above: The IoU above which a box is dropped, or SOFT; None for the graph's own.
            mask_above: The score from which on a detection has a mask; None for no masks at all.

        Returns:
            The picture.
        """
        if not self.chooses_nms:
            return Picture({"images": self._tf.constant(image)}, image.shape)
        fitted = self._prepare(self._tf.constant(image))
        number = self._default if hard_above is None else hard_above
        arguments = dict(fitted, hard_above=self._tf.constant(number, self._tf.float32))
        if mask_above is None:
            return Picture(arguments, "network")
        above = self._tf.constant(mask_above, self._tf.float32)
        return Picture(dict(arguments, mask_above=above), "network with masks")

    def run(self, pictures: Sequence[Picture]) -> list[dict[str, np.ndarray]]:
        """Run pictures of one group.

        Args:
            pictures: The pictures.

        Returns:
            The outputs of the signature for each, {name: array without batch dimension}.
        """
        batch = {
            name: self._tf.stack([picture.arguments[name] for picture in pictures])
            for name in pictures[0].arguments
        }
        run = self._with_masks() if "mask_above" in batch else self._run
        outputs = {name: value.numpy() for name, value in run(batch).items()}
        return [
            {name: value[row] for name, value in outputs.items()} for row in range(len(pictures))
        ]

    def _with_masks(self) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """Return the graph with masks, which is made when it is first asked for."""
        with self._making:
            if self._run_with_masks is None:
                self._run_with_masks = _frozen(
                    self._kept.detect_masks.get_concrete_function(),
                    ("inputs", "scale", "size", "hard_above", "mask_above"),
                )
            return self._run_with_masks


def _frozen(function: Any, names: Sequence[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a concrete function with constants for variables.

    It takes {name: tensor} and returns {name: tensor}.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    wanted = sorted(
        function.structured_outputs
    )  # flattened outputs come in the order of their names
    frozen = convert_variables_to_constants_v2(function)
    order = [
        next(
            name
            for name in names
            if tensor.name.split(":")[0] == name or tensor.name.startswith(name + ":")
        )
        for tensor in frozen.inputs
    ]

    def run(arguments: dict[str, Any]) -> dict[str, Any]:
        outputs = frozen(*[arguments[name] for name in order])
        if isinstance(outputs, dict):
            return outputs
        return dict(zip(wanted, outputs))

    return run
