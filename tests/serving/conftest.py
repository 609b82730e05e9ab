"""A model folder without TensorFlow in it, and a double of the platform's server side behind the handler."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from lifetime import bound
from PIL import Image

from algorithm.export.model_folder import COMPANIONS
from algorithm.serving.model_handler import MODEL_PARTS, load_service

LABELS = ("猫", "dog")
ROOT = Path(__file__).parent.parent.parent
COMMAND = """
import json, logging, sys
from algorithm.serving.limits import Limits
from algorithm.serving.server import serve
logging.basicConfig(level=logging.INFO, format="%(message)s")
serve(sys.argv[1], "127.0.0.1", int(sys.argv[2]), Limits(**json.loads(sys.argv[3])))
"""


def two_objects(images: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs of the signature: a dog in the upper left quarter, a cat all over, a faint dog, one row of padding."""
    height, width = images.shape[1:3]
    boxes = np.asarray(
        [[0, 0, height / 2, width / 2], [0, 0, height, width], [1, 1, 2, 2], [0, 0, 0, 0]],
        np.float32,
    )
    one = {
        "detection_boxes": boxes[None],
        "detection_classes": np.asarray([[2, 1, 2, 0]], np.float32),
        "detection_scores": np.asarray([[0.9, 0.5, 0.2, 0]], np.float32),
        "num_detections": np.asarray([3], np.float32),
    }
    return {name: np.repeat(value, len(images), axis=0) for name, value in one.items()}


@dataclass
class Platform:
    """What stands behind the base class: `outputs` computes; `batched`: its lists keep the batch dimension."""

    outputs = staticmethod(two_objects)
    batched: bool = True

    def base_class(self) -> type:
        """Behaves as the platform's TfServingBaseService: arrays out, Python lists back."""
        platform = self

        class TfServingBaseService:
            def __init__(self, model_name, model_path):
                self.model_name, self.model_path = model_name, model_path

            def inference(self, data):
                return self._postprocess(self._inference(self._preprocess(data)))

            def _preprocess(self, data):
                return data

            def _inference(self, data):
                assert {name: (type(value), value.dtype.name) for name, value in data.items()} == {
                    "images": (np.ndarray, "uint8")
                }
                outputs = platform.outputs(data["images"])
                return {
                    name: (value if platform.batched else value[0]).tolist()
                    for name, value in outputs.items()
                }

            def _postprocess(self, data):
                return data

        return TfServingBaseService


@pytest.fixture
def platform(monkeypatch) -> Platform:
    """The platform's `model_service` package, importable."""
    double = Platform()
    package, module = (
        ModuleType("model_service"),
        ModuleType("model_service.tfserving_model_service"),
    )
    module.TfServingBaseService = double.base_class()
    monkeypatch.setitem(sys.modules, "model_service", package)
    monkeypatch.setitem(sys.modules, "model_service.tfserving_model_service", module)
    return double


@pytest.fixture
def model_dir(tmp_path) -> Path:
    """A complete model folder whose SavedModel is only a name: for handlers that do not run it themselves."""
    folder = tmp_path / "model"
    for part in MODEL_PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_bytes(b"not read")
    for name in ("customize_service.py", *COMPANIONS):
        (folder / name).write_bytes((ROOT / "customize_service" / name).read_bytes())
    (folder / "index").write_text(
        json.dumps({"labels_list": LABELS}, ensure_ascii=False), encoding="utf-8"
    )
    return folder


@pytest.fixture
def service(platform, model_dir):
    """The handler of the model folder, on the double of the platform."""
    return load_service(model_dir)


@pytest.fixture
def encode():
    """encode(width, height, format) gives the bytes of a picture file."""

    def bytes_of(width: int = 40, height: int = 20, kind: str = "PNG") -> bytes:
        buffer = io.BytesIO()
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(buffer, kind)
        return buffer.getvalue()

    return bytes_of


@pytest.fixture(scope="session")
def serving():
    """serving(model_dir, port=0, log=file, limit=...): context of (process, port) of a server process, killed at the end if it still
    runs. With a port of its own it is not waited for."""

    @contextlib.contextmanager
    def started(model_dir, port=0, log=None, **limits):
        limits = {"threads": 2, "lame_duck": 0, **limits}
        process = subprocess.Popen(
            bound(sys.executable, "-c", COMMAND, model_dir, port, json.dumps(limits)),
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        try:
            if port:
                yield process, port
                return
            line = process.stdout.readline()
            yield process, int(re.search(r"http://127.0.0.1:(\d+)/", line).group(1))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    return started


@pytest.fixture(scope="session")
def call():
    """call(port, method, path, body, Header_Name=...) gives (status, parsed body)."""

    def answer(port, method="GET", path="/health", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(
                method,
                path,
                body,
                {name.replace("_", "-"): value for name, value in headers.items()},
            )
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    return answer
