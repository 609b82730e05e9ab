"""What cleaning drops and repairs, and what is complained about without it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data import load_dataset
from algorithm.data.sample import Dataset
from algorithm.errors import DataError

from ..conftest import write_picture, write_voc


def load(folder: Path, clean: bool) -> Dataset:
    return load_dataset(folder, clean=clean, seed=0, work_dir=folder.parent / "work")


def boxes_of(data: Dataset, source: str) -> list[list[float]]:
    return next(
        sample.boxes.tolist() for sample in data.train + data.eval if sample.source == source
    )


def report(folder: Path) -> dict:
    return json.loads((folder.parent / "work" / "cleaning_report.json").read_text(encoding="utf-8"))


# name, VOC corners (xmin, ymin, xmax, ymax) in a picture of 40x30, complaint without cleaning
WRONG_BOXES = [
    ("reversed", (20, 5, 10, 15), "expected min <= max, found the corners reversed"),
    ("no area", (10, 5, 10, 15), "expected a box with an area, found none"),
    ("outside", (50, 5, 60, 15), "expected a box in the picture, found it wholly outside"),
    ("negative", (-20, 5, -10, 15), "expected a box in the picture, found it wholly outside"),
    ("mostly outside", (35, 5, 55, 15), None),
    ("a billion", (5, 5, "1e9", 15), None),
    ("thin", (10, 5, 11.5, 15), None),
]


@pytest.mark.parametrize(
    ("corners", "problem"), [row[1:] for row in WRONG_BOXES], ids=[row[0] for row in WRONG_BOXES]
)
def test_wrong_boxes(make_folder, corners: tuple, problem: str | None) -> None:
    folder = make_folder(10)
    write_voc(folder / "p03.xml", [("cat", 1, 1, 9, 9), ("cat", *corners)])
    if problem:
        with pytest.raises(
            DataError, match=f"found 1, the first: p03.xml:6: object 2 'cat': {problem}"
        ) as caught:
            load(folder, clean=False)
        assert "--do_data_cleaning=True" in str(caught.value).splitlines()[0]
    else:
        assert len(boxes_of(load(folder, clean=False), "p03.png")) == 2
    assert boxes_of(load(folder, clean=True), "p03.png") == [[1, 1, 9, 9]]
    assert report(folder)["totals"] == {
        "samples": 10,
        "samples left out": 0,
        "samples without objects": 0,
        "object dropped": 1,
    }
    assert report(folder)["actions"][0]["object"] == "object 2 'cat'"


@pytest.mark.parametrize("clean", [True, False])
def test_one_pixel_over_the_edge_is_clipped(make_folder, clean: bool) -> None:
    folder = make_folder(10)
    write_voc(folder / "p03.xml", [("cat", 5, 5, 41, 31)])
    data = load(folder, clean)
    assert boxes_of(data, "p03.png") == [[5, 5, 30, 40]]
    assert "box up to one pixel over the edge, clipped: 1 time(s)" in data.warnings
    assert not clean or report(folder)["rules"] == {"slightly over the edge": 1}


@pytest.mark.parametrize("clean", [True, False])
def test_partly_outside_is_clipped_and_counted(make_folder, clean: bool) -> None:
    folder = make_folder(10)
    write_voc(folder / "p03.xml", [("cat", -5, 5, 30, 15)])
    data = load(folder, clean)
    assert boxes_of(data, "p03.png") == [[5, 0, 15, 30]]
    assert "box partly outside the picture, clipped: 1 time(s)" in data.warnings
    assert not clean or report(folder)["actions"] == [
        {
            "file": "p03.xml",
            "line": 4,
            "object": "object 1 'cat'",
            "rule": "partly outside",
            "problem": "expected a box in the picture, found it partly outside: [ymin, xmin, ymax, xmax] = [5, -5, 15, 30] "
            "in a picture of 40x30",
            "action": "clipped to the picture",
        }
    ]


def break_truncated(folder: Path) -> None:
    (folder / "p03.png").write_bytes((folder / "p03.png").read_bytes()[:-900])


def break_text(folder: Path) -> None:
    (folder / "p03.png").write_text("no picture")


def break_xml(folder: Path) -> None:
    (folder / "p03.xml").write_text("<annotation>")


def break_missing_xml(folder: Path) -> None:
    (folder / "p03.xml").unlink()


def break_size(folder: Path) -> None:
    write_voc(folder / "p03.xml", [("cat", 1, 1, 9, 9)], width=30, height=40)


BREAKS = [
    (break_text, "p03.png: expected a JPEG, PNG"),
    (break_xml, "p03.xml:1: the annotation is not XML"),
    (break_missing_xml, "p03.png: expected an XML of the same name"),
    (break_size, "p03.xml: expected the size of the picture, 40x30 upright, found 30x40 recorded"),
]


@pytest.mark.parametrize(("damage", "problem"), BREAKS)
def test_unusable_pictures(make_folder, damage, problem: str) -> None:
    folder = make_folder(10)
    damage(folder)
    with pytest.raises(DataError, match=f"the first: {problem}"):
        load(folder, clean=False)
    data = load(folder, clean=True)
    assert len(data.train + data.eval) == 9
    assert report(folder)["totals"] == {
        "samples": 10,
        "samples left out": 1,
        "samples without objects": 0,
        "picture left out": 1,
    }


def test_truncated_picture_is_found_by_cleaning(make_folder) -> None:
    folder = make_folder(10)
    break_truncated(folder)
    data = load(folder, clean=True)
    assert "p03.png" not in [sample.source for sample in data.train + data.eval]
    assert "damaged or truncated" in report(folder)["actions"][0]["problem"]


def test_a_picture_whose_only_object_cannot_be_read_is_left_out(make_folder) -> None:
    folder = make_folder(10)
    (folder / "p03.xml").write_text("<annotation><object><name>cat</name></object></annotation>")
    with pytest.raises(DataError, match="p03.xml:1: object 1 'cat': expected a position"):
        load(folder, clean=False)
    data = load(folder, clean=True)
    assert "p03.png" not in [sample.source for sample in data.train + data.eval]
    assert (
        "the dataset: 1 of 10 picture(s) left out: object cannot be used (1), the first: p03.xml:1: "
        "object 1 'cat': expected a position, one of bndbox"
    ) in "\n".join(data.warnings)


def test_all_complaints_come_at_once_and_twenty_are_shown(make_folder) -> None:
    folder = make_folder(30)
    for index in range(25):
        write_voc(folder / f"p{index:02d}.xml", [("cat", 9, 9, 9, 9)])
    with pytest.raises(DataError) as caught:
        load(folder, clean=False)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        "expected a dataset without faults, found 25, the first: p00.xml:4: object 1 'cat'"
    )
    assert (len(lines), lines[-1]) == (22, "  ... and 5 more")


def test_recorded_size_of_the_same_aspect_scales_the_boxes(make_folder) -> None:
    folder = make_folder(10)
    write_voc(folder / "p03.xml", [("cat", 10, 20, 40, 60)], width=80, height=60)
    data = load(folder, clean=False)
    assert boxes_of(data, "p03.png") == [[10, 5, 30, 20]]
    assert "recorded size differs, boxes scaled along: 1 time(s)" in data.warnings


@pytest.mark.parametrize("clean", [True, False])
def test_size_is_that_of_the_upright_picture(make_folder, clean: bool) -> None:
    folder = make_folder(10)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 40)).save(folder / "p03.png", exif=exif)
    sample = next(
        one
        for one in sum(map(tuple, (load(folder, clean).train, load(folder, clean).eval)), ())
        if one.source == "p03.png"
    )
    assert (sample.width, sample.height) == (40, 30)


def test_mostly_unusable_data_is_refused(make_folder) -> None:
    folder = make_folder(10)
    for index in range(6):
        (folder / f"p{index:02d}.png").write_bytes(b"")
    with pytest.raises(
        DataError,
        match=r"expected most pictures of the dataset to be usable, found 6 of 10 that are not.*p00\.png",
    ):
        load(folder, clean=True)
    assert len(report(folder)["actions"]) == 6


def test_the_source_is_never_changed(make_folder) -> None:
    def state() -> dict[str, str]:
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()
        }

    folder = make_folder(10)
    break_text(folder)
    write_voc(folder / "p04.xml", [("cat", 9, 9, 9, 9), ("cat", -9, 1, 30, 9)])
    before = state()
    load(folder, clean=True)
    assert state() == before


def test_large_picture_is_refused_by_name_without_decoding(make_folder) -> None:
    folder = make_folder(10)
    write_picture(folder / "p03.png", 17_000, 1)
    with pytest.raises(DataError, match="p03.png: the picture has 17000x1 pixels"):
        load(folder, clean=False)


# how p03.png is written, rule, what the report says is wrong
ODD_PICTURES = [
    (lambda path: Image.new("L", (40, 30)).save(path), "not RGB", "expected RGB, found L"),
    (lambda path: Image.new("LA", (40, 30)).save(path), "not RGB", "expected RGB, found LA"),
    (lambda path: Image.new("RGBA", (40, 30)).save(path), "not RGB", "expected RGB, found RGBA"),
    (lambda path: Image.new("P", (40, 30)).save(path), "not RGB", "expected RGB, found P"),
    (
        lambda path: Image.new("CMYK", (40, 30)).save(path, "JPEG"),
        "not RGB",
        "expected RGB, found CMYK",
    ),
    (
        lambda path: Image.fromarray(np.zeros((30, 40), np.uint16)).save(path),
        "16 bits",
        "expected 8 bits a channel, found 16",
    ),
    (
        lambda path: Image.new("RGB", (40, 30)).save(path, "JPEG"),
        "suffix",
        "expected the suffix .jpg of a JPEG picture, found '.png'",
    ),
    (
        lambda path: Image.new("RGB", (40, 30)).save(path, "WEBP"),
        "format",
        "expected a JPEG, PNG or BMP picture, found WEBP",
    ),
    (
        lambda path: Image.new("RGB", (40, 30)).save(
            path, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 30), "red")]
        ),
        "animated",
        "expected one picture, found an animation",
    ),
]


@pytest.mark.parametrize(("write", "rule", "problem"), ODD_PICTURES)
def test_odd_pictures_are_read_and_remarked(make_folder, write, rule: str, problem: str) -> None:
    folder = make_folder(10)
    write(folder / "p03.png")
    data = load(folder, clean=True)
    assert len(data.train + data.eval) == 10
    rows = [row for row in report(folder)["actions"] if row["rule"] == rule]
    assert [(row["file"], row["problem"]) for row in rows] == [("p03.png", problem)]
    load(folder, clean=False)


def test_an_object_annotated_twice_is_dropped_once(make_folder) -> None:
    folder = make_folder(10)
    write_voc(
        folder / "p03.xml",
        [
            ("cat", 1, 1, 30, 25),
            ("cat", 1, 1, 30, 25),
            ("dog", 1, 1, 30, 25),
            ("cat", 1, 1, 30.5, 25),
        ],
    )
    data = load(folder, clean=True)
    assert len(boxes_of(data, "p03.png")) == 3
    rows = report(folder)["actions"]
    assert [(row["rule"], row["object"], row["action"]) for row in rows] == [
        ("box twice", "object 2 'cat'", "object dropped"),
        ("box nearly twice", "object 4 'cat'", "reported only"),
    ]
    assert "found object 1 'cat' again" in rows[0]["problem"]
    assert len(boxes_of(load(folder, clean=False), "p03.png")) == 4


def test_class_names_that_differ_only_in_writing_are_reported_and_kept(make_folder) -> None:
    folder = make_folder(10, names=("cat", "Ｃat ".strip()))
    data = load(folder, clean=True)
    assert data.label_names == ("cat", "Ｃat")
    assert [row["rule"] for row in report(folder)["actions"]] == ["class names alike"]


def test_missing_size_is_taken_from_the_picture(make_folder) -> None:
    folder = make_folder(10)
    text = (folder / "p03.xml").read_text()
    (folder / "p03.xml").write_text(
        text[: text.index("<size>")] + text[text.index("</size>") + 7 :]
    )
    data = load(folder, clean=True)
    assert next(one for one in data.train + data.eval if one.source == "p03.png").width == 40
    assert report(folder)["actions"][0]["action"] == "size taken from the picture"


def test_the_page_is_self_contained_and_escapes_what_it_shows(make_folder) -> None:
    folder = make_folder(10)
    write_voc(folder / "p03.xml", [("&lt;script&gt;", 9, 9, 9, 9), ("cat", 1, 1, 9, 9)])
    load(folder, clean=True)
    text = (folder.parent / "work" / "cleaning_report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in text and text.count("<script") == 1 and "http" not in text
    assert "no area: object dropped (1)" in text
    assert '<span class="zh">面积为零: 丢弃该目标 (1)</span>' in text and 'id="language"' in text
