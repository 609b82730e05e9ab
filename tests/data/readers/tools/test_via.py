"""VGG Image Annotator: JSON, project and CSV say the same; the class must be clear."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ..reading import pictures, read, write

RECT = {"name": "rect", "x": 2, "y": 3, "width": 18, "height": 22}
OUTLINE = {"name": "polygon", "all_points_x": [5, 30, 9], "all_points_y": [1, 2, 28]}
ELLIPSE = {"name": "ellipse", "cx": 20, "cy": 15, "rx": 10, "ry": 5}
SHAPES = [(RECT, {"type": "cat"}), (OUTLINE, {"type": "dog"}), (ELLIPSE, {"type": "sun"})]
BOXES = [("cat", [3, 2, 25, 20]), ("dog", [1, 5, 28, 30]), ("sun", [10, 10, 20, 30])]


def regions(shapes: list[tuple[dict, dict]]) -> list[dict]:
    return [{"shape_attributes": one, "region_attributes": other} for one, other in shapes]


def metadata(shapes: list[tuple[dict, dict]], *, keyed: bool = False) -> dict:
    rows = regions(shapes)
    rows = {str(place): row for place, row in enumerate(rows)} if keyed else rows
    return {"a.png9": {"filename": "a.png", "size": 9, "regions": rows, "file_attributes": {}}}


@pytest.mark.parametrize("keyed", [False, True], ids=["list", "object"])
@pytest.mark.parametrize("project", [False, True], ids=["annotations", "project"])
def test_json(tmp_path: Path, keyed: bool, project: bool) -> None:
    pictures(tmp_path, "a.png")
    content = metadata(SHAPES, keyed=keyed)
    if project:
        content = {"_via_settings": {}, "_via_img_metadata": content, "_via_attributes": {}}
    write(tmp_path / "via.json", content)
    found = read(tmp_path)
    assert found.objects == {"a.png": BOXES}
    assert found.complaints == []


@pytest.mark.parametrize("first", ["filename", "#filename"])
def test_csv(tmp_path: Path, first: str) -> None:
    pictures(tmp_path, "a.png", "b.png")
    columns = [first, "file_size", "file_attributes", "region_count", "region_id"]
    with (tmp_path / "via.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*columns, "region_shape_attributes", "region_attributes"])
        for place, (shape, attributes) in enumerate(SHAPES):
            writer.writerow(["a.png", 9, "{}", 3, place, json.dumps(shape), json.dumps(attributes)])
        writer.writerow(["b.png", 9, "{}", 0, 0, "{}", "{}"])
    found = read(tmp_path)
    assert found.objects == {"a.png": BOXES, "b.png": []}
    assert "1 picture(s) have no object" in found.warnings


def test_version_3(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    rows = {
        "1_x": {"vid": "1", "xy": [2, 2, 3, 18, 22], "av": {"1": "0"}},
        "1_y": {"vid": "1", "xy": [7, 5, 1, 30, 2, 9, 28], "av": {"1": "1"}},
        "1_z": {"vid": "1", "xy": [], "av": {}},
    }
    content = {
        "project": {"pname": "p", "data_format_version": "3.1.1", "vid_list": ["1", "2"]},
        "attribute": {"1": {"aname": "species", "options": {"0": "cat", "1": "dog"}}},
        "file": {"1": {"fid": "1", "fname": "a.png"}, "2": {"fid": "2", "fname": "b.png"}},
        "metadata": rows,
        "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["2"]}},
    }
    write(tmp_path / "via.json", content)
    found = read(tmp_path)
    assert found.objects == {"a.png": BOXES[:2], "b.png": []}
    assert found.complaints == []


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"species": "cat"}, "cat"),
        ({"quality": "good", "Class": "cat"}, "cat"),
        ({"type": {"cat": True, "dog": False}}, "cat"),
        ({"type": {"cat": True, "dog": True}}, None),
        ({"quality": "good", "species": "cat"}, None),
        ({}, None),
    ],
)
def test_the_class_is_one_attribute_or_it_is_asked_for(
    tmp_path: Path, attributes: dict, name: str | None
) -> None:
    pictures(tmp_path, "a.png")
    write(tmp_path / "via.json", metadata([(RECT, attributes)]))
    found = read(tmp_path)
    assert found.objects["a.png"] == ([(name, [3, 2, 25, 20])] if name else [])
    assert len(found.complaints) == (0 if name else 1)
    assert all("expected a class name" in one for one in found.complaints)


def test_points_and_lines_are_named(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    point = ({"name": "point", "cx": 1, "cy": 2}, {"type": "nose"})
    write(tmp_path / "via.json", metadata([SHAPES[0], point]))
    found = read(tmp_path)
    assert found.objects["a.png"] == BOXES[:1]
    assert found.complaints == [
        "via.json: object 2 'nose': expected a rect, polygon, circle or ellipse, found point"
    ]
