"""The model folder: its parts, its config.json, and how it takes the place of an earlier one."""

import json
from pathlib import Path

import pytest

from algorithm.errors import DataError
from algorithm.export.carried_package import carried_parts
from algorithm.export.model_folder import (
    COMPANIONS,
    HANDLER,
    MODEL_PARTS,
    SAVED_MODEL_PARTS,
    SHARED,
    missing_parts,
    model_config,
    package_model,
)

ALL_PARTS = sorted([*MODEL_PARTS, *COMPANIONS, SHARED.name, *carried_parts()])
METRICS = {"f1": 0.51234567, "recall": 0.5, "precision": float("nan"), "accuracy": 1}


@pytest.fixture
def saved_model(tmp_path):
    source = tmp_path / "saved"
    for part in (*SAVED_MODEL_PARTS, "fingerprint.pb", "keras_metadata.pb"):
        (source / part).parent.mkdir(parents=True, exist_ok=True)
        (source / part).write_bytes(part.encode())
    (source / "assets").mkdir()
    return source


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_folder_holds_exactly_its_parts(saved_model, tmp_path):
    target = package_model(
        saved_model, tmp_path / "out" / "model", label_names=["猫", "dog"], metrics=METRICS
    )
    assert files_of(target) == ALL_PARTS and missing_parts(target) == []
    assert list(target.parent.iterdir()) == [target]
    assert (target / "customize_service.py").read_bytes() == HANDLER.read_bytes()
    assert (target / "saved_model.pb").read_bytes() == b"saved_model.pb"
    assert json.loads((target / "index").read_text("utf-8")) == {
        "labels_list": ["猫", "dog"],
        "is_multilabel": False,
    }
    assert json.loads((target / "config.json").read_text("utf-8")) == model_config(METRICS)


def test_missing_parts_are_listed(saved_model, tmp_path):
    assert missing_parts(tmp_path / "nowhere") == list(MODEL_PARTS)
    assert missing_parts(saved_model) == ["customize_service.py", "config.json", "index"]
    target = package_model(saved_model, tmp_path / "model", label_names=["a"], metrics=METRICS)
    (target / "pictures.py").unlink()
    assert missing_parts(target) == ["pictures.py"]  # the handler loads it


def test_config_follows_the_platforms_schema():
    config = model_config(METRICS)
    assert set(config) <= {
        "model_algorithm",
        "model_type",
        "runtime",
        "metrics",
        "apis",
        "dependencies",
    }
    assert (config["model_algorithm"], config["model_type"]) == ("object_detection", "TensorFlow")
    assert config["metrics"] == {"f1": 0.512346, "recall": 0.5, "accuracy": 1.0}
    (api,) = config["apis"]
    assert (api["protocol"], api["url"], api["method"]) == ("http", "/", "post")
    assert api["request"] == {
        "Content-type": "multipart/form-data",
        "data": {"type": "object", "properties": {"images": {"type": "file"}}},
    }
    schema = api["response"]["data"]
    assert (
        set(schema["required"])
        == set(schema["properties"])
        == {"detection_classes", "detection_boxes", "detection_scores"}
    )
    (box,) = schema["properties"]["detection_boxes"]["items"]
    assert (box["minItems"], box["maxItems"]) == (4, 4)


def test_dependencies_are_in_the_platforms_form():
    (dependency,) = model_config({})["dependencies"]
    assert dependency["installer"] == "pip"
    assert [set(entry) for entry in dependency["packages"]] == [
        {"package_name", "package_version", "restraint"}
    ] * len(dependency["packages"])
    assert {entry["restraint"] for entry in dependency["packages"]} <= {
        "EXACT",
        "ATLEAST",
        "ATMOST",
    }


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="mAP"):
        model_config({"mAP": 0.5})


def test_an_earlier_model_is_replaced_whole(saved_model, tmp_path):
    target = tmp_path / "model"
    package_model(saved_model, target, label_names=["a"], metrics={})
    (target / "leftover").write_text("old")
    (tmp_path / ".model.staged").mkdir()
    (tmp_path / ".model.staged" / "torn").write_text("by a killed run")
    package_model(saved_model, target, label_names=["b"], metrics={})
    assert files_of(target) == ALL_PARTS
    assert json.loads((target / "index").read_text())["labels_list"] == ["b"]
    assert not list(tmp_path.glob(".model*"))


def test_the_earlier_model_survives_a_failed_replacement(saved_model, tmp_path, monkeypatch):
    target = package_model(saved_model, tmp_path / "model", label_names=["a"], metrics={})
    replace = Path.replace

    def failing(source, destination):
        if source.name.endswith(".staged"):
            raise OSError(28, "No space left on device")
        return replace(source, destination)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError):
        package_model(saved_model, target, label_names=["b"], metrics={})
    assert missing_parts(target) == []
    assert json.loads((target / "index").read_text())["labels_list"] == ["a"]


def test_the_record_of_the_split_travels_in_the_model_folder(saved_model, tmp_path):
    (tmp_path / "split.json").write_text('{"train": {}}')
    target = package_model(
        saved_model,
        tmp_path / "model",
        label_names=["a"],
        metrics={},
        split=tmp_path / "split.json",
    )
    assert files_of(target) == sorted([*ALL_PARTS, "split.json"])
    assert (target / "split.json").read_text() == '{"train": {}}'


def test_what_is_no_model_folder_is_not_replaced(saved_model, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "work.txt").write_text("mine")
    with pytest.raises(DataError, match="precious"):
        package_model(saved_model, tmp_path / "precious", label_names=["a"], metrics={})
    assert files_of(tmp_path / "precious") == ["work.txt"]


def test_an_incomplete_saved_model_is_named(saved_model, tmp_path):
    (saved_model / "variables" / "variables.index").unlink()
    with pytest.raises(DataError, match="lacks variables/variables.index"):
        package_model(saved_model, tmp_path / "model", label_names=["a"], metrics={})
    assert not (tmp_path / "model").exists()


def test_asset_files_are_not_dropped_silently(saved_model, tmp_path):
    (saved_model / "assets" / "words.txt").write_text("needed")
    with pytest.raises(DataError, match="asset"):
        package_model(saved_model, tmp_path / "model", label_names=["a"], metrics={})


def test_a_missing_handler_is_named(saved_model, tmp_path):
    with pytest.raises(DataError, match="no_handler.py"):
        package_model(
            saved_model,
            tmp_path / "model",
            label_names=["a"],
            metrics={},
            handler=tmp_path / "no_handler.py",
        )
