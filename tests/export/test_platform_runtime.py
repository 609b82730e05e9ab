"""The runtime that config.json names, TensorFlow 2.6.0 on Python 3.7, answers as the trained model.

It is installed by `make runtime`, which needs a Python 3.7.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import small_job
import tensorflow as tf
from distinct_scores import with_distinct_scores
from pycocotools import mask as coco_mask

from algorithm.distillation.teacher_file import FOLDER, freeze_graph
from algorithm.export import export_saved_model, package_model
from algorithm.export.formats import export_model
from algorithm.export.older_tensorflow import REGISTRY
from algorithm.models import build_detector
from algorithm.ops.detections import NmsConfig

ROOT = Path(__file__).parent.parent.parent
PYTHON = ROOT / "build" / "tensorflow-2.6.0" / "bin" / "python"
SCRIPTS = Path(__file__).parent / "older_runtimes"
SIZE = (72, 96)  # a side off the grid, which the network pads
NAMES = ("猫", "dog", "bird")
SCORE, PIXELS = 1e-3, 0.5  # what an answer may differ by
MODELS = {
    "lite0": ("efficientdet-lite0", NmsConfig(method="hard", max_detections=20)),
    "mobilenet": ("retinanet-mobilenet-v2", NmsConfig(max_detections=20)),
}
MASKED = ("masked", "handler with masks")
HANDLERS = ("handler of platform", "handler alone")
WAYS = {"mobilenet": ("loaded", "session", *HANDLERS), "lite0": ("session", "handler alone")}

pytestmark = pytest.mark.skipif(
    not PYTHON.is_file(), reason="no TensorFlow 2.6.0 in build/: make runtime, with a Python 3.7"
)


def on_runtime(*arguments):
    """What the runtime's Python prints."""
    ran = subprocess.run(
        [str(PYTHON), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


@pytest.fixture(scope="module")
def thin_networks():
    """Fewer and thinner layers, of all the kinds that each model has."""
    presets = [preset for preset, _ in MODELS.values()]
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin_layers(patch.setitem, *presets)
        yield


@pytest.fixture(scope="module")
def answers(thin_networks, tmp_path_factory):
    """{(model, way): (expected, found)}, outputs by name, from one start of the runtime."""
    folder = tmp_path_factory.mktemp("runtime")
    pixels = np.random.default_rng(1).integers(0, 256, (1, 80, 70, 3), dtype=np.uint8)
    np.save(folder / "pixels.npy", pixels)
    requests, expected = [], {}

    def ask(name, way, model, outputs, given="pixels.npy"):
        expected[name, way] = {key: np.asarray(value) for key, value in outputs.items()}
        answer = folder / f"{len(requests)}.npz"
        requests.append((way, model, folder / given, answer))

    for name, (preset, config) in MODELS.items():
        detector = build_detector(preset, len(NAMES), SIZE)
        with_distinct_scores(detector)
        saved = export_saved_model(detector, folder / name / "saved", config)
        freeze_graph(detector, saved / FOLDER, NAMES)
        model = package_model(
            saved, folder / name / "model", label_names=NAMES, metrics={}, beside=(FOLDER,)
        )
        kept = tf.saved_model.load(str(model))
        outputs = kept.signatures["serving_default"](images=tf.constant(pixels))
        for way in WAYS[name]:
            ask(name, way, model, outputs)
        inputs = np.random.default_rng(2).normal(size=(1, *SIZE, 3)).astype(np.float32)
        np.save(folder / f"{name}.npy", inputs)
        raw = detector(tf.constant(inputs), training=False)
        ask(name, "teacher", model / FOLDER, raw, f"{name}.npy")
    ask(name, "frozen", export_model(model, folder / "frozen", "frozen"), outputs)
    detector = build_detector("efficientdet-lite0", len(NAMES), SIZE, masks=True)
    with_distinct_scores(detector)
    saved = export_saved_model(detector, folder / "masks" / "saved", MODELS["lite0"][1])
    model = package_model(saved, folder / "masks" / "model", label_names=NAMES, metrics={})
    kept = tf.saved_model.load(str(model))
    outputs = dict(
        kept.signatures["masks"](images=tf.constant(pixels), mask_above=tf.constant(0.0))
    )
    runs = outputs["detection_masks"].numpy()
    for way in MASKED:
        ask("masks", way, model, {**outputs, "detection_masks": runs[:, :, 1::2].sum(axis=2)})
    keys = ("way", "model", "pixels", "answer")
    written = [dict(zip(keys, map(str, request), strict=True)) for request in requests]
    (folder / "requests.json").write_text(json.dumps(written))
    printed = on_runtime(SCRIPTS / "answers.py", folder / "requests.json").splitlines()
    assert [json.loads(line)["error"] for line in printed] == [None] * len(requests)
    found = [dict(np.load(answer)) for *_, answer in requests]
    return dict(zip(expected, zip(expected.values(), found, strict=True), strict=True))


PLAIN = [(model, way) for model in WAYS for way in WAYS[model] if way not in HANDLERS]
HANDLED = [(model, way) for model in WAYS for way in WAYS[model] if way in HANDLERS]


@pytest.mark.parametrize("model, way", [*PLAIN, ("mobilenet", "frozen")])
def test_it_answers_as_the_model(answers, model, way):
    expected, found = answers[model, way]
    assert expected.keys() == found.keys()
    count = int(expected["num_detections"][0])
    assert count == int(found["num_detections"][0]) == 20
    assert np.ptp(expected["detection_scores"]) > 10 * SCORE
    np.testing.assert_allclose(found["detection_scores"], expected["detection_scores"], atol=SCORE)
    np.testing.assert_array_equal(found["detection_classes"], expected["detection_classes"])
    np.testing.assert_allclose(found["detection_boxes"], expected["detection_boxes"], atol=PIXELS)


@pytest.mark.parametrize("model, way", HANDLED)
def test_the_carried_handler_answers_as_the_model(answers, model, way):
    expected, found = answers[model, way]
    named = [NAMES[int(number) - 1] for number in expected["detection_classes"][0]]
    assert list(found["detection_classes"]) == named
    scores, boxes = expected["detection_scores"][0], expected["detection_boxes"][0]
    np.testing.assert_allclose(found["detection_scores"], scores, atol=SCORE)
    np.testing.assert_allclose(found["detection_boxes"], boxes, atol=PIXELS)


@pytest.mark.parametrize("way", MASKED)
def test_masks_are_those_of_the_model(answers, way):
    expected, found = answers["masks", way]
    areas = expected["detection_masks"][0]
    assert (areas > 100).sum() >= 3
    if way == "masked":
        pixels = found["detection_masks"][0]
    else:
        texts = found["detection_masks"].tolist()
        pixels = coco_mask.area([{"size": [80, 70], "counts": text} for text in texts])
    np.testing.assert_allclose(pixels, areas, atol=0.01 * 80 * 70)
    np.testing.assert_allclose(
        found["detection_scores"].ravel(), expected["detection_scores"][0], atol=SCORE
    )


@pytest.mark.parametrize("model", MODELS)
def test_the_teacher_tells_the_same(answers, model):
    expected, found = answers[model, "teacher"]
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-3 * np.abs(value).max())


def test_the_registry_is_what_the_runtime_knows():
    printed = on_runtime(SCRIPTS / "operations.py")
    assert printed == REGISTRY.read_text(encoding="utf-8")
