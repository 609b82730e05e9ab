"""A model from Python."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import algorithm
from algorithm.errors import ArgumentError, DataError
from algorithm.modelarts.exported_file import Thresholds, label_names_of, thresholds_of
from algorithm.prediction.model import Model, load

PROJECT = Path(__file__).parents[2]


def test_one_picture_gives_one_result(model, pictures):
    path = pictures / "甲.png"
    for source in (path, str(path), Image.open(path), np.asarray(Image.open(path))):
        found = model.predict(source)
        assert found.names == ["dog", "猫"] and found.image.shape == (40, 60, 3)
        assert found.boxes.dtype == found.scores.dtype == np.float32
        assert found.boxes[1].tolist() == [0, 0, 40, 60]
    assert model.predict(path).source == str(path)
    assert model.predict(np.asarray(Image.open(path))).source == "picture"


def test_several_give_a_list(model, pictures, video):
    both = [str(pictures / "b.jpg"), str(pictures / "甲.png")]
    for source in (pictures, str(pictures.parent / "**" / "*.*"), both):
        assert [each.source for each in model.predict(source)][-2:] == both
    frames = model.predict(video)
    assert [(each.frame, round(each.time, 1)) for each in frames[:2]] == [(0, 0), (1, 0.2)]
    assert len(frames) == 6 and str(frames[3].summary()).startswith(f"{video} frame 3: ")


def test_a_model_is_called_like_those_of_other_libraries(model, pictures):
    found = model(pictures / "b.jpg", score=0.6)
    assert found.names == model.predict(pictures / "b.jpg", score=0.6).names == ["dog"]


def test_a_video_streams(model, video):
    stream = model.stream(video, most=1)
    assert next(stream).names == next(stream).names == ["dog"]


def test_score_classes_and_most(model, pictures):
    picture = pictures / "b.jpg"
    assert model.predict(picture, score=0.1).names == ["dog", "猫", "dog"]
    assert model.predict(picture, score=0.6).names == ["dog"]
    assert model.predict(picture, classes=["猫"]).names == ["猫"]
    assert model.predict(picture, classes="猫").names == ["猫"]
    assert model.predict(picture, score=0, most=2).names == ["dog", "猫"]


def test_an_applied_assessment_counts(model, pictures):
    model.thresholds = Thresholds(0.1, 0.5)
    assert model.predict(pictures / "b.jpg").names == ["dog", "猫"]
    assert model.predict(pictures / "b.jpg", score=0.6).names == ["dog"]
    model.thresholds = Thresholds(0.1, None, {"dog": 0.95})
    assert model.predict(pictures / "b.jpg").names == ["猫"]
    assert model.predict(pictures / "b.jpg", score=0.1).names == ["dog", "猫", "dog"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"score": 1.5}, "score: expected 0 to 1, found 1.5"),
        ({"most": 0}, "expected 1 or more, found 0"),
        ({"classes": ["bird"]}, "expected some of 猫, dog, found bird"),
    ],
)
def test_wrong_settings_are_refused(model, pictures, wrong, said):
    with pytest.raises(ArgumentError, match=said):
        model.predict(pictures / "b.jpg", **wrong)


def test_a_picture_that_cannot_be_read_is_named(model, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"text")
    with pytest.raises(DataError, match=r"bad\.jpg: expected a JPEG"):
        model.predict(tmp_path / "bad.jpg")


def test_a_camera_streams_only(model):
    with pytest.raises(ArgumentError, match=r"which never ends; use stream\(\)"):
        model.predict(0)


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [("scores", np.nan, "expected finite numbers"), ("labels", 2, "expected classes up to 2")],
)
def test_a_damaged_model_is_named(model, pictures, part, value, said):
    real = model._run

    def run(pixels):
        found = real(pixels)
        found[part][0] = value
        return found

    model._run = run
    with pytest.raises(DataError, match=said):
        model.predict(pictures / "b.jpg")


def test_what_is_no_model_is_said_before_tensorflow_starts(tmp_path):
    (tmp_path / "a.bin").write_text("")
    code = (
        "import sys\n"
        "from algorithm import load\n"
        "from algorithm.errors import DataError\n"
        "for path in sys.argv[1:]:\n"
        "    try: load(path)\n"
        "    except DataError as error: print(error)\n"
        "print('tensorflow' in sys.modules)\n"
    )
    places = (tmp_path / "none", tmp_path / "a.bin", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, places)],
        cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert "found nothing" in lines[0] and "a.bin" in lines[1] and "neither" in lines[2]
    assert lines[3:] == ["False"]


def test_an_address_of_a_model_is_refused():
    with pytest.raises(ArgumentError, match="nothing is fetched"):
        load("obs://bucket/model")


def test_the_index_says_names_and_thresholds(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(DataError, match="class names"):
        label_names_of(tmp_path)
    index = {"labels_list": ["a"], "thresholds": {"confidence": 0.4, "nms_iou_threshold": 0.6}}
    (tmp_path / "index").write_text(json.dumps(index))
    assert thresholds_of(tmp_path) == Thresholds(0.4, 0.6)
    (tmp_path / "index").write_text(json.dumps({"labels_list": ["a"]}))
    assert thresholds_of(tmp_path) == Thresholds()
    (tmp_path / "index").write_text(json.dumps(index | {"thresholds": {"confidence": 7}}))
    with pytest.raises(DataError, match="expected thresholds between 0 and 1"):
        thresholds_of(tmp_path)
    (tmp_path / "index").write_text(json.dumps(index | {"thresholds": {"per_class": {"a": 0.2}}}))
    assert thresholds_of(tmp_path) == Thresholds(per_class={"a": 0.2})
    (tmp_path / "index").write_text(json.dumps(index | {"thresholds": {"per_class": {"b": 0.2}}}))
    with pytest.raises(DataError, match="expected thresholds of the model's classes"):
        thresholds_of(tmp_path)


def test_importing_the_package_imports_nothing_else():
    code = "import sys, algorithm; print([name for name in sys.modules if name.startswith('algorithm')]); print({'numpy', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["['algorithm']", "set()"]


def test_what_the_package_gives():
    assert {"load", "train", "Model", "Result", "__version__"} <= set(dir(algorithm))
    assert algorithm.load is load and algorithm.Model is Model and callable(algorithm.train)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        algorithm.lode  # noqa: B018


@pytest.mark.slow
def test_the_types_of_the_face_are_known(tmp_path):
    pytest.importorskip("mypy", reason="mypy comes with the extra [lint]")
    snippet = tmp_path / "snippet.py"
    snippet.write_text(
        "import numpy as np\n"
        "from algorithm import load, train\n"
        "pixels = np.zeros((1, 1, 3), np.uint8)\n"
        "reveal_type(load('m').predict(pixels))\n"
        "reveal_type(load('m').predict([pixels]))\n"
        "reveal_type(train(data_url='a', train_url='b').metrics)\n"
    )
    found = subprocess.run(  # from the project, whose cache `make lint` has filled
        [sys.executable, "-m", "mypy", str(snippet)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout
    kinds = [line.split('"')[1] for line in found.stdout.splitlines() if '"' in line]
    assert [kind.replace("builtins.", "").replace("typing.", "") for kind in kinds] == [
        "algorithm.prediction.result.Result",
        "list[algorithm.prediction.result.Result]",
        "dict[str, Any]",
    ]
