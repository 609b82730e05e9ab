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
            "bird 0.5 0.5 0.5 0.2",
            "expected `class x y width height` in numbers, found 'bird 0.5 0.5 0.5 0.2'",
        ),
        ("1 0.5 0.5 0.5 nan", "in numbers, found '1 0.5 0.5 0.5 nan'"),
        ("1.5 0.5 0.5 0.5 0.5", "in numbers, found '1.5 0.5 0.5 0.5 0.5'"),
        (
            "1 0.5 0.5 0.5",
            "expected a class id with 4 numbers, or with the points of a polygon, found 3 numbers",
        ),
        ("1 0.5 0.5 0.5 0.2 1.9", "found 5 numbers"),
        ("1 0.5 0.5 0.4 0.4" + " 0.5 0.5 2" * 2, "keypoints need kpt_shape in data.yaml"),
        ("1 0.5 0.5 0.4 0.4" + " 0.5 0.5 1" * 4, "keypoints need kpt_shape in data.yaml"),
        ("1 0.5 0.5 0.4 0.4" + " 0.5 0.5 1" * 17, "found 55 numbers"),
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
        ({"train": "../../other"}, "found '../../other', which does not exist there"),
        ({"train": "images/gone"}, "found 'images/gone', which does not exist"),
        ({"names": "names: {0: cat, 2: dog}"}, "expected ids 0..1 in 'names'"),
        ({"names": "names: [cat, cat]"}, "expected distinct class names"),
        ({"names": "names: 7"}, "expected 'names' to list the classes"),
        ({"names": "names: ["}, "expected YAML in"),
        ({"train": "[[a]]"}, "expected paths for 'train'"),
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
        f"list.txt:2: expected the path of a picture below {tmp_path / 'set'}, found '../secret.png'",
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


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        ("names: [yes, no]", "no"),
        ("names: [on, off]", "off"),
        ("names: [7, 010]", "010"),
        ("names: {'0': a, '1': b}", "b"),
        ("names: [1, 1.0]", "1.0"),
    ],
)
def test_names_stay_as_they_are_written(tmp_path: Path, names: str, meant: str) -> None:
    assert entries(write_yolo(tmp_path, names))[0].annotation.names == (meant,)


@pytest.mark.parametrize(
    ("shape", "points"),
    [("[4, 3]", "0.4 0.4 2 0.6 0.4 2 0.4 0.6 1 0 0 0"), ("[3, 2]", "0.4 0.4 0.6 0.4 0.4 0.6")],
)
def test_declared_keypoints_are_no_outline(tmp_path: Path, shape: str, points: str) -> None:
    write_yolo(tmp_path, NAMES_AS[0] + f"\nkpt_shape: {shape}", row=f"1 0.5 0.5 0.5 0.2 {points}\n")
    assert entries(tmp_path)[0].annotation.boxes.round(4).tolist() == [[12, 10, 18, 30]]


def test_keypoints_of_another_count_are_complaints(tmp_path: Path) -> None:
    row = "1 0.5 0.5 0.5 0.2 0.4 0.4 2\n"
    write_yolo(tmp_path, NAMES_AS[0] + "\nkpt_shape: [2, 3]", row=row)
    assert "2 keypoints of 3 (kpt_shape), 10 in all, found 7 numbers" in said(tmp_path)[0]


def test_outline_along_the_edges_is_no_keypoint(tmp_path: Path) -> None:
    write_yolo(tmp_path, row="1 0.5 0.2 0.9 0.3 0.9 0.6 1 0.8 0.6 1\n")  # third numbers are 1 and 1
    assert entries(tmp_path)[0].annotation.boxes.round(4).tolist() == [[6, 20, 30, 40]]


def test_sixth_number_is_a_confidence_with_a_word(tmp_path: Path) -> None:
    write_yolo(tmp_path, row="1 0.5 0.5 0.5 0.2 0.87\n")
    assert entries(tmp_path)[0].annotation.boxes.round(4).tolist() == [[12, 10, 18, 30]]
    assert "rows have a sixth number" in read_listing(tmp_path).warnings[0]


