"""LabelMe's JSON: shapes with an area become boxes, groups one object, the rest is named."""

from __future__ import annotations

import base64
from pathlib import Path

from algorithm.data.readers.recognition import read_listing

from ..reading import pictures, read, write

CAT = {"label": "cat", "points": [[20, 25], [2, 3]], "shape_type": "rectangle"}
DOG = {"label": "dog", "points": [[5, 1], [30, 2], [9, 28]], "shape_type": "polygon"}


def labelme(path: Path, *shapes: dict, picture: str = "", encoding: str = "utf-8") -> Path:
    content = {"version": "5.2", "flags": {}, "shapes": list(shapes), "imageData": None}
    size = {"imagePath": picture or path.stem + ".png", "imageHeight": 30, "imageWidth": 40}
    return write(path, {**content, **size}, encoding)


def test_rectangles_and_outlines(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    labelme(tmp_path / "a.json", CAT, DOG)
    labelme(
        tmp_path / "b.json",
        {"label": "sun", "points": [[20, 15], [23, 19]], "shape_type": "circle"},
    )
    found = read(tmp_path)
    assert found.objects == {
        "a.png": [("cat", [3, 2, 25, 20]), ("dog", [1, 5, 28, 30])],
        "b.png": [("sun", [10, 15, 20, 25])],
    }
    assert found.complaints == []


def test_shapes_of_one_group_are_one_object(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    other = {"label": "cat", "points": [[22, 1], [30, 9]], "shape_type": "rectangle"}
    labelme(
        tmp_path / "a.json",
        {**CAT, "group_id": 1},
        {**other, "group_id": 1},
        {**DOG, "group_id": 1},
        {**CAT, "group_id": None},
    )
    assert read(tmp_path).objects["a.png"] == [
        ("cat", [1, 2, 25, 30]),
        ("dog", [1, 5, 28, 30]),
        ("cat", [3, 2, 25, 20]),
    ]


def test_points_lines_and_shapes_without_a_label_are_named(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    nose = {"label": "nose", "points": [[1, 2]], "shape_type": "point"}
    labelme(tmp_path / "a.json", CAT, nose, {**DOG, "label": ""})
    found = read(tmp_path)
    assert found.objects["a.png"] == [("cat", [3, 2, 25, 20])]
    assert len(found.complaints) == 2
    assert "a.json: object 1 'nose': expected a shape with an area" in found.complaints[0]
    assert "expected a class name, found none" in found.complaints[1]


def test_pictures_are_found_by_path_then_by_the_name_of_the_json(tmp_path: Path) -> None:
    pictures(tmp_path / "images", "a.png", "b.png")
    labelme(tmp_path / "json" / "a.json", CAT, picture="..\\images\\a.png")
    labelme(tmp_path / "json" / "b.json", CAT, picture="IMG_0815.png")  # renamed afterwards
    assert sorted(read(tmp_path).objects) == ["images/a.png", "images/b.png"]


def test_folders_of_sides_are_the_split(tmp_path: Path) -> None:
    for side in ("train", "val"):
        pictures(tmp_path / side, "0.png")
        labelme(tmp_path / side / "0.json", CAT)
    assert read(tmp_path).usages == {"train/0.png": "train", "val/0.png": "eval"}


def test_a_damaged_json_is_no_picture_without_objects(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png", "c.png")
    labelme(tmp_path / "a.json", CAT)
    labelme(tmp_path / "b.json")
    write(tmp_path / "c.json", '{"shapes": [')
    found = read(tmp_path)
    assert found.objects == {"a.png": [("cat", [3, 2, 25, 20])], "b.png": []}
    assert len(found.complaints) == 1
    assert "c.json: c.png: expected a LabelMe JSON" in found.complaints[0]
    assert "1 picture(s) have no object and count as empty ones: b.png" in found.warnings


def test_other_json_beside_is_said(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    labelme(tmp_path / "a.json", CAT)
    write(tmp_path / "settings.json", {"colour": "red"})
    found = read(tmp_path)
    assert found.objects == {"a.png": [("cat", [3, 2, 25, 20])]}
    assert found.complaints == []
    assert "1 JSON file(s) are not of LabelMe and are not read: settings.json" in found.warnings


def test_a_picture_inside_its_json_is_laid_out(tmp_path: Path) -> None:
    pictures(tmp_path / "elsewhere", "a.png")
    data = (tmp_path / "elsewhere" / "a.png").read_bytes()
    content = {"version": "4", "flags": {}, "shapes": [CAT], "imagePath": "a.png"}
    content["imageData"] = base64.b64encode(data).decode()
    write(tmp_path / "set" / "a.json", content)
    (entry,) = read_listing(tmp_path / "set", work_dir=tmp_path / "work").entries
    assert (entry.source, entry.annotation.names) == ("a.png", ("cat",))
    assert entry.path.parent == tmp_path / "work" / "pictures"
    assert entry.path.read_bytes() == data


def test_pictures_without_a_json_are_said(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    labelme(tmp_path / "a.json", CAT)
    assert "1 picture(s) that no annotation names are left out: b.png" in read(tmp_path).warnings


def test_a_json_in_utf16_or_with_a_byte_order_mark(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    labelme(tmp_path / "a.json", CAT, encoding="utf-16")
    labelme(tmp_path / "b.json", {**CAT, "label": "猫"}, encoding="utf-8-sig")
    assert read(tmp_path).objects == {
        "a.png": [("cat", [3, 2, 25, 20])],
        "b.png": [("猫", [3, 2, 25, 20])],
    }
