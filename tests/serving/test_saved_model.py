"""A packaged SavedModel, run by its own handler: in this process, and behind the real server."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from algorithm.errors import DataError
from algorithm.export.model_folder import package_model
from algorithm.serving.model_handler import load_service


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    """Model folder whose graph finds one cat in the right half of every picture."""
    tf = pytest.importorskip("tensorflow")

    class HalfFinder(tf.Module):
        def __init__(self):
            super().__init__()
            self.score = tf.Variable(0.75)

        @tf.function(
            input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")]
        )
        def detect(self, images):
            size = tf.cast(tf.shape(images), tf.float32)
            box = tf.stack([0.0, size[2] / 2, size[1], size[2]])
            ones = tf.ones([tf.shape(images)[0], 1])
            return {
                "detection_boxes": ones[..., None] * box,
                "detection_classes": ones * 2,
                "detection_scores": ones * self.score,
                "num_detections": ones[:, 0],
            }

    folder = tmp_path_factory.mktemp("packaged")
    module = HalfFinder()
    tf.saved_model.save(
        module, str(folder / "saved"), signatures={"serving_default": module.detect}
    )
    return package_model(folder / "saved", folder / "模型", label_names=("dog", "猫"), metrics={})


def reply_for(width, height):
    return {
        "detection_classes": ["猫"],
        "detection_boxes": [[0, width / 2, height, width]],
        "detection_scores": [0.75],
    }


def test_the_handler_runs_the_model_itself_in_many_threads(packaged, encode):
    service = load_service(packaged)
    sizes = [(10 + 2 * i, 8 + i) for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(
                lambda size: service.inference({"images": {"a": io.BytesIO(encode(*size))}}), sizes
            )
        )
    assert replies == [reply_for(*size) for size in sizes]


def test_the_server_answers_a_posted_picture_and_stops_with_0(packaged, encode, serving, call):
    body = (
        '--b\r\nContent-Disposition: form-data; name="images"; filename="图 1.png"\r\n\r\n'.encode()
        + encode(60, 40)
        + b"\r\n--b--\r\n"
    )
    with serving(packaged) as (process, port):
        assert call(port, "POST", "/", body, Content_Type="multipart/form-data; boundary=b") == (
            200,
            reply_for(60, 40),
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_concurrent_answers_are_those_of_single_requests_and_bad_pictures_harm_no_other(
    packaged, encode, serving
):
    def form(content):
        return (
            b'--b\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
            + content
            + b"\r\n--b--\r\n"
        )

    sizes = [(10 + 2 * (i % 5), 8 + i) for i in range(40)]
    with serving(packaged, threads=8, batch=4) as (process, port), ThreadPoolExecutor(16) as pool:

        def ask(i):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            body = form(b"bad" if i % 10 == 7 else encode(*sizes[i]))
            connection.request(
                "POST", "/", body, {"Content-Type": "multipart/form-data; boundary=b"}
            )
            response = connection.getresponse()
            body = json.loads(response.read())
            connection.close()
            return response.status, body if response.status == 200 else body["reason"][:7]

        answers = list(pool.map(ask, range(40)))
    assert answers == [
        (400, "a.png: ") if i % 10 == 7 else (200, reply_for(*sizes[i])) for i in range(40)
    ]


@pytest.mark.parametrize("part", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_damaged_model_is_refused_and_named(packaged, tmp_path, part):
    copy = package_model(packaged, tmp_path / "damaged", label_names=("dog", "猫"), metrics={})
    (copy / part).write_bytes(b"damaged")
    with pytest.raises(DataError, match="damaged.*cannot be loaded"):
        load_service(copy)


def test_the_twin_itself_needs_no_tensorflow():
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, algorithm.serving.server, algorithm.serving.batching;"
            "import algorithm.pages.box_drawing; print('tensorflow' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert loaded.stdout.strip() == "False"
