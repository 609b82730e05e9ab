"""Inference service carried inside the folder of an object-detection model.

It decodes the picture of a request and names the classes of the reply; all box arithmetic is in the SavedModel.
Under the platform's server its base class asks TF Serving. Without that server the file runs the SavedModel itself.
Written for Python 3.7 and newer.
"""

import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

try:
    from model_service.tfserving_model_service import TfServingBaseService
except ModuleNotFoundError as missing:
    if missing.name not in ("model_service", "model_service.tfserving_model_service"):
        raise

    class TfServingBaseService:
        """Stand-in for the platform's base class: same steps, with the SavedModel running in this process."""

        def __init__(self, model_name, model_path):
            """Load the SavedModel in the folder `model_path`. Raises RuntimeError when that fails."""
            self.model_name = model_name
            self.model_path = model_path
            self._model = load_saved_model(model_path)  # kept, because its signature only borrows the variables
            self._signature = self._model.signatures["serving_default"]

        def inference(self, data):
            """Reply (dict) to one request: preprocess, inference, postprocess. Safe to call from several threads."""
            return self._postprocess(self._inference(self._preprocess(data)))

        def _inference(self, data):
            import tensorflow as tf

            outputs = self._signature(**{name: tf.constant(value) for name, value in data.items()})
            return {name: value.numpy().tolist() for name, value in outputs.items()}


FIELD = "images"
SCORE_THRESHOLD = 0.3

# --- picture decoding: same text in customize_service.py and decoding.py
MAX_PIXELS, MAX_SIDE = 50_000_000, 16_384
# The plugin is chosen by content, and called without Image.open, whose own size check warns or raises before ours.
PLUGINS = {
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
    b"GIF8": GifImagePlugin.GifImageFile,
}
TURNS = dict(zip(range(2, 9), (Image.FLIP_LEFT_RIGHT, Image.ROTATE_180, Image.FLIP_TOP_BOTTOM, Image.TRANSPOSE,
                               Image.ROTATE_270, Image.TRANSVERSE, Image.ROTATE_90)))


class PictureError(ValueError):
    """The bytes are not a picture that can be used. The message names the picture."""


def decode_image(data, name):
    """uint8 [H, W, 3] RGB, upright (EXIF orientation applied), C-contiguous, of encoded `data` (bytes).

    16-bit grey keeps its high byte, alpha is dropped, the first frame of an animation counts.
    Raises PictureError naming `name` when the bytes cannot be decoded or the picture is too large.
    """
    image = open_picture(io.BytesIO(data), name)
    turn = TURNS.get(exif_orientation(image.info.get("exif", b"")))
    try:
        image.load()
        if image.mode.startswith("I"):
            image = Image.fromarray((np.asarray(image.convert("I")) >> 8).clip(0, 255).astype(np.uint8))
        image.info.pop("transparency", None)
        image = image.convert("RGB")
    except MemoryError:
        raise
    except Exception as error:  # decoders fail on hostile bytes in more ways than they declare
        raise PictureError(f"{name}: the picture is damaged or truncated: {error}") from error
    return np.ascontiguousarray(image if turn is None else image.transpose(turn), dtype=np.uint8)


def open_picture(stream, name):
    """Pillow image of a binary stream, header read and size checked, no pixel decoded. Raises PictureError."""
    head = stream.read(16)
    stream.seek(0)
    plugin = next((PLUGINS[mark] for mark in PLUGINS if head.startswith(mark)), None)
    if plugin is None:
        found = f"a file that begins with {head!r}" if head else "an empty file"
        raise PictureError(f"{name}: expected a JPEG, PNG, BMP, WEBP or GIF picture, found {found}")
    try:
        image = plugin(stream, name)
    except MemoryError:
        raise
    except Exception as error:
        raise PictureError(f"{name}: the header of the picture is damaged: {error}") from error
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureError(f"{name}: the picture has {width}x{height} pixels; the limit is "
                           f"{MAX_PIXELS // 1_000_000} million pixels and {MAX_SIDE} on a side: make it smaller")
    return image


def exif_orientation(exif):
    """Orientation, 1..8, in an EXIF block (bytes); 1 when it is absent or damaged."""
    tiff = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "<")
    try:
        start = struct.unpack_from(order + "I", tiff, 4)[0]
        for entry in range(struct.unpack_from(order + "H", tiff, start)[0]):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if tag == 0x0112:
                return value
    except struct.error:
        pass
    return 1
# --- end of picture decoding

class BadRequest(TypeError):
    """The request cannot be answered as it is; `reason` may be shown to the client.

    A TypeError, because the platform's server answers 400 to KeyError and TypeError only, 500 to the rest.
    """

    def __init__(self, reason):
        """Keep what the client may read."""
        super().__init__(reason)
        self.reason = reason


