"""The commands of older systems, as the examples translate them: each is one that this package takes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from algorithm.hyperparameters import parse
from algorithm.migration.cloud_tpu_flags import job_arguments
from algorithm.migration.pipeline_config import with_pipeline_config

EXAMPLES = Path(__file__).parents[2] / "examples"
# Notes the words of a command, one JSON list a line, instead of doing it.
NOTES = """#!/bin/sh
exec {python} -c 'import json, os, sys; print(json.dumps([os.path.basename(sys.argv[1]), *sys.argv[2:]]))' "$0" "$@"
"""


@pytest.fixture
def commands_of(tmp_path):
    """commands_of(script, words...) runs an example with programs that only note what is asked of them."""

    def run(script, *words):
        for program in ("python", "docker"):
            path = tmp_path / "bin" / program
            path.parent.mkdir(exist_ok=True)
            path.write_text(NOTES.format(python=sys.executable))
            path.chmod(0o755)
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", str(EXAMPLES / script), *map(str, words)],
            cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True,
            check=True, timeout=60,
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "from_automl.sh",
            {"model_name": "efficientdet-d0", "num_epochs": 50, "learning_rate": 0.08},
        ),
        ("from_torchvision.sh", {"log_form": "torchvision", "eval_last": 50, "num_epochs": 10}),
        ("from_tfod.sh", {"model_name": "efficientdet-d0", "image_size": (512, 512), "gamma": 1.5}),
    ],
)
def test_a_translated_command_is_a_job(commands_of, tmp_path, script, expected):
    (tmp_path / "data").mkdir()
    (command,) = commands_of(script, tmp_path / "data", tmp_path / "out")
    assert command[:4] == ["python", "-m", "algorithm", "train"]
    flags, _ = with_pipeline_config(command[4:])
    hp = parse(flags)
    assert not hp.ignored and hp.data_url == str(tmp_path / "data")
    assert {name: getattr(hp, name) for name in expected} == expected


def test_the_tutorials_command_is_a_job(commands_of, tmp_path):
    for name in ("train-00000-of-00001.tfrecord", "val-00000-of-00001.tfrecord"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "instances_val2017.json").write_text("{}")
    (command,) = commands_of("from_cloud_tpu.sh", tmp_path, tmp_path / "out")
    assert command[:3] == ["python", "-m", "algorithm.retinanet"]
    hp = parse(job_arguments(command[3:]))
    assert (hp.num_steps, hp.train_batch_size, hp.image_size) == (10, 8, (128, 128))


def test_tensorflow_serving_gets_the_export(commands_of, tmp_path):
    (tmp_path / "serving").mkdir()
    export, docker = commands_of("tensorflow_serving.sh", "OUT/model", tmp_path / "serving")
    assert export[:4] == ["python", "-m", "algorithm", "export"]
    assert f"--output={tmp_path / 'serving'}" in export and "--format=saved_model" in export
    assert f"{tmp_path / 'serving'}:/models/detector" in docker
    assert "MODEL_NAME=detector" in docker


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.sh")))
def test_a_script_says_what_it_wants(script):
    done = subprocess.run(
        [shutil.which("bash"), str(EXAMPLES / script)], capture_output=True, text=True, check=False
    )
    assert done.returncode and "expected" in done.stderr


def test_every_example_is_in_the_index():
    index = (EXAMPLES / "README.md").read_text("utf-8")
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}
    assert {name for name in files if name not in index} == set()
