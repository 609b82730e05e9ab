"""The inference service that the folder of an object-detection model carries.

It decodes the pictures of a request and names the classes of the reply; all box arithmetic is in
the SavedModel. Under the platform's server its base class asks TF Serving. Without that server
local_model.py runs the SavedModel. pictures.py and request_fields.py read what was sent. Written
for Python 3.7 and newer. It is one file although it is long: the platform loads it by its path, and
what stands beside it is no package.
"""

from __future__ import annotations

import importlib.util
import json
import os
import threading
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np


def companion(name: str) -> ModuleType:
    """Return the module in the file `name`.py beside this one.

    Raises:
        ImportError: It cannot be loaded.
    """
    spec = importlib.util.spec_from_file_location(name, str(Path(__file__).with_name(name + ".py")))
    if spec is None or spec.loader is None:  # this never happens for a file whose name ends in .py
        raise ImportError(f"expected {name}.py beside {__file__}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


try:
    from model_service.tfserving_model_service import TfServingBaseService
except ModuleNotFoundError as missing:
    if missing.name not in ("model_service", "model_service.tfserving_model_service"):
        raise
    TfServingBaseService = companion("local_model").TfServingBaseService

fields_of, pictures = companion("request_fields"), companion("pictures")
mask_forms = companion("mask_forms")
BadRequest, Choice, FIELD = fields_of.BadRequest, fields_of.Choice, fields_of.FIELD
SCORE_THRESHOLD = 0.3
NMS_IOU = 0.5  # above which hard NMS drops a box, where it is asked for without an IoU
SOFT = -1.0  # a value of `hard_above`: boxes lose score instead of being dropped
DECODING = threading.BoundedSemaphore(
    os.cpu_count() or 1
)  # limits the pictures that are decoded at once, to save memory
DECODED = pictures.PixelBudget(
    2 * pictures.MAX_PIXELS
)  # limits the pixels of those and of the ones on their way through the network


class Prepared(dict):
    """The pictures of a request, {"images": uint8 [1, H, W, 3]}, of several a list of them.

    Attributes:
        names: Their file names.
        images: The pictures, uint8 [1, H, W, 3] each.
        choice: What the request asks for.
        release: Gives their pixels back to DECODED, once; so does the end of this object.
    """

    def __init__(
        self, names: list[str], images: list[np.ndarray], choice: Any, pixels: int
    ) -> None:
        """Keep what is given, and the release of its pixels."""
        super().__init__({FIELD: images[0] if len(images) == 1 else images})
        self.names, self.images, self.choice = names, images, choice
        self.release = weakref.finalize(self, DECODED.give, pixels)


class Answers(list):
    """Outputs of the signature for each picture, without the batch dimension.

    Attributes:
        names: The pictures' file names.
        choice: What the request asks for.
        shapes: (height, width) of the pictures, in pixels.
    """

    def __init__(
        self,
        outputs: list[dict[str, Any]],
        names: list[str],
        choice: Any,
        shapes: list[tuple[int, int]],
    ) -> None:
        """Keep what is given."""
        super().__init__(outputs)
        self.names, self.choice, self.shapes = names, choice, shapes


class ObjectDetectionService(TfServingBaseService):
    """Answers {"images": picture files or base64 text} with the objects in each picture.

    It names them and gives their boxes and scores.

    Attributes:
        label_names: Names of the classes, class 1 first.
        confidence: The score from which on detections count.
        of_classes: That score for each class, class 1 first, or None for `confidence` alone.
        nms_iou_threshold: The IoU above which the worse box of a class is dropped, or None.
        bit_depth: The bits that 16-bit pictures use, as in training.
    """

    def __init__(self, model_name: str, model_path: str) -> None:
        """Read the class names in the folder `model_path`; the base class loads its SavedModel."""
        self.label_names = read_label_names(Path(model_path) / "index")
        self.confidence, self.nms_iou_threshold = read_thresholds(Path(model_path) / "index")
        self.of_classes = read_class_thresholds(Path(model_path) / "index", self.confidence)
        self.bit_depth = read_bit_depth(Path(model_path) / "index")
        super().__init__(model_name, model_path)

    def _preprocess(self, data: Any) -> Prepared:
        """Decode the pictures of a request.

        Raises:
            BadRequest: The request has no good pictures, or settings that cannot be applied.
        """
        fields = fields_of.one_dict(data)
        choice = self._choice(fields)
        contents = [(name, stream.read()) for name, stream in fields_of.find_pictures(fields)]
        try:
            pixels = pictures.pixels_of(contents)
            DECODED.take(pixels)
            try:
                images = [self._decoded(name, content) for name, content in contents]
            except BaseException:
                DECODED.give(pixels)
                raise
        except pictures.PictureError as error:
            raise BadRequest(str(error)) from error
        return Prepared([name for name, _ in contents], images, choice, pixels)

    def _decoded(self, name: str, content: bytes) -> np.ndarray:
        with DECODING:
            return pictures.decode_image(content, name, self.bit_depth)[np.newaxis]

    def _inference(self, data: Any) -> Any:
        """Return Answers to a Prepared, by one call of the base class for all pictures of a size.

        Anything else gets the base class's own answer.
        """
        if not isinstance(data, Prepared):
            return super()._inference(data)
        try:
            shapes = [image.shape[1:3] for image in data.images]
            return Answers(self._outputs(data), data.names, data.choice, shapes)
        finally:
            data.release()

    def _outputs(self, data: Prepared) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = [{}] * len(data.images)
        for shape in sorted({image.shape for image in data.images}):
            rows = [row for row, image in enumerate(data.images) if image.shape == shape]
            batch = {FIELD: np.concatenate([data.images[row] for row in rows])}
            if data.choice.hard_above is not None:
                batch["hard_above"] = data.choice.hard_above
            if data.choice.masks != "none":
                batch["mask_above"] = data.choice.lowest()
            answer = super()._inference(batch)
            for place, row in enumerate(rows):
                outputs[row] = (
                    answer if len(rows) == 1 else {name: answer[name][place] for name in answer}
                )
        return outputs

    def _postprocess(self, data: Any) -> dict[str, Any]:
        """Return names, boxes and scores of the objects in a picture, best first.

        The boxes are [ymin, xmin, ymax, xmax] in pixels. Several pictures become {"results": [the
        same with the key "image"]}.

        Args:
            data: Answers, or outputs of the signature for one picture, lists or arrays, with or
                without the batch dimension.

        Returns:
            The reply.

        Raises:
            RuntimeError: The model gives numbers that cannot be answered.
        """
        if not isinstance(data, Answers):
            own = Choice(self.confidence, self.nms_iou_threshold, of_classes=self.of_classes)
            return self._reply(data, own)
        replies = [
            self._reply(outputs, data.choice, shape) for outputs, shape in zip(data, data.shapes)
        ]
        limit_masks(replies)
        if len(replies) == 1:
            return replies[0]
        return {"results": [dict(reply, image=name) for name, reply in zip(data.names, replies)]}

    def _reply(
        self, data: dict[str, Any], choice: Any, shape: tuple[int, int] = (0, 0)
    ) -> dict[str, Any]:
        boxes = output_numbers(data, "detection_boxes").reshape(-1, 4)
        classes = output_numbers(data, "detection_classes").ravel()
        scores = output_numbers(data, "detection_scores").ravel()
        count = int(output_numbers(data, "num_detections").ravel()[0])
        if not len(boxes) == len(classes) == len(scores) >= count:
            raise RuntimeError(
                f"expected a box, a class and a score for {count} detections, the model gave "
                f"{len(boxes)}, {len(classes)} and {len(scores)}"
            )
        kept = np.array(
            [i for i in range(count) if scores[i] >= choice.least(classes[i])], dtype=int
        )
        if choice.names is not None:
            kept = np.array(
                [i for i in kept if self._class_name(classes[i]) in choice.names], dtype=int
            )
        if choice.overlap is not None:
            kept = without_overlaps(boxes, classes, kept, choice.overlap)
        kept = kept[: choice.most]
        reply = {
            "detection_classes": [self._class_name(classes[i]) for i in kept],
            "detection_boxes": boxes[kept].tolist(),
            "detection_scores": scores[kept].tolist(),
        }
        if choice.masks != "none":
            runs = np.asarray(data["detection_masks"])
            runs = (runs[0] if runs.ndim == 3 else runs)[kept]
            reply["detection_masks"] = mask_forms.in_form(choice.masks, runs, *shape)
        return reply

    def _choice(self, fields: dict[str, Any]) -> Any:
        """Return what the request asks for.

        Its fields are score_threshold, max_detections, class_names, nms, nms_iou_threshold and
        masks.
        """
        overlap = fields_of.number(fields, "nms_iou_threshold", float, 0, 1)
        hard_above = self._graph_nms(fields.get("nms"), NMS_IOU if overlap is None else overlap)
        names = fields_of.wanted_names(fields.get("class_names"), self.label_names)
        score = fields_of.number(fields, "score_threshold", float, 0, 1)
        own = self.nms_iou_threshold if hard_above is None else None
        return Choice(
            self.confidence if score is None else score,
            own if overlap is None or hard_above is not None else overlap,
            fields_of.number(fields, "max_detections", int, 1, 100000),
            names,
            hard_above,
            self.of_classes if score is None else None,
            self._mask_form(fields.get("masks")),
        )

    def _mask_form(self, form: Any) -> str:
        """Return in which form masks are answered, "none" where `form` is None.

        Raises:
            BadRequest: The graph has no masks, or the form is unknown.
        """
        if form is None or form == "none":
            return "none"
        if form not in mask_forms.FORMS:
            raise BadRequest(f"masks: expected {', '.join(mask_forms.FORMS)}, found {form!r}")
        if not getattr(self, "gives_masks", lambda: False)():
            raise BadRequest(
                "masks: this service answers with boxes only: leave it out, or serve a model that "
                "was trained with masks=True"
            )
        return form

    def _graph_nms(self, method: Any, overlap: float) -> float | None:
        """Return hard_above for the graph, None where `method` is.

        Raises:
            BadRequest: The graph or the word does not allow it.
        """
        if method is None:
            return None
        if method not in ("soft", "hard"):
            raise BadRequest(f"nms: expected soft or hard, found {method!r}")
        if not getattr(self, "chooses_nms", lambda: False)():
            raise BadRequest(
                "nms: the graph of this service suppresses in one way only: leave it out, or give "
                "nms_iou_threshold alone, which drops overlapping boxes afterwards"
            )
        return SOFT if method == "soft" else overlap

    def _class_name(self, number: float) -> str:
        """Return the name of the 1-based class `number` (float)."""
        if not 1 <= int(number) <= len(self.label_names):
            raise RuntimeError(
                f"the model gave class {number}, the file index names classes 1 to "
                f"{len(self.label_names)}: do both belong together?"
            )
        return self.label_names[int(number) - 1]


def limit_masks(replies: list[dict[str, Any]]) -> None:
    """Refuse a request whose masks would make an endless reply.

    Raises:
        BadRequest: They have more than MOST_CHARACTERS.
    """
    size = sum(len(str(mask)) for reply in replies for mask in reply.get("detection_masks", ()))
    if size > mask_forms.MOST_CHARACTERS:
        raise BadRequest(
            f"masks: expected at most {mask_forms.MOST_CHARACTERS} characters of masks in a reply, "
            f"found {size}: raise score_threshold, lower max_detections, or send fewer or smaller "
            "pictures"
        )


def output_numbers(data: dict[str, Any], name: str) -> np.ndarray:
    """Return an output of the model as a float64 array.

    Args:
        data: The outputs by name.
        name: The output.

    Returns:
        The array.

    Raises:
        RuntimeError: It is absent or not finite.
    """
    if name not in data:
        raise RuntimeError(f"the model has no output {name}; it has {', '.join(sorted(data))}")
    numbers = np.asarray(data[name], dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise RuntimeError(f"output {name} of the model is not finite: the model is damaged")
    return numbers


def read_label_names(path: Path) -> list[str]:
    """Read the class names from the JSON file `index` of a model folder.

    Args:
        path: The file.

    Returns:
        The names, class 1 first.

    Raises:
        ValueError: The file holds something else.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    names = content.get("labels_list") if isinstance(content, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f'expected {{"labels_list": [names]}} in {path}')
    return names


def read_thresholds(path: Path) -> tuple[float, float | None]:
    """Read `thresholds` from the JSON file `index`, as the assessment applies it.

    Args:
        path: The file.

    Returns:
        (confidence, overlap or None). Without thresholds detections count from SCORE_THRESHOLD on,
        and none is suppressed beyond what the model does.

    Raises:
        ValueError: A threshold is not between 0 and 1.
    """
    found = json.loads(path.read_text(encoding="utf-8")).get("thresholds", {})
    values = found.get("confidence", SCORE_THRESHOLD), found.get("nms_iou_threshold")
    if not all(
        value is None or isinstance(value, (int, float)) and 0 <= value <= 1 for value in values
    ):
        raise ValueError(f"expected thresholds between 0 and 1 in {path}, found {found}")
    return values


def read_class_thresholds(path: Path, confidence: float) -> list[float] | None:
    """Read the thresholds of the classes from the JSON file `index`.

    Args:
        path: The file.
        confidence: That of classes without one of their own.

    Returns:
        The score from which on detections of each class count, class 1 first; None where no class
        has one of its own.

    Raises:
        ValueError: A threshold is not between 0 and 1, or of an unknown class.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    names, found = content["labels_list"], content.get("thresholds", {}).get("per_class")
    if found is None:
        return None
    if not isinstance(found, dict) or not all(
        name in names and isinstance(value, (int, float)) and 0 <= value <= 1
        for name, value in found.items()
    ):
        raise ValueError(
            f"expected thresholds between 0 and 1 by class name in {path}, found {found}"
        )
    return [found.get(name, confidence) for name in names]


def read_bit_depth(path: Path) -> int:
    """Read `bit_depth` from the JSON file `index`, as the training job was given it.

    Args:
        path: The file.

    Returns:
        8..16; 16 where the file does not say it.

    Raises:
        ValueError: The file holds something else.
    """
    depth = json.loads(path.read_text(encoding="utf-8")).get("bit_depth", pictures.FULL_DEPTH)
    if not isinstance(depth, int) or not 8 <= depth <= pictures.FULL_DEPTH:
        raise ValueError(f"expected bit_depth of 8..16 in {path}, found {depth!r}")
    return depth


def without_overlaps(
    boxes: np.ndarray, classes: np.ndarray, kept: np.ndarray, most: float
) -> np.ndarray:
    """Drop detections that overlap a better one of their class.

    Args:
        boxes: [N, 4], [ymin, xmin, ymax, xmax].
        classes: [N].
        kept: Indices of detections, the best first.
        most: The IoU above which a detection is dropped.

    Returns:
        Those of the indices that stay.
    """
    chosen: list[int] = []
    for index in kept:
        if not any(
            classes[index] == classes[other] and overlap(boxes[index], boxes[other]) > most
            for other in chosen
        ):
            chosen.append(index)
    return np.array(chosen, dtype=int)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two boxes.

    Args:
        one: [ymin, xmin, ymax, xmax].
        other: The same.

    Returns:
        0 to 1; 0 when both are without area.
    """
    shared = np.prod(np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0))
    union = np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared
    return shared / union if union > 0 else 0.0