class ObjectDetectionService(TfServingBaseService):
    """Answers {"images": one picture file} with the names, boxes and scores of the objects in the picture."""

    def __init__(self, model_name, model_path):
        """Read the class names in the folder `model_path`; its SavedModel is the base class's business."""
        self.label_names = read_label_names(Path(model_path) / "index")
        self.confidence, self.nms_iou_threshold = read_thresholds(Path(model_path) / "index")
        super().__init__(model_name, model_path)

    def _preprocess(self, data):
        """{"images": uint8 [1, H, W, 3] RGB, upright}. Raises BadRequest when there is not exactly one good picture."""
        name, stream = only_picture(data)
        try:
            image = decode_image(stream.read(), name)
        except PictureError as error:
            raise BadRequest(str(error)) from error
        return {FIELD: image[np.newaxis]}

    def _postprocess(self, data):
        """Names, [ymin, xmin, ymax, xmax] in pixels and scores of the objects at or above the confidence of the model folder.

        data: outputs of the signature for one picture, lists or arrays, with or without the batch dimension.
        Raises RuntimeError when the model gives numbers that cannot be answered.
        """
        boxes = output_numbers(data, "detection_boxes").reshape(-1, 4)
        classes = output_numbers(data, "detection_classes").ravel()
        scores = output_numbers(data, "detection_scores").ravel()
        count = int(output_numbers(data, "num_detections").ravel()[0])
        if not len(boxes) == len(classes) == len(scores) >= count:
            raise RuntimeError(f"expected a box, a class and a score for {count} detections, the model gave "
                               f"{len(boxes)}, {len(classes)} and {len(scores)}")
        kept = np.flatnonzero(scores[:count] >= self.confidence)
        if self.nms_iou_threshold is not None:
            kept = without_overlaps(boxes, classes, kept, self.nms_iou_threshold)
        return {
            "detection_classes": [self._class_name(classes[i]) for i in kept],
            "detection_boxes": boxes[kept].tolist(),
            "detection_scores": scores[kept].tolist(),
        }

    def _class_name(self, number):
        """Name of the 1-based class `number` (float)."""
        if not 1 <= int(number) <= len(self.label_names):
            raise RuntimeError(f"the model gave class {number}, the file index names classes 1 to "
                               f"{len(self.label_names)}: do both belong together?")
        return self.label_names[int(number) - 1]


def only_picture(data):
    """(file name, binary stream) of the one picture in `data`.

    data: {field: {file name: stream}}, or a list of such dicts. Raises BadRequest.
    """
    parts = [part for part in (data if isinstance(data, list) else [data]) if isinstance(part, dict)]
    fields = [part[FIELD] for part in parts if FIELD in part]
    files = [item for field in fields if isinstance(field, dict) for item in field.items()]
    if len(files) != 1 or not hasattr(files[0][1], "read"):
        names = sorted(str(name) for part in parts for name in part)
        raise BadRequest(f"expected one picture file in the form field '{FIELD}', found {len(files)}; "
                         f"fields of the request: {', '.join(names) or 'none'}")
    return files[0]


def output_numbers(data, name):
    """Output `name` of the model as a float64 array. Raises RuntimeError when it is absent or not finite."""
    if name not in data:
        raise RuntimeError(f"the model has no output {name}; it has {', '.join(sorted(data))}")
    numbers = np.asarray(data[name], dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise RuntimeError(f"output {name} of the model is not finite: the model is damaged")
    return numbers


def read_label_names(path):
    """Class names (list of str), class 1 first, from the JSON file `index` of the model folder. Raises ValueError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    names = content.get("labels_list") if isinstance(content, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f'expected {{"labels_list": [names]}} in {path}')
    return names


def read_thresholds(path):
    """(confidence, overlap or None): what `thresholds` in the JSON file `index` says, as the assessment applies it.

    Without it detections count from SCORE_THRESHOLD on and none is suppressed beyond what the model does. Raises ValueError.
    """
    found = json.loads(path.read_text(encoding="utf-8")).get("thresholds", {})
    values = found.get("confidence", SCORE_THRESHOLD), found.get("nms_iou_threshold")
    if not all(value is None or isinstance(value, (int, float)) and 0 <= value <= 1 for value in values):
        raise ValueError(f"expected thresholds between 0 and 1 in {path}, found {found}")
    return values


def without_overlaps(boxes, classes, kept, most):
    """Those of the indices `kept`, best first, that overlap no better one of their class by an IoU above `most`."""
    chosen = []
    for index in kept:
        if not any(classes[index] == classes[other] and overlap(boxes[index], boxes[other]) > most for other in chosen):
            chosen.append(index)
    return np.array(chosen, dtype=int)


def overlap(one, other):
    """Intersection over union of two boxes [ymin, xmin, ymax, xmax]; 0 when both are without area."""
    shared = np.prod(np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0))
    union = np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared
    return shared / union if union > 0 else 0.0


def load_saved_model(folder):
    """The SavedModel in `folder`. Raises RuntimeError that names the folder when it cannot be loaded."""
    import tensorflow as tf

    try:
        model = tf.saved_model.load(folder)
    except Exception as error:  # damaged files surface as many unrelated types
        raise RuntimeError(f"the SavedModel in {folder} cannot be loaded: {error}") from error
    if "serving_default" not in model.signatures:
        raise RuntimeError(f"the SavedModel in {folder} has no signature serving_default; it has: "
                           f"{', '.join(model.signatures) or 'none'}")
    return model
