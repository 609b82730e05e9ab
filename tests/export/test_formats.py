"""A model folder in other forms, each run by its own runtime."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
import small_job
import tensorflow as tf
from PIL import Image

from algorithm.errors import AlgorithmError, ArgumentError, DataError
from algorithm.export import export_saved_model, package_model
from algorithm.export.formats import export_model, formats
from algorithm.export.formats.runtimes import OPENERS, OUTPUTS, open_exported
from algorithm.export.formats.tflite import centred
from algorithm.modelarts.exported_file import SUFFIXES, exported_file, label_names_of
from algorithm.models import build_detector
from algorithm.models.variable_names import published_variables
from algorithm.ops.detections import NmsConfig
from algorithm.prediction.model import load
from algorithm.serving.model_handler import load_service

SIZE = (40, 64)  # a side off the grid, which the network pads
NAMES = ("猫", "dog", "bird")
pytestmark = pytest.mark.filterwarnings("ignore")  # the converters' own


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """A small network whose few detections do not hang on rounding."""
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin_layers(patch.setitem)
        tf.keras.utils.set_random_seed(3)
        detector = build_detector("efficientdet-lite0", 3, SIZE)
    rng = np.random.default_rng(0)
    for name, variable in published_variables(detector).items():
        if name.endswith("kernel"):
            fan_in = np.prod(variable.shape[:2] if "depthwise" in name else variable.shape[:3])
            variable.assign(rng.normal(0, fan_in**-0.5, variable.shape))
    folder = tmp_path_factory.mktemp("formats")
    saved = export_saved_model(detector, folder / "saved", NmsConfig(max_detections=5))
    (folder / "split.json").write_text("{}")
    return package_model(
        saved, folder / "model", label_names=NAMES, metrics={}, split=folder / "split.json"
    )


def picture(height=40, width=50):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def expected(model_dir):
    """What the model folder answers."""
    return open_exported(model_dir)(picture())


def calibration(size):
    return [
        np.random.default_rng(seed).uniform(0, 255, (*size, 3)).astype(np.float32)
        for seed in range(4)
    ]


TOLERANCES = {
    "saved_model": 1e-5,
    "frozen": 1e-4,
    "tflite": 1e-3,
    "tflite_fp16": 1e-2,
    "tflite_int8": 0.15,
    "onnx": 1e-4,
    "openvino": 1e-3,
}
PACKAGES = {"tflite": "ai_edge_litert", "onnx": "tf2onnx", "openvino": "openvino"}


@pytest.mark.parametrize("name", TOLERANCES)
def test_every_format_answers_as_the_model_folder(model_dir, expected, tmp_path, name):
    pytest.importorskip(
        PACKAGES.get(name.partition("_")[0] if name.startswith("tflite") else name, "tensorflow"),
        reason=f"{name} needs an extra: pip install '.[export,openvino]'",
    )
    path = export_model(model_dir, tmp_path / "out", name, calibration=calibration)
    assert path.exists() and exported_file(tmp_path / "out") == path
    assert (
        label_names_of(path) == NAMES
        and json.loads((tmp_path / "out" / "export.json").read_text())["format"] == name
    )
    found = open_exported(tmp_path / "out")(picture())
    assert found["scores"].max() == pytest.approx(expected["scores"].max(), abs=TOLERANCES[name])
    if name != "tflite_int8":
        assert found["labels"][0] == expected["labels"][0]
        np.testing.assert_allclose(
            found["boxes"][0], expected["boxes"][0], atol=0.3 if name == "tflite_fp16" else 0.05
        )


def test_a_frozen_graph_is_made_without_tensorflows_loader_and_calls_no_function(
    model_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(tf.saved_model, "load", None)
    path = export_model(model_dir, tmp_path / "out", "frozen")
    nodes = {node.name: node for node in tf.compat.v1.GraphDef.FromString(path.read_bytes()).node}
    kinds = {node.op for node in nodes.values()}
    assert not kinds & {"PartitionedCall", "StatefulPartitionedCall", "ReadVariableOp"}
    assert [name for name, node in nodes.items() if node.op == "Placeholder"] == ["images"]
    shape = nodes["images"].attr["shape"].shape
    assert [each.size for each in shape.dim] == [-1, -1, -1, 3]
    assert {"Identity", "Identity_1", "Identity_2", "Identity_3"} <= nodes.keys()


@pytest.mark.parametrize(
    ("part", "content", "found"),
    [
        ("saved_model.pb", b"damaged", ""),
        ("saved_model.pb", b"", ".*without a graph: it is empty or was cut off"),
        ("variables/variables.index", b"damaged", ""),
    ],
)
def test_a_damaged_model_folder_is_told(model_dir, tmp_path, part, content, found):
    broken = shutil.copytree(model_dir, tmp_path / "model")
    (broken / part).write_bytes(content)
    with pytest.raises(DataError, match=f"expected a SavedModel{found}"):
        export_model(broken, tmp_path / "out", "frozen")
    assert not (tmp_path / "out").exists()


def test_tensorflow_servings_layout(model_dir, tmp_path):
    path = export_model(model_dir, tmp_path / "detector", "saved_model")
    assert path == tmp_path / "detector" / "1"
    assert (tmp_path / "detector" / "split.json").read_text() == "{}"
    assert sorted(item.name for item in path.iterdir()) == ["saved_model.pb", "variables"]
    assert "serving_default" in tf.saved_model.load(str(path)).signatures


def test_mediapipes_form_has_four_outputs_and_the_names_inside(model_dir, expected, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="needs an extra: pip install '.[export]'")
    pytest.importorskip("mediapipe", reason="needs an extra: pip install '.[mediapipe]'")
    import zipfile

    path = export_model(model_dir, tmp_path / "out", "tflite", nms="mediapipe")
    with zipfile.ZipFile(path) as packed:
        assert packed.read("labels.txt").decode().split() == list(NAMES)
    found = open_exported(path)(picture())
    assert found["scores"][0] == pytest.approx(expected["scores"][0], abs=1e-3)
    # Scores of a network without training tie, so the best box of one list may be a later one of the other.
    assert np.abs(expected["boxes"] - found["boxes"][0]).max(axis=1).min() < 0.05


def test_an_export_that_answers_otherwise_is_not_published(model_dir, tmp_path, monkeypatch):
    real = formats.open_exported
    damaged = lambda pixels: {"scores": np.full(1, np.nan)}  # noqa: E731
    monkeypatch.setattr(
        formats,
        "open_exported",
        lambda path, masks: real(path, masks=masks) if path == model_dir else damaged,
    )
    with pytest.raises(AlgorithmError, match="nothing was published"):
        export_model(model_dir, tmp_path / "out", "frozen")
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_named(model_dir, tmp_path):
    with pytest.raises(ArgumentError, match="give --data_url"):
        export_model(model_dir, tmp_path / "out", "tflite_int8")
    with pytest.raises(DataError, match="expected a model folder"):
        export_model(tmp_path, tmp_path / "out", "frozen")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(DataError, match="a new or an empty folder"):
        export_model(model_dir, tmp_path / "full", "frozen")
    with pytest.raises(DataError, match="found nothing: check the path"):
        open_exported(tmp_path / "no.tflite")
    (tmp_path / "a.bin").write_text("")
    with pytest.raises(DataError, match=r"\.onnx or \.xml, found .*a.bin"):
        open_exported(tmp_path / "a.bin")
    assert OUTPUTS[0] == "detection_boxes"
    assert set(OPENERS) == set(SUFFIXES)


def test_anchors_in_shares_of_the_input():
    assert centred(np.array([[10, 20, 30, 60]], np.float32), (100, 200)).tolist() == [
        pytest.approx([0.2, 0.2, 0.2, 0.2])
    ]


def test_a_library_model_answers_as_the_handler_and_its_exports(model_dir, tmp_path):
    handler = load_service(model_dir)
    Image.fromarray(picture()).save(tmp_path / "a.png")
    content = io.BytesIO((tmp_path / "a.png").read_bytes())
    reply = handler.inference({"images": {"a.png": content}, "score_threshold": 0.0})
    model = load(model_dir)
    found = model.predict(tmp_path / "a.png", score=0.0)
    assert len(found) > 1 and found.names == reply["detection_classes"]
    np.testing.assert_allclose(found.boxes, reply["detection_boxes"], rtol=1e-5)
    np.testing.assert_allclose(found.scores, reply["detection_scores"], rtol=1e-5)
    own = handler.inference({"images": {"a.png": io.BytesIO((tmp_path / "a.png").read_bytes())}})
    assert model.predict(tmp_path / "a.png").names == own["detection_classes"]
    file = export_model(model_dir, tmp_path / "out", "frozen")
    assert load(file).predict(picture(), score=0.0).names == found.names
