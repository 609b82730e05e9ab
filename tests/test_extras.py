"""What an export or an exported file needs is asked before any work, and without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from algorithm import extras
from algorithm.errors import ArgumentError
from algorithm.extras import OF_FORMAT, need, require_for_export, require_for_file


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda package: None)


@pytest.mark.parametrize(
    ("name", "nms", "words"),
    [
        ("tflite_int8", "none", ("package ai_edge_litert,", "'.[export]'")),
        ("onnx", "none", ("packages tf2onnx, onnx, onnxruntime,", "'.[export]'")),
        ("openvino", "none", ("package openvino,", "'.[openvino]'")),
        ("tflite", "mediapipe", ("ai_edge_litert, mediapipe,", "'.[export,mediapipe]'")),
    ],
)
def test_all_that_an_export_lacks_is_named(nothing_installed, name, nms, words):
    with pytest.raises(ArgumentError, match=f"^format={name}: ") as caught:
        require_for_export(name, nms)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("name", ["saved_model", "frozen"])
def test_tensorflows_own_forms_need_nothing(nothing_installed, name):
    require_for_export(name, "none")


def test_the_runtime_of_a_file_and_of_an_exports_folder(nothing_installed, tmp_path):
    (tmp_path / "export.json").write_text(json.dumps({"file": "model.onnx"}), "utf-8")
    for path, package in ((Path("a.tflite"), "ai_edge_litert"), (tmp_path, "onnxruntime")):
        with pytest.raises(ArgumentError, match=f"expected the package {package}, which runs it"):
            require_for_file(path)
    require_for_file(tmp_path / "model")


def test_a_package_that_cannot_be_imported_is_named():
    with pytest.raises(ArgumentError, match="expected the package no_such_package, found none"):
        need("no_such_package")


def test_int8_without_its_runtime_once_converted_for_half_a_minute_first(tmp_path):
    """The command ends before TensorFlow starts."""
    script = (
        "import sys\nfrom algorithm import extras\nextras.find_spec = lambda package: None\n"
        "from algorithm.cli.verbs.export import VERB\nimport argparse\nparser = argparse.ArgumentParser()\n"
        "VERB.add_flags(parser)\n"
        f"found = parser.parse_args(['--model_dir={tmp_path}', '--format=tflite_int8', '--output=x'])\n"
        "try:\n    VERB.run(found)\nexcept Exception as error:\n"
        "    print(type(error).__name__, 'tensorflow' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout.split() == ["ArgumentError", "False"], ran.stderr
    assert "tflite_int8" in OF_FORMAT
