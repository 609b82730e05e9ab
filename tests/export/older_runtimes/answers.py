"""Asks exported models, on whatever runtime runs this, and keeps what they answer.

    PYTHON answers.py REQUESTS.json

REQUESTS.json: [{"way": one of WAYS, "model": path, "pixels": .npy, "answer": .npz}, ...]. For each
a line of JSON is printed, {"error": text or null, "seconds": number}; without an error the outputs
lie in `answer`. Needs Python 3.7 or newer and the runtime alone, nothing of this project.
"""

import importlib.util
import io
import json
import sys
import time
import types
from pathlib import Path

import numpy as np

OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")


def loaded(model, pixels):
    """The answer of the signature of a SavedModel, loaded as TensorFlow 2 does."""
    import tensorflow as tf

    kept = tf.saved_model.load(model)
    answer = kept.signatures["serving_default"](images=tf.constant(pixels))
    return {name: value.numpy() for name, value in answer.items()}


def masked(model, pixels):
    """The answer of the signature `masks` of a SavedModel, with masks as numbers of pixels."""
    import tensorflow as tf

    kept = tf.saved_model.load(model)
    above = tf.constant(0.0)
    answer = kept.signatures["masks"](images=tf.constant(pixels), mask_above=above)
    found = {name: value.numpy() for name, value in answer.items()}
    found["detection_masks"] = found["detection_masks"][:, :, 1::2].sum(axis=2)
    return found


def handler_with_masks(model, pixels):
    """The reply of the carried customize_service.py alone to a request for masks; their texts."""
    return _reply(model, pixels, masks="rle")


class Session:
    """A SavedModel in a session of TensorFlow 1, which is how TF Serving holds it."""

    def __init__(self, model):
        """Load it."""
        import tensorflow.compat.v1 as tf

        self._session = tf.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            about = tf.saved_model.loader.load(self._session, ["serve"], model)
        self._signature = about.signature_def["serving_default"]

    def run(self, pixels):
        """The answer of its signature."""
        wanted = {name: info.name for name, info in self._signature.outputs.items()}
        return self._session.run(wanted, {self._signature.inputs["images"].name: pixels})


def session(model, pixels):
    """The answer of a SavedModel in a session of TensorFlow 1."""
    return Session(model).run(pixels)


class PlatformService:
    """The platform's TfServingBaseService: its server holds the model, lists come back."""

    def __init__(self, model_name, model_path):
        """Let the server load it."""
        self._server = Session(model_path)

    def inference(self, data):
        """The reply to a request, by the three steps."""
        return self._postprocess(self._inference(self._preprocess(data)))

    def _inference(self, data):
        return {name: value.tolist() for name, value in self._server.run(data["images"]).items()}


def handler_of_platform(model, pixels):
    """The reply of the carried customize_service.py, under the platform's base class."""
    module = types.ModuleType("model_service.tfserving_model_service")
    module.TfServingBaseService = PlatformService
    sys.modules["model_service"] = types.ModuleType("model_service")
    sys.modules["model_service.tfserving_model_service"] = module
    try:
        return _reply(model, pixels)
    finally:
        del sys.modules["model_service"], sys.modules["model_service.tfserving_model_service"]


def handler_alone(model, pixels):
    """The reply of the carried customize_service.py alone: it runs the model itself."""
    return _reply(model, pixels)


def _reply(model, pixels, **fields):
    from PIL import Image

    spec = importlib.util.spec_from_file_location("handler", model + "/customize_service.py")
    handler = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(handler)
    picture = io.BytesIO()
    Image.fromarray(pixels[0]).save(picture, "PNG")
    picture.seek(0)
    service = handler.ObjectDetectionService("serve", model)
    request = dict({"images": {"a.png": picture}, "score_threshold": "0"}, **fields)
    reply = service.inference(request)
    if "detection_masks" in reply:
        reply["detection_masks"] = [mask["counts"] for mask in reply["detection_masks"]]
    return {name: np.array(values) for name, values in reply.items()}


def frozen(model, pixels):
    """The answer of frozen_graph.pb."""
    tensors = [f"Identity{end}:0" for end in ("", "_1", "_2", "_3")]
    wanted = dict(zip(OUTPUTS, tensors))  # noqa: B905 (Python 3.7 has no `strict`)
    return _of_graph(model, "images:0", wanted, pixels)


def teacher(model, pixels):
    """The raw outputs of the graph in the folder `frozen` of a model folder."""
    about = json.loads(Path(model, "teacher.json").read_text(encoding="utf-8"))
    tensors = {name: output["tensor"] for name, output in about["outputs"].items()}
    return _of_graph(model + "/teacher.pb", about["input"]["tensor"], tensors, pixels)


def _of_graph(path, entry, wanted, pixels):
    import tensorflow.compat.v1 as tf

    definition = tf.GraphDef.FromString(Path(path).read_bytes())
    with tf.Session(graph=tf.Graph()) as running:
        with running.graph.as_default():
            tf.import_graph_def(definition, name="")
        return running.run(wanted, {entry: pixels})


def tflite(model, pixels):
    """The outputs of a TFLite file in the order of their names, by TensorFlow's interpreter."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
    interpreter.invoke()
    exits = sorted(interpreter.get_output_details(), key=lambda each: each["name"])
    return {str(place): interpreter.get_tensor(each["index"]) for place, each in enumerate(exits)}


def onnx(model, pixels):
    """The answer of an ONNX file."""
    import onnxruntime

    running = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answer = running.run(list(OUTPUTS), {"images": pixels})
    return dict(zip(OUTPUTS, answer))  # noqa: B905 (Python 3.7 has no `strict`)


WAYS = {
    "loaded": loaded,
    "masked": masked,
    "handler with masks": handler_with_masks,
    "session": session,
    "handler of platform": handler_of_platform,
    "handler alone": handler_alone,
    "frozen": frozen,
    "teacher": teacher,
    "tflite": tflite,
    "onnx": onnx,
}


def main(requests):
    """Answer the requests in the file."""
    for request in json.loads(Path(requests).read_text(encoding="utf-8")):
        error, begin = None, time.monotonic()
        try:
            answer = WAYS[request["way"]](request["model"], np.load(request["pixels"]))
            np.savez(request["answer"], **answer)
        except Exception as problem:  # a runtime that cannot read a model says so in many types
            error = f"{type(problem).__name__}: {problem}"
        seconds = round(time.monotonic() - begin, 2)
        print(json.dumps({"error": error, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
