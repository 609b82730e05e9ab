"""What the writers of other tools' forms write, by hand-worked numbers."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from algorithm.data import load_dataset
from algorithm.data.conversion import convert
from algorithm.data.conversion.picture_row import Classes
from algorithm.data.conversion.tfrecord_writer import finish

from ..conftest import write_picture, write_voc


@pytest.fixture
def odd_set(tmp_path: Path) -> Path:
    """Five pictures of 40x30, `p0` with a quoted class and a difficult object, `p4` empty."""
    folder = tmp_path / "set"
    for number in range(5):
        write_picture(folder / f"p{number}.png", seed=number)
        write_voc(folder / f"p{number}.xml", [("cat", 1.5, 2, 20, 25)] * (number < 4))
    text = '<a & "b">'.replace("&", "&amp;").replace("<", "&lt;")
    write_voc(folder / "p0.xml", [("cat", 1.5, 2, 20, 25), (text, 3, 4, 40, 30)])
    file = folder / "p0.xml"
    before, mark, after = file.read_text().rpartition("<difficult>0")
    file.write_text(before + "<difficult>1" + after)
    return folder


def test_cvat(odd_set: Path, tmp_path: Path) -> None:
    convert(odd_set, tmp_path / "out", "cvat", workers=1)
    root = ElementTree.parse(tmp_path / "out/annotations.xml").getroot()
    assert root.findtext("version") == "1.1"
    assert [label.findtext("name") for label in root.iter("label")] == ['<a & "b">', "cat"]
    images = {image.get("name"): image for image in root.iter("image")}
    assert {image.get("subset") for image in images.values()} == {"train", "val"}
    image = images["p0.png"]
    assert (image.get("width"), image.get("height")) == ("40", "30")
    assert (tmp_path / "out/images" / image.get("subset") / "p0.png").is_file()
    boxes = [
        (
            *(box.get(key) for key in ("label", "xtl", "ytl", "xbr", "ybr")),
            box.findtext("attribute"),
        )
        for box in image.iter("box")
    ]
    assert boxes == [
        ("cat", "1.5", "2", "20", "25", "false"),
        ('<a & "b">', "3", "4", "40", "30", "true"),
    ]
    assert list(images["p4.png"]) == []


def test_labelme(odd_set: Path, tmp_path: Path) -> None:
    convert(odd_set, tmp_path / "out", "labelme", workers=1)
    file = next((tmp_path / "out").glob("*/p0.json"))
    content = json.loads(file.read_text(encoding="utf-8"))
    assert file.with_name(content["imagePath"]).is_file()
    assert (content["imageWidth"], content["imageHeight"], content["imageData"]) == (40, 30, None)
    assert [
        (one["label"], one["points"], one["shape_type"], one["flags"]) for one in content["shapes"]
    ] == [
        ("cat", [[1.5, 2], [20, 25]], "rectangle", {}),
        ('<a & "b">', [[3, 4], [40, 30]], "rectangle", {"difficult": True}),
    ]
    assert {path.parent.name for path in (tmp_path / "out").glob("*/p?.json")} == {"train", "val"}
    assert (tmp_path / "out/labels.txt").read_text(encoding="utf-8") == '<a & "b">\ncat\n'


def test_voc(odd_set: Path, tmp_path: Path) -> None:
    convert(odd_set, tmp_path / "out", "voc", workers=1)
    lists = {
        split: (tmp_path / f"out/ImageSets/Main/{split}.txt").read_text().split()
        for split in ("train", "val")
    }
    assert sorted(lists["train"] + lists["val"]) == ["p0", "p1", "p2", "p3", "p4"]
    data = load_dataset(tmp_path / "out", clean=False, seed=9, work_dir=tmp_path / "work")
    assert {Path(one.source).stem for one in data.eval} == set(lists["val"])


def test_data_yaml_as_ultralytics_and_yolov5_ask_for_it(tmp_path: Path) -> None:
    """Both want an absolute `path` that exists, `train` and `val` below it, names as texts."""
    for number, name in enumerate(("yes", "010", "1_0", "cat: x", "狗")):
        write_picture(tmp_path / "set" / f"{number}.png", seed=number)
        write_voc(tmp_path / "set" / f"{number}.xml", [(name, 1, 2, 20, 25)])
    file = convert(tmp_path / "set", tmp_path / "out", "yolo", workers=1).path
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    root = Path(content["path"])
    assert root.is_absolute() and root == tmp_path / "out"
    assert content["nc"] == 5 and content["names"] == ["010", "1_0", "cat: x", "yes", "狗"]
    for side in ("train", "val"):
        pictures = sorted((root / content[side]).glob("*.png"))
        assert pictures
        for picture in pictures:
            labels = root / "labels" / side / f"{picture.stem}.txt"
            assert labels.read_text().split()[1:] == [
                f"{v:.8f}" for v in (0.2625, 0.45, 0.475, 0.7666666667)
            ]


@pytest.mark.parametrize(
    ("ids", "written"), [((0, 1), (1, 2)), ((0, 90), (1, 2)), ((2, 90), (2, 90))]
)
def test_ids_of_a_label_map_start_at_1(tmp_path: Path, ids: tuple, written: tuple) -> None:
    finish([], tmp_path, Classes(("cat", "dog"), ids, False))
    first, second = written
    assert (tmp_path / "label_map.pbtxt").read_text() == (
        f'item {{\n  id: {first}\n  name: "cat"\n}}\nitem {{\n  id: {second}\n  name: "dog"\n}}\n'
    )


def test_a_yolo_folder_that_was_moved_is_read(odd_set: Path, tmp_path: Path) -> None:
    convert(odd_set, tmp_path / "out", "yolo", workers=1)
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    data = load_dataset(tmp_path / "elsewhere", clean=False, seed=0, work_dir=tmp_path / "work")
    assert len(data.train + data.eval) == 5
