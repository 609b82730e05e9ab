"""Create ML: centres, or corners where the boxes leave no other reading."""

from __future__ import annotations

from pathlib import Path

from ..reading import exports, pictures, read, write


def picture(name: str, *boxes: tuple[str, float, float, float, float]) -> dict:
    keys = ("x", "y", "width", "height")
    rows = [
        {"label": label, "coordinates": dict(zip(keys, box, strict=True))} for label, *box in boxes
    ]
    return {"image": name, "annotations": rows}


def test_centres(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    rows = [picture("a.png", ("cat", 11, 14, 18, 22), ("dog", 35, 25, 10, 10)), picture("b.png")]
    write(tmp_path / "_annotations.createml.json", rows)
    found = read(tmp_path)
    assert found.objects == {
        "a.png": [("cat", [3, 2, 25, 20]), ("dog", [20, 30, 30, 40])],
        "b.png": [],
    }
    assert "corner" not in found.warnings


def test_corners_are_said(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    rows = [picture("a.png", ("cat", 0, 0, 18, 22), ("dog", 20, 10, 20, 20))]
    write(tmp_path / "a.json", rows)
    found = read(tmp_path)
    assert found.objects == {"a.png": [("cat", [0, 0, 22, 18]), ("dog", [10, 20, 30, 40])]}
    assert "read as the corner of a box" in found.warnings


def test_boxes_that_fit_neither_way_stay_centres(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    rows = [picture("a.png", ("cat", 0, 0, 18, 22), ("dog", 35, 25, 10, 10))]
    write(tmp_path / "a.json", rows)
    assert read(tmp_path).objects["a.png"][1] == ("dog", [20, 30, 30, 40])


def test_a_missing_number_is_named(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    rows = [picture("a.png", ("cat", 11, 14, 18, 22))]
    rows[0]["annotations"].append({"label": "dog", "coordinates": {"x": 1}})
    write(tmp_path / "a.json", rows)
    assert read(tmp_path).complaints[0].startswith("a.json: object 2 'dog': expected 4 numbers")


def test_a_real_export(shared_dir: Path) -> None:
    found = read(exports(shared_dir, "roboflow_dataset/createml"))
    assert found.objects == {
        "train/train_001.jpg": [("label_0", [1, 2, 2, 5])],
        "train/train_002.jpg": [("label_1", [0, 0, 4, 2])],
        "val/val_001.jpg": [("label_0", [0, 0, 2, 1]), ("label_1", [0, 0, 1, 9])],
    }
    assert list(found.usages.values()) == ["train", "train", "eval"]
