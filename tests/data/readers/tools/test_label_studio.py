"""Label Studio's JSON: percent of the picture, names of uploads, turned rectangles."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ..reading import pictures, read, write

RECTANGLE = {"x": 5, "y": 10, "width": 45, "height": 70}  # of 40 x 30: [3, 2, 24, 20]


def result(value: dict, kind: str = "rectanglelabels", label: str = "cat", **more: object) -> dict:
    size = {"original_width": 40, "original_height": 30}
    return {"type": kind, "value": {**value, kind: [label]}, **size, **more}


def task(address: str, *results: dict, number: int = 1) -> dict:
    return {"id": number, "data": {"image": address}, "annotations": [{"result": list(results)}]}


@pytest.mark.parametrize(
    "address",
    [
        "a.png",
        "/data/upload/3/a.png",
        "/data/upload/3/0f1e2d3c-a.png",
        "/data/local-files/?d=set/a.png",
        "s3://bucket/set/a.png",
        "https://host/pictures/a.png?token=1",
    ],
)
def test_addresses_of_pictures(tmp_path: Path, address: str) -> None:
    pictures(tmp_path, "a.png")
    write(tmp_path / "export.json", [task(address, result(RECTANGLE))])
    assert read(tmp_path).objects == {"a.png": [("cat", [3, 2, 24, 20])]}


def test_shapes(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", width=100, height=100)
    size = {"original_width": 100, "original_height": 100}
    outline = {"points": [[10, 20], [60, 30], [20, 70]]}
    turned = {"x": 50, "y": 10, "width": 20, "height": 10, "rotation": 90}  # about its corner
    oval = {"x": 50, "y": 40, "radiusX": 20, "radiusY": 10}
    rows = [
        {**result(outline, "polygonlabels", "dog"), **size},
        {**result(turned), **size},
        {**result(oval, "ellipselabels", "sun"), **size},
        {**result({"x": 1, "y": 1, "width": 1}, "keypointlabels", "nose"), **size},
    ]
    write(tmp_path / "export.json", [task("a.png", *rows)])
    found = read(tmp_path)
    assert found.objects["a.png"] == [
        ("dog", [20, 10, 70, 60]),
        ("cat", [10, 40, 30, 50]),
        ("sun", [30, 30, 50, 70]),
    ]
    assert found.complaints == [
        "export.json: object 4 'nose': expected a rectangle, polygon, ellipse or brush, found "
        "keypointlabels"
    ]


def test_label_in_a_result_of_its_own(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    size = {"original_width": 40, "original_height": 30, "id": "x"}
    rows = [
        {"type": "rectangle", "value": RECTANGLE, **size},
        {"type": "labels", "value": {**RECTANGLE, "labels": ["cat"]}, **size},
        {"type": "choices", "value": {"choices": ["sharp"]}, **size},
    ]
    write(tmp_path / "export.json", [{**task("a.png", *rows), "completed_by": 1, "lead_time": 2}])
    found = read(tmp_path)
    assert found.objects["a.png"] == [("cat", [3, 2, 24, 20])]
    assert found.complaints == []


def test_json_min(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    row = {**RECTANGLE, "rectanglelabels": ["cat"], "original_width": 40, "original_height": 30}
    write(tmp_path / "min.json", [{"image": "/data/upload/a.png", "id": 1, "label": [row]}])
    assert read(tmp_path).objects == {"a.png": [("cat", [3, 2, 24, 20])]}


def test_csv(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    row = {**RECTANGLE, "rectanglelabels": ["cat"], "original_width": 40, "original_height": 30}
    with (tmp_path / "export.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["annotator", "image", "label"])
        writer.writerow([1, "/data/upload/1/a.png", json.dumps([row])])
    assert read(tmp_path).objects == {"a.png": [("cat", [3, 2, 24, 20])]}


def test_unlabelled_tasks_and_several_annotations(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    several = task("a.png", result(RECTANGLE, label="old"))
    several["annotations"].append({"result": [result(RECTANGLE, label="new")]})
    several["annotations"].append({"result": [], "was_cancelled": True})
    empty = {"id": 7, "data": {"image": "b.png"}, "annotations": []}
    write(tmp_path / "export.json", [several, empty])
    found = read(tmp_path)
    assert found.objects == {"a.png": [("new", [3, 2, 24, 20])]}
    assert found.complaints == [
        "export.json: b.png: expected an annotation of task 7, found none (unlabelled)"
    ]
    assert "1 task(s) of Label Studio have several annotations: the last one" in found.warnings