@pytest.mark.parametrize(
    "row",
    ["狗 0.5 0.5 0.5 0.2", "1, 0.5, 0.5, 0.5, 0.2", "1,0.5,0.5,0.5,0.2", "1.0\t0.5 .5 0.5  .2"],
)
def test_writings_of_one_row(tmp_path: Path, row: str) -> None:
    write_yolo(tmp_path, row=row + "\r\n\r\n")
    assert entries(tmp_path)[0].annotation.boxes.round(4).tolist() == [[12, 10, 18, 30]]
    assert said(tmp_path) == []


def test_turned_boxes_in_pixels_become_upright(tmp_path: Path) -> None:
    write_yolo(tmp_path, row="10 12 30 12 30 18 10 18 狗 0\n")
    found = entries(tmp_path)[0].annotation
    assert (found.names, found.boxes.round(4).tolist()) == (("狗",), [[12, 10, 18, 30]])


def test_label_files_of_utf16_and_upper_case_are_read(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "labels/train/train0.txt").write_text(ROW, "utf-16")
    (tmp_path / "labels/train/train1.txt").rename(tmp_path / "labels/train/train1.TXT")
    assert [entry.annotation.names for entry in entries(tmp_path)] == [("狗",)] * 4


def test_label_without_picture_is_a_complaint(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "images/train/train0.png").unlink()
    (tmp_path / "README.txt").write_text("made by hand")
    assert said(tmp_path) == [
        "labels/train/train0.txt: expected a picture of the same name, found none"
    ]


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("images\\train", "images\\val"),
        ("C:\\me\\set\\images\\train", "C:\\me\\set\\images\\val"),
        ("project-1/images/train", "project-1/images/val"),
        ("Images/Train", "Images/Val"),
    ],
)
def test_addresses_end_where_the_pictures_are(tmp_path: Path, train: str, val: str) -> None:
    found = entries(write_yolo(tmp_path, train=train, val=val))
    assert [entry.usage for entry in found] == ["train"] * 3 + ["eval"]


def test_end_of_an_address_without_its_split_is_not_taken(tmp_path: Path) -> None:
    write_yolo(tmp_path, val="../valid/images")  # images/ is there, but holds both sides
    with pytest.raises(DataError, match="found '../valid/images', which does not exist there"):
        read_listing(tmp_path)


def test_side_inside_the_other_is_a_complaint_and_evaluates(tmp_path: Path) -> None:
    write_yolo(tmp_path, train="images")
    assert said(tmp_path) == [
        "images/val/val0.png: expected each picture in one split, found it in train and val"
    ]
    assert [entry.usage for entry in entries(tmp_path)] == ["train"] * 3 + ["eval"]


