"""The clients in examples/ against the service, and against the REST form of TensorFlow Serving."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from werkzeug.serving import make_server

from algorithm.serving.http_app import create_app

EXAMPLES = Path(__file__).parents[2] / "examples"
LINES = ["dog 0.90 (0, 0) to (20, 10)", "猫 0.50 (0, 0) to (40, 20)"]


@contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def address(platform, model_dir):
    """The service of a model that finds a dog and a cat in every picture."""
    with running(make_server("127.0.0.1", 0, create_app(model_dir), threaded=True)) as place:
        yield place


@pytest.fixture
def picture(tmp_path, encode):
    (tmp_path / "cat.png").write_bytes(encode(40, 20))
    return tmp_path / "cat.png"


def ask(program, *words):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    away = {"http_proxy": "", "HTTP_PROXY": "", "no_proxy": "*", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [program, *map(str, words)],
        env=os.environ | away, capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("program", "client"), [(sys.executable, "client.py"), ("node", "client.mjs")]
)
def test_a_client_prints_a_line_for_each_object(address, picture, program, client):
    done = ask(program, EXAMPLES / client, picture, address)
    assert done.stdout.splitlines() == LINES, done.stderr


@pytest.mark.parametrize(
    ("program", "client"), [(sys.executable, "client.py"), ("node", "client.mjs")]
)
def test_a_client_prints_what_the_service_complains_of(address, tmp_path, program, client):
    (tmp_path / "bad.jpg").write_text("text")
    done = ask(program, EXAMPLES / client, tmp_path / "bad.jpg", address)
    assert done.returncode == 1 and done.stderr.startswith("400: ")
    assert "expected a JPEG" in done.stderr


def test_curl_gets_the_reply(address, picture):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    done = ask("bash", EXAMPLES / "client.sh", picture, address)
    assert json.loads(done.stdout)["detection_classes"] == ["dog", "猫"], done.stderr


class Rest(http.server.BaseHTTPRequestHandler):
    """TensorFlow Serving's REST in columns: named inputs in, named outputs back."""

    def do_POST(self):  # noqa: N802 - the library's name
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/models/detector:predict" and list(given) == ["inputs"]
        images = np.asarray(given["inputs"]["images"], np.uint8)
        height, width = images.shape[1:3]
        outputs = {
            "detection_boxes": [[[0, 0, height / 2, width / 2], [0, 0, height, width]]],
            "detection_classes": [[2.0, 1.0]],
            "detection_scores": [[0.9, 0.5]],
            "num_detections": [2.0],
        }
        body = json.dumps({"outputs": outputs}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing is printed."""


def test_the_rest_client_sends_pixels_and_names_the_classes(picture, model_dir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    client = EXAMPLES / "tensorflow_serving_client.py"
    with running(server) as place:
        done = ask(sys.executable, client, picture, model_dir / "index", place)
    assert done.stdout.splitlines() == LINES, done.stderr
