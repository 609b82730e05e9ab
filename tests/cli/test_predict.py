"""The verb predict: what it asks for, before the model and after."""

import json

import numpy as np
import pytest
from PIL import Image

from algorithm.__main__ import main
from algorithm.modelarts.exported_file import Thresholds
from algorithm.prediction import model as model_file
from algorithm.prediction.model import Model


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder of pictures, and what looks like an exported file; its model finds one dog."""
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "photos" / "a.jpg")
    (tmp_path / "m.tflite").write_bytes(b"")
    (tmp_path / "index").write_text(json.dumps({"labels_list": ["cat", "dog, big"]}))

    def found(pixels):
        return {
            "boxes": np.float32([[1, 2, 20, 30]] * 2),
            "labels": np.int32([1, 0]),
            "scores": np.float32([0.9, 0.8]),
        }

    def load(path, *, masks=False):
        return Model(path, found, ("cat", "dog, big"), Thresholds())

    monkeypatch.setattr(model_file, "load", load)
    return tmp_path


def run(places, *more):
    return main(
        [
            "predict", f"--model={places / 'm.tflite'}", f"--images={places / 'photos'}",
            f"--output={places / 'out'}", *more,
        ]
    )  # fmt: skip


def test_what_is_asked_for_is_done(places, capsys):
    assert run(places, "--score=0.5", "--max=1", "--save_coco") == 0
    assert capsys.readouterr().out.strip() == str(places / "out" / "detections.json")
    reply = json.loads((places / "out" / "detections.json").read_text())
    assert reply[str(places / "photos" / "a.jpg")]["detection_classes"] == ["dog, big"]
    assert sorted(path.name for path in (places / "out").iterdir()) == [
        "a.jpg", "coco.json", "detections.json",
    ]  # fmt: skip


def test_a_class_whose_name_holds_a_comma(places):
    assert run(places, "--classes=dog, big") == 0
    reply = json.loads((places / "out" / "detections.json").read_text())
    assert reply[str(places / "photos" / "a.jpg")]["detection_classes"] == ["dog, big"]


@pytest.mark.parametrize(
    ("flag", "code", "said"),
    [
        ("--score=2", 2, "score: expected 0 to 1, found 2.0"),
        ("--max=0", 2, "expected 1 or more, found 0"),
        ("--frames=0", 2, "--frames: expected 1 or more"),
        ("--classes=cat,bird", 2, "expected some of cat, dog, big, found bird"),
        ("--images=https://a.org/cat.jpg", 2, "nothing is fetched"),
        ("--images=nowhere/*.jpg", 3, "expected pictures or videos at nowhere"),
        ("--model=nowhere", 3, "expected an exported model at nowhere"),
    ],
)
def test_what_is_wrong_is_said_before_the_model_is_opened(
    places, capsys, monkeypatch, flag, code, said
):
    monkeypatch.setattr(model_file, "load", lambda path, **_: pytest.fail("opened"))
    assert run(places, flag) == code
    assert said in capsys.readouterr().err
    assert not (places / "out").exists()


def test_the_folder_of_the_pictures_is_no_output(places, capsys):
    assert run(places, f"--output={places / 'photos'}") == 2
    assert "expected a new or an empty folder" in capsys.readouterr().err
