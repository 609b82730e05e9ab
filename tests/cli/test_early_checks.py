"""What can be known is said within a second or two: no verb waits for TensorFlow to refuse."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from algorithm.cli import early_checks
from algorithm.errors import DataError
from algorithm.hyperparameters import parse

PROJECT = Path(__file__).parents[2]
# Does each of the command lines in a fork of one process, and prints exit code and standard error.
NO_TENSORFLOW = """
import json, os, sys, tempfile
class Refuse:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise AssertionError(f"{name} was imported")
sys.meta_path.insert(0, Refuse())
import algorithm.cli.parser, numpy  # loaded once, before the forks
from algorithm.__main__ import main
for line in sys.argv[1:]:
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), 2)
            sys.exit(main(line.split()))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        print(json.dumps([code, said.read().decode()]), flush=True)
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A model folder and a dataset by their first files."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "model").mkdir()
    (folder / "model/saved_model.pb").write_bytes(b"x")
    (folder / "set.manifest").write_text("{}")
    (folder / "full").mkdir()
    (folder / "full/file").write_text("x")
    return folder


REFUSALS = [
    ("assess --model_dir=nope --data_url=set.manifest --output=o", 3, "no saved_model.pb in"),
    ("assess --model_dir=. --data_url=set.manifest --output=o", 3, "; give model"),
    ("assess --model_dir=model --data_url=nope --output=o", 3, "found nothing at nope"),
    ("export --model_dir=nope --format=frozen --output=o", 3, "no saved_model.pb in nope"),
    ("export --model_dir=model --format=frozen --output=full", 3, "expected a new or an empty"),
    ("export --model_dir=model --format=tflite_int8 --output=o", 2, "--data_url: expected"),
    ("export --model_dir=model --format=onnx --nms=mediapipe --output=o", 2, "--nms=mediapipe"),
    ("evaluate --model_dir=nope --data_url=set.manifest", 3, "found nothing; check the path"),
    ("evaluate --model_dir=model --data_url=nope", 3, "found nothing at nope"),
    ("train --data_url=set.manifest --train_url=o --pretrained=w.h5", 3, "weights at w.h5"),
    ("train --data_url=set.manifest --train_url=o --pretrained=True", 3, "it is auto (look"),
    (
        "train --data_url=set.manifest --train_url=o --pretrained=none --use_offline_kd=True "
        "--teacher_model_url=nope",
        3,
        "teacher_model_url: expected the model folder of a teacher's job, found nothing",
    ),
    ("weights inspect nope", 3, "expected weights at nope"),
    ("weights import nope --model_name=efficientdet-d0 --output=o", 3, "expected weights at"),
    ("weights fetch --model_name=d0", 2, "Did you mean 'efficientdet-d0'?"),
    ("data check --data_url=nope", 3, "found nothing at nope"),
    ("data convert --data_url=nope --format=coco --output=o", 3, "found nothing at nope"),
    ("data split --data_url=nope --output=o", 3, "found nothing at nope"),
    ("serve --model_dir=nope --port=0", 3, "no saved_model.pb in nope"),
    ("serve --model_dir=. --port=0", 3, "; give model"),
    ("serve --model_dir=model --port=0", 3, "expected a model folder, model lacks"),
    ("serve --model_dir=model --port=99999999", 2, "port"),
]


@pytest.fixture(scope="module")
def refusals(places):
    """{command line: (exit code, standard error)}."""
    lines = [line for line, *_ in REFUSALS]
    done = subprocess.run(
        [sys.executable, "-c", NO_TENSORFLOW, *lines],
        cwd=places,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return dict(zip(lines, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize(("line", "code", "words"), REFUSALS)
def test_a_refusal_needs_no_tensorflow(refusals, line, code, words):
    found, said = refusals[line]
    assert found == code, said
    assert words in said.splitlines()[-1]


def test_a_job_that_goes_on_needs_no_weights(tmp_path):
    hp = parse(["--data_url=d", f"--train_url={tmp_path}", "--pretrained=nope"])
    with pytest.raises(DataError, match="--pretrained: expected weights at nope"):
        early_checks.check_start(hp)
    (tmp_path / "checkpoint").write_text("x")
    early_checks.check_start(hp)


def test_the_prefix_of_a_checkpoint_is_a_path_of_weights(tmp_path):
    (tmp_path / "model.ckpt-5.index").write_text("x")
    early_checks.check_weights_file(str(tmp_path / "model.ckpt-5"), "--pretrained")
