"""YOLO folders: where labels are found, what rows mean, and what is said about rows that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data import load_dataset
from algorithm.data.readers.annotation import Entry
from algorithm.data.readers.recognition import read_listing
from algorithm.errors import DataError

from ..conftest import write_picture

NAMES_AS = [
    "names: [cat, 狗]",
    "names:\n  - cat\n  - 狗",
    "names:\n  0: cat\n  1: 狗",
    "nc: 2\nnames: {1: 狗, 0: cat}",
]
ROW = "1 0.5 0.5 0.5 0.2\n"  # in 40x30: x 10..30, y 12..18


def write_yolo(
    root: Path,
    names: str = NAMES_AS[0],
    train: str = "images/train",
    val: str = "images/val",
    row: str = ROW,
) -> Path:
    for split, count in (("train", 3), ("val", 1)):
        for index in range(count):
            write_picture(root / "images" / split / f"{split}{index}.png", seed=index)
            label = root / "labels" / split / f"{split}{index}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(row)
    (root / "data.yaml").write_text(f"train: {train}\nval: {val}\n{names}\n", encoding="utf-8")
    return root


def entries(root: Path) -> list[Entry]:
    return list(read_listing(root).entries)


def said(root: Path) -> list[str]:
    listing = read_listing(root)
    return [
        str(wrong)
        for wrong in (
            *listing.complaints,
            *(
                one
                for entry in listing.entries
                if entry.annotation
                for one in entry.annotation.complaints
            ),
        )
    ]


@pytest.mark.parametrize("names", NAMES_AS)
def test_names_boxes_and_split(tmp_path: Path, names: str) -> None:
    found = entries(write_yolo(tmp_path, names))
    assert [(entry.source, entry.usage) for entry in found] == [
        ("images/train/train0.png", "train"),
        ("images/train/train1.png", "train"),
        ("images/train/train2.png", "train"),
        ("images/val/val0.png", "eval"),
    ]
    assert (found[0].annotation.names, found[0].annotation.boxes.round(4).tolist()) == (
        ("狗",),
        [[12, 10, 18, 30]],
    )


def test_all_names_are_labels_in_their_order(tmp_path: Path) -> None:
    write_yolo(tmp_path, "names: [zebra, cat, ant]")
    data = load_dataset(tmp_path, clean=False, seed=0, work_dir=tmp_path / "work")
    assert (data.label_names, data.category_ids) == (("zebra", "cat", "ant"), (1, 2, 3))
    assert data.train[0].labels.tolist() == [1]


@pytest.mark.parametrize(
    "train", ["../images/train", "./images/train", "/home/me/set/images/train", "list.txt"]
)
def test_addresses_of_other_machines_are_found_in_the_folder(tmp_path: Path, train: str) -> None:
    write_yolo(tmp_path, train=train)
    (tmp_path / "list.txt").write_text(
        "images/train/train0.png\n./images/train/train1.png\n/home/me/set/images/train/train2.png\n"
    )
    assert len(entries(tmp_path)) == 4


def test_polygon_becomes_its_enclosing_box(tmp_path: Path) -> None:
    write_yolo(tmp_path, row="0 0.25 0.2 0.5 0.1 0.75 0.9\n")
    assert entries(tmp_path)[0].annotation.boxes.round(4).tolist() == [[3, 10, 27, 30]]


def test_picture_without_labels_shows_nothing(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "labels" / "train" / "train1.txt").unlink()
    (tmp_path / "labels" / "train" / "train2.txt").write_text("\n")
    assert [entry.annotation.names for entry in entries(tmp_path)] == [("狗",), (), (), ("狗",)]
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2 0.5 0.5 0.5 0.2", "expected a class id of 0..1, found 2"),
        ("-1 0.5 0.5 0.5 0.2", "expected a class id of 0..1, found -1"),
        (
            "cat 0.5 0.5 0.5 0.2",
            "expected `class x y width height` in numbers, found 'cat 0.5 0.5 0.5 0.2'",
        ),
        ("1 0.5 0.5 0.5 nan", "in numbers, found '1 0.5 0.5 0.5 nan'"),
        ("1.5 0.5 0.5 0.5 0.5", "in numbers, found '1.5 0.5 0.5 0.5 0.5'"),
        (
            "1 0.5 0.5 0.5",
            "expected a class id with 4 numbers, or with the points of a polygon, found 3 numbers",
        ),
        ("1 0.5 0.5 0.5 0.2 0.9", "found 5 numbers"),
        (
            "1 20 15 10 5",
            "expected shares of the picture's width and height (0..1), found '1 20 15 10 5'",
        ),
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, row: str, problem: str) -> None:
    write_yolo(tmp_path)
    (tmp_path / "labels" / "train" / "train1.txt").write_text(ROW + "\n" + row + "\n" + ROW)
    assert len(said(tmp_path)) == 1
    assert said(tmp_path)[0].startswith("labels/train/train1.txt:3: ")
    assert problem in said(tmp_path)[0]
    assert entries(tmp_path)[1].annotation.names == ("狗", "狗")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"train": "../../other"}, r"found '../../other', which leads out of it"),
        ({"train": "images/gone"}, "found 'images/gone', which does not exist"),
        ({"names": "names: {0: cat, 2: dog}"}, "expected ids 0..1 in 'names'"),
        ({"names": "names: [cat, cat]"}, "expected distinct class names"),
        ({"names": "names: 7"}, "expected 'names' to list the classes"),
        ({"names": "names: ["}, "expected YAML in"),
        ({"train": "[1]"}, "expected paths for 'train'"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, change: dict, problem: str) -> None:
    write_picture(tmp_path / "other" / "x.png")
    with pytest.raises(DataError, match=problem):
        read_listing(write_yolo(tmp_path / "set", **change))


def test_lines_of_a_list_that_lead_out_or_nowhere(tmp_path: Path) -> None:
    write_picture(tmp_path / "secret.png")
    write_yolo(tmp_path / "set", train="list.txt")
    (tmp_path / "set" / "list.txt").write_text(
        "images/train/train0.png\n../secret.png\nimages/gone.png\n"
    )
    assert said(tmp_path / "set") == [
        f"list.txt:2: expected a path inside {tmp_path / 'set'}, found '../secret.png', which leads out of it",
        f"list.txt:3: expected the path of a picture below {tmp_path / 'set'}, found 'images/gone.png'",
    ]


def test_no_label_file_at_all_is_refused(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    for file in (tmp_path / "labels").rglob("*.txt"):
        file.unlink()
    with pytest.raises(DataError, match=r"found 4 picture\(s\) and no label file"):
        read_listing(tmp_path)


def test_same_pictures_for_both_splits_are_split_anew(tmp_path: Path) -> None:
    write_yolo(tmp_path, val="images/train")
    data = load_dataset(tmp_path, clean=False, seed=0, work_dir=tmp_path / "work")
    assert (len(data.train), len(data.eval)) == (2, 1)


def test_darknet_layout(tmp_path: Path) -> None:
    for split, count in (("train", 2), ("valid", 1)):
        lines = []
        for index in range(count):
            picture = write_picture(tmp_path / f"obj_{split}_data" / f"{split} {index}.png")
            picture.with_suffix(".txt").write_text(ROW)
            lines.append(f"data/obj_{split}_data/{picture.name}\n")
        (tmp_path / f"{split}.txt").write_text("".join(lines))
    (tmp_path / "obj.names").write_text("cat\n狗\n\n", encoding="utf-8")
    (tmp_path / "obj.data").write_text(
        "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\n"
        "names = data/obj.names\nbackup = backup/\n"
    )
    assert [
        (entry.path.name, entry.usage, entry.annotation.names) for entry in entries(tmp_path)
    ] == [
        ("train 0.png", "train", ("狗",)),
        ("train 1.png", "train", ("狗",)),
        ("valid 0.png", "eval", ("狗",)),
    ]
