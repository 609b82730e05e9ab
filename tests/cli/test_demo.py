import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from algorithm.__main__ import main
from algorithm.cli.verbs.demo import _OPENER, STARTS, TRAINING, _first_eval_picture, _upload
from algorithm.hyperparameters import parse


@pytest.mark.parametrize("start", STARTS)
def test_the_training_flags_are_valid(start):
    flags = TRAINING | STARTS[start][0]
    found = parse(
        ["--data_url=a", "--train_url=b", *(f"--{name}={value}" for name, value in flags.items())]
    )
    assert (found.model_name, found.pretrained) == (flags["model_name"], flags["pretrained"])


def test_the_picture_asked_about_is_one_the_model_has_not_seen(tmp_path, capsys):
    assert main(["data", "sample", f"--output={tmp_path}", "--count=6", "--size=48"]) == 0
    manifest = tmp_path / "sample.manifest"
    picture = _first_eval_picture(manifest)
    usages = {
        line["source"]: line["usage"]
        for line in map(json.loads, manifest.read_text("utf-8").splitlines())
    }
    assert picture.is_file() and usages[str(picture.relative_to(tmp_path))] == "EVAL"


def test_the_upload_is_a_multipart_form(tmp_path):
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append((self.headers["Content-Type"], body))
            self.send_response(204)
            self.end_headers()

    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8picture")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        _OPENER.open(
            _upload(f"http://127.0.0.1:{server.server_port}/", tmp_path / "a.jpg"), timeout=10
        ).close()
    kind, body = bodies[0]
    boundary = kind.partition("boundary=")[2].encode()
    assert body.startswith(b"--" + boundary + b"\r\n") and body.endswith(
        b"--" + boundary + b"--\r\n"
    )
    assert b'name="images"' in body and b"\r\n\r\n\xff\xd8picture\r\n" in body