def test_test_part_evaluates_where_there_is_no_other(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("train: images/train\ntest: images/val\nnames: [a, b]\n")
    assert [entry.usage for entry in entries(tmp_path)] == ["train"] * 3 + ["eval"]


def test_other_count_of_classes_is_remarked(tmp_path: Path) -> None:
    write_yolo(tmp_path, NAMES_AS[0] + "\nnc: 5")
    assert "says 5 classes (nc) and names 2" in read_listing(tmp_path).warnings[0]


@pytest.mark.parametrize(
    ("pictures", "labels", "names"),
    [
        (".", ".", "classes.txt"),
        ("images", "labels", "classes.txt"),
        ("images", "labels", "labels/classes.txt"),
        ("Images", "Annotations", "obj.names"),
        ("set/images", "set/labelTxt", "classes.txt"),
    ],
)
def test_list_of_classes_alone(tmp_path: Path, pictures: str, labels: str, names: str) -> None:
    for stem in "ab":
        write_picture(tmp_path / pictures / f"{stem}.png")
        (tmp_path / labels).mkdir(parents=True, exist_ok=True)
        (tmp_path / labels / f"{stem}.txt").write_text(ROW)
    (tmp_path / names).write_text("cat\n狗\n", "utf-8")
    assert [(one.path.name, one.annotation.names) for one in entries(tmp_path)] == [
        ("a.png", ("狗",)),
        ("b.png", ("狗",)),
    ]


def test_folders_give_the_split_without_a_data_yaml(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "data.yaml").rename(tmp_path / "classes.txt")
    (tmp_path / "classes.txt").write_text("cat\n狗\n", "utf-8")
    assert [entry.usage for entry in entries(tmp_path)] == ["train"] * 3 + ["eval"]


def test_notes_of_label_studio_name_the_classes(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text(ROW)
    notes = '{"categories": [{"id": 1, "name": "dog"}, {"id": 0, "name": "cat"}], "info": {}}'
    (tmp_path / "notes.json").write_text(notes)
    assert entries(tmp_path)[0].annotation.names == ("dog",)


def test_labels_without_names_are_refused_with_what_is_missing(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(DataError, match="4 .png, 4 .txt: looks like YOLO, but without data.yaml"):
        read_listing(tmp_path)


def test_stray_yaml_is_passed_over_with_a_word(make_folder) -> None:
    folder = make_folder(2)
    (folder / "data.yaml").write_text("train: .\nval: .\nnames: [cat]\n")
    listing = read_listing(folder)
    assert len(listing.entries) == 2
    assert "YOLO (data.yaml) is there too and is not read" in listing.warnings[0]


def test_other_word_for_the_same_split_is_taken(tmp_path: Path) -> None:
    write_yolo(tmp_path, val="../images/valid")  # the folder is images/val
    assert [entry.usage for entry in entries(tmp_path)] == ["train"] * 3 + ["eval"]


@pytest.mark.parametrize(("other", "read"), [("cat\n", True), ("狗\ncat\n", False)])
def test_lists_of_classes_in_each_folder(tmp_path: Path, other: str, read: bool) -> None:
    for side, classes in (("train", "cat\n狗\n"), ("val", other)):
        write_picture(tmp_path / side / f"{side}.png")
        (tmp_path / side / f"{side}.txt").write_text("0 0.5 0.5 0.5 0.2\n")
        (tmp_path / side / "classes.txt").write_text(classes, "utf-8")
    if read:  # LabelImg only adds to its list
        assert [entry.annotation.names for entry in entries(tmp_path)] == [("cat",)] * 2
    else:
        with pytest.raises(DataError, match="expected the same classes in train/classes.txt and"):
            read_listing(tmp_path)


def test_decimal_commas_are_points(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, row="1 0,5 0,5 0,5 0,2\n")
    assert [round(float(one)) for one in entries(root)[0].annotation.boxes[0]] == [12, 10, 18, 30]


@pytest.mark.parametrize("described", ["data.yaml", "classes.txt"])
def test_class_names_in_gbk_are_read_with_a_word(tmp_path: Path, described: str) -> None:
    root = write_yolo(tmp_path)
    if described == "classes.txt":
        (root / "data.yaml").unlink()
        (root / described).write_text("cat\n狗\n", encoding="gbk")
    else:
        (root / described).write_bytes((root / described).read_text("utf-8").encode("gbk"))
    listing = read_listing(root)
    assert {name for entry in listing.entries for name in entry.annotation.names} == {"狗"}
    assert any(f"{described} is not in UTF-8 and is read as GBK" in one for one in listing.warnings)


def test_labelimg_s_own_list_of_classes(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    (root / "data.yaml").rename(root / "settings.yaml")
    (root / "settings.yaml").write_text("lr: 0.1\n")
    (root / "predefined_classes.txt").write_text("cat\ndog\n")
    listing = read_listing(root)
    assert {name for entry in listing.entries for name in entry.annotation.names} == {"dog"}


def test_another_yaml_beside_is_named(tmp_path: Path) -> None:
    (write_yolo(tmp_path) / "other.yaml").write_text("lr: 0.1\n")
    assert (
        "1 file(s) beside the dataset are not read: other.yaml" in read_listing(tmp_path).warnings
    )


def test_predictions_beside_labels_are_told_from_labels_without_picture(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    (root / "predictions").mkdir()
    (root / "predictions/train0.txt").write_text(ROW)
    assert said(root) == [
        "predictions/train0.txt: expected a picture of its own, found images/train/train0.png, "
        "which has the nearer labels/train/train0.txt"
    ]


def test_a_training_part_without_label_files_says_so(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    for file in (root / "labels/train").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="box in TRAIN .* 3 of 4 pictures have no label file"):
        load_dataset(root, clean=False, seed=0, work_dir=tmp_path / "work")


def test_a_label_file_may_be_called_like_a_list(tmp_path: Path) -> None:
    for name in ("train", "val", "labels", "a"):
        write_picture(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(ROW)
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    assert [entry.annotation.names for entry in entries(tmp_path)] == [("dog",)] * 4
