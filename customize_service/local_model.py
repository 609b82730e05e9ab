"""The SavedModel of a model folder, run in this process where no TensorFlow Serving is behind it.

Carried beside customize_service.py, which loads it. Written for Python 3.7 and newer.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

LOGGER = logging.getLogger(__name__)
LOAD_WAIT_SECONDS = 30.0  # the platform's older gateway gives up after 40
RETRY_SECONDS = 5  # as in serving.limits
MASKS = "detection_masks"  # an output of tens of thousands of numbers
SIGNATURE = "signatures/serving_default"
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
            RuntimeError: It has no signature `serving_default`, or needs more than weights.
        """
        self._functions = functions = _saved_functions(folder)
        signatures = [name for name in functions.names if name.startswith("signatures/")]
        if SIGNATURE not in signatures:
            raise RuntimeError(
                "expected a signature serving_default, found {}".format(
                    ", ".join(sorted(name.split("/")[1] for name in signatures)) or "none"
                )
            )
        self.chooses_nms = {"prepare", "detect", "settings"} <= functions.names
        self.gives_masks = self.chooses_nms and "detect_masks" in functions.names
        self._run_with_masks: Any = None
        self._making = threading.Lock()
        if self.chooses_nms:
            self._prepare = functions.open("prepare")
            self._default = float(functions.open("settings")({})["hard_above"])
        self._run = functions.open("detect" if self.chooses_nms else SIGNATURE)
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
            return Picture({"images": image}, image.shape)
        number = self._default if hard_above is None else hard_above
        arguments = dict(self._prepare({"image": image}), hard_above=np.float32(number))
        if mask_above is None:
            return Picture(arguments, "network")
        return Picture(dict(arguments, mask_above=np.float32(mask_above)), "network with masks")

    def run(self, pictures: Sequence[Picture]) -> list[dict[str, np.ndarray]]:
        """Run pictures of one group.

        Args:
            pictures: The pictures.

        Returns:
            The outputs of the signature for each, {name: array without batch dimension}.
        """
        batch = {
            name: np.stack([picture.arguments[name] for picture in pictures])
            for name in pictures[0].arguments
        }
        outputs = (self._with_masks() if "mask_above" in batch else self._run)(batch)
        return [
            {name: value[row] for name, value in outputs.items()} for row in range(len(pictures))
        ]

    def _with_masks(self) -> Any:
        """Return the graph with masks, which is made when it is first asked for."""
        with self._making:
            if self._run_with_masks is None:
                self._run_with_masks = self._functions.open("detect_masks")
            return self._run_with_masks


def _saved_functions(folder: str) -> Any:
    """Return the SavedFunctions of a folder, by saved_functions.py beside this file."""
    path = Path(__file__).with_name("saved_functions.py")
    spec = importlib.util.spec_from_file_location("saved_functions", str(path))
    if spec is None or spec.loader is None:  # this never happens for a file whose name ends in .py
        raise ImportError(f"expected a module in {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SavedFunctions(folder)
