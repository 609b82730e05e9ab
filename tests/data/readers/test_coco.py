"""COCO JSON: ids, crowd, holes, splits, and pictures that are matched by name only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algorithm.data import load_dataset
from algorithm.data.dataset import read_listing
from algorithm.data.readers.coco.coco_boxes import bbox_of_outline
from algorithm.errors import DataError

from ..conftest import write_picture

CATEGORIES = [{"id": 7, "name": "zebra"}, {"id": 2, "name": "apple"}]


def write_coco(
    folder: Path, name: str = "instances_all.json", ids: tuple[int, ...] = (1, 2), **changes: object
) -> Path:
    content = {
        "images": [
            {"id": number, "file_name": f"{number}.png", "width": 40, "height": 30}
            for number in ids
        ],
        "annotations": [
            {
                "id": number,
                "image_id": number,
                "category_id": 7,
                "bbox": [5, 6, 10, 20],
                "iscrowd": 0,
            }
            for number in ids
        ],
        "categories": CATEGORIES,
        **changes,
    }
    for number in ids:
        write_picture(folder / "images" / f"{number}.png")
    file = folder / "annotations" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content))
    return file


def test_boxes_categories_and_string_ids(tmp_path: Path) -> None:
    write_coco(
        tmp_path,
        annotations=[
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [5, 6, 10, 20], "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 2, "bbox": [0, 0, 4.5, 3], "iscrowd": 1},
        ],
    )
    data = load_dataset(tmp_path, clean=False, seed=0, work_dir=tmp_path / "work")
    first = next(sample for sample in data.train + data.eval if sample.image_id == "1")
    assert (data.label_names, data.category_ids) == (("apple", "zebra"), (2, 7))
    assert first.boxes.tolist() == [[6, 5, 26, 15], [0, 0, 3, 4.5]]
    assert first.labels.tolist() == [1, 0]
    assert first.is_crowd.tolist() == [False, True]


def test_file_and_folder_are_the_same(tmp_path: Path) -> None:
    file = write_coco(tmp_path)
    paths = [entry.path for entry in read_listing(file).entries]
    assert len(paths) == 2
    assert paths == [entry.path for entry in read_listing(tmp_path).entries]


def test_train_and_val_files_give_the_split(tmp_path: Path) -> None:
    write_coco(tmp_path, "instances_train2017.json", (1, 2))
    write_coco(tmp_path, "instances_val2017.json", (3,))
    (tmp_path / "annotations" / "captions_train2017.json").write_text("{}")
    assert [(entry.image_id, entry.usage) for entry in read_listing(tmp_path).entries] == [
        ("1", "train"),
        ("2", "train"),
        ("3", "eval"),
    ]


def test_categories_of_two_files_are_joined_by_name(tmp_path: Path) -> None:
    write_coco(tmp_path, "instances_train.json", (1,))
    others = [{"id": 7, "name": "apple"}, {"id": 8, "name": "pear"}]
    write_coco(tmp_path, "instances_val.json", (2,), categories=others)
    listing = read_listing(tmp_path)
    assert listing.categories == (("apple", 2), ("zebra", 7), ("pear", 8))
    assert [entry.annotation.names for entry in listing.entries] == [("zebra",), ("apple",)]
    assert "has categories that" in listing.warnings[0] and "pear" in listing.warnings[0]


def test_several_files_that_are_no_split(tmp_path: Path) -> None:
    write_coco(tmp_path, "instances_a.json")
    write_coco(tmp_path, "instances_b.json")
    with pytest.raises(DataError, match="found .*instances_a.json, .*instances_b.json"):
        read_listing(tmp_path)


def test_same_name_in_two_folders_is_settled_by_the_json_name(tmp_path: Path) -> None:
    file = write_coco(tmp_path, "instances_train2017.json", (1,))
    write_picture(tmp_path / "images" / "train2017" / "1.png")
    assert read_listing(file).entries[0].source == "images/train2017/1.png"
    file = write_coco(tmp_path, "instances_other.json", (1,))
    assert "expected one picture named '1.png'" in str(read_listing(file).complaints[0])


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/passwd", "gone.png", ""])
def test_pictures_outside_or_missing_are_complaints(tmp_path: Path, name: str) -> None:
    write_picture(tmp_path / "secret.png")
    file = write_coco(tmp_path / "set", images=[{"id": 1, "file_name": name}], annotations=[])
    listing = read_listing(file)
    assert listing.entries == ()
    assert f"image 1: expected one picture named {name!r} below" in str(listing.complaints[0])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bbox": None}, "expected bbox [x, y, width, height], found None"),
        ({"bbox": [1, 2, 3]}, "found [1, 2, 3]"),
        ({"bbox": [1, 2, float("nan"), 4]}, "found [1, 2, nan, 4]"),
        ({"category_id": 3}, "expected a category_id of the file's categories, found 3"),
        ({"category_id": [3]}, "expected a category_id of the file's categories, found [3]"),
    ],
)
def test_annotations_that_cannot_be_used(tmp_path: Path, change: dict, problem: str) -> None:
    row = {"id": 9, "image_id": 1, "category_id": 7, "bbox": [5, 6, 10, 20], **change}
    annotation = read_listing(write_coco(tmp_path, annotations=[row])).entries[0].annotation
    assert annotation.names == ()
    assert "annotation 9 of image 1: " in str(annotation.complaints[0])
    assert problem in str(annotation.complaints[0])


def test_annotation_of_an_unlisted_image(tmp_path: Path) -> None:
    row = {"id": 9, "image_id": 55, "category_id": 7, "bbox": [5, 6, 10, 20]}
    assert "of an image with id 55" in str(
        read_listing(write_coco(tmp_path, annotations=[row])).complaints[0]
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"categories": None}, "found none for categories"),
        ({"images": [3]}, "expected only JSON objects in the lists"),
        ({"categories": [{"id": 1}]}, "expected an integer 'id' and a 'name'"),
        ({"categories": [{"id": 7, "name": "a"}, {"id": 7, "name": "b"}]}, "found one twice"),
        ({"categories": []}, "expected classes in 'categories' of .*found an empty list"),
    ],
)
def test_files_that_are_no_coco(tmp_path: Path, changes: dict, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_listing(write_coco(tmp_path, **changes))


def test_file_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(
        DataError, match=r"expected COCO JSON in .*a\.json, found a file that is not JSON"
    ):
        read_listing(tmp_path / "a.json")


def row(number: int, image: object, **changes: object) -> dict:
    return {
        "id": number,
        "image_id": image,
        "category_id": 7,
        "bbox": [5, 6, 10, 20],
        **changes,
    }


def boxes(root: Path) -> list[list[float]]:
    return [box for one in read_listing(root).entries for box in one.annotation.boxes.tolist()]


@pytest.mark.parametrize(
    "changes",
    [
        {"bbox": ["5", "6", "10", "20"]},
        {"bbox": "[5, 6, 10, 20]"},
        {"bbox": {"x": 5, "y": 6, "width": 10, "height": 20}},
        {"bbox": None, "segmentation": [[5, 6, 15, 6, 15, 26], [7, 8, 9, 8, 9, 20]]},
        {"bbox": [], "segmentation": [5, 6, 15, 6, 15, 26]},
        {"category_id": "7"},
        {"image_id": "1"},
        {"image_id": 1.0},
    ],
)
def test_writings_of_one_box(tmp_path: Path, changes: dict) -> None:
    write_coco(tmp_path, ids=(1,), annotations=[row(1, 1, **changes)])
    assert boxes(tmp_path) == [[6, 5, 26, 15]]


# runs down the columns: rows 1 and 2 of columns 0 and 1; as text: 1 2 2, then 2-2 and 5-2
@pytest.mark.parametrize("counts", [[1, 2, 2, 2, 5], "12203"])
def test_box_around_a_mask_of_runs(tmp_path: Path, counts: object) -> None:
    mask = {"counts": counts, "size": [4, 3]}
    write_coco(tmp_path, ids=(1,), annotations=[row(1, 1, bbox=[], segmentation=mask)])
    assert boxes(tmp_path) == [[1, 0, 3, 2]]


def test_mask_that_does_not_fit_its_size_is_a_complaint(tmp_path: Path) -> None:
    mask = {"counts": [1, 2], "size": [4, 3]}
    write_coco(tmp_path, ids=(1,), annotations=[row(1, 1, bbox=[], segmentation=mask)])
    (entry,) = read_listing(tmp_path).entries
    assert "expected bbox [x, y, width, height], found None" in str(entry.annotation.complaints[0])


def test_pictures_of_one_id_cannot_be_used(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": name} for number, name in ((1, "1.png"), (1, "2.png"))]
    write_coco(tmp_path, images=images, annotations=[row(1, 1), row(2, 1)])
    entries = read_listing(tmp_path).entries
    assert [entry.annotation for entry in entries] == [None, None]
    assert "found id 1 for 1.png and 2.png: which of them its 2" in str(entries[0].complaints[0])


def test_picture_of_two_ids_has_the_boxes_of_both(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": "1.png"} for number in (1, 2)]
    rows = [row(1, 1, area=100), row(2, 2, bbox=[1, 2, 3, 4], area=6)]
    write_coco(tmp_path, images=images, annotations=rows)
    listing = read_listing(tmp_path)
    assert [entry.annotation.boxes.tolist() for entry in listing.entries] == [
        [[6, 5, 26, 15], [2, 1, 6, 4]]
    ]
    assert listing.entries[0].annotation.filled.tolist() == [0.5, 0.5]
    assert "with the ids 1 and 2: its annotations are put together" in listing.warnings[0]


def test_picture_of_both_sides_evaluates(tmp_path: Path) -> None:
    write_coco(tmp_path, "instances_train.json", (1, 2))
    write_coco(tmp_path, "instances_val.json", (2,))
    listing = read_listing(tmp_path)
    assert {entry.source: entry.usage for entry in listing.entries} == {
        "images/1.png": "train",
        "images/2.png": "eval",
    }
    assert "expected each picture in one split" in str(listing.complaints[0])


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("train.json", "val.json"),
        ("instances_Train.json", "instances_Validation.json"),
        ("a_training_coco.json", "a_valid_coco.json"),
    ],
)
def test_names_of_files_state_the_split(tmp_path: Path, train: str, val: str) -> None:
    write_coco(tmp_path, train, (1, 2))
    write_coco(tmp_path, val, (3,))
    assert [entry.usage for entry in read_listing(tmp_path).entries] == ["train", "train", "eval"]


def test_folders_state_the_split_and_test_is_left_out(tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "animals", "supercategory": "none"},
        {"id": 7, "name": "cat", "supercategory": "animals"},
    ]
    for side in ("train", "valid", "test"):
        file = write_coco(tmp_path / side, "a.json", (1,), categories=categories)
        (tmp_path / side / "images/1.png").rename(tmp_path / side / "1.png")
        file.rename(tmp_path / side / "_annotations.coco.json")
    listing = read_listing(tmp_path)
    assert [(entry.source, entry.usage) for entry in listing.entries] == [
        ("train/1.png", "train"),
        ("valid/1.png", "eval"),
    ]
    assert listing.categories == (("cat", 7),)
    assert "COCO file(s) of 'test' are left out" in listing.warnings[0]
    assert "category 0 'animals' has no boxes and groups others" in listing.warnings[1]


def test_file_without_boxes_of_coco_is_a_stray(tmp_path: Path) -> None:
    write_coco(tmp_path, "instances_default.json")
    write_coco(tmp_path, "captions_default.json")
    write_coco(tmp_path, "person_keypoints_default.json")
    (line,) = read_listing(tmp_path).warnings
    assert line.startswith("2 file(s) beside the dataset are not read: annotations/captions_")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    file = write_coco(tmp_path, "a.json", ids=(1,))
    file.write_text(file.read_text(), encoding)
    assert boxes(tmp_path) == [[6, 5, 26, 15]]


def test_folder_of_a_json_without_categories_is_told_what_it_lacks(tmp_path: Path) -> None:
    file = write_coco(tmp_path, "a.json")
    content = json.loads(file.read_text())
    del content["categories"]
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="looks like COCO.*a.json, found none for categories"):
        read_listing(tmp_path)


@pytest.mark.parametrize(
    "outline",
    [[10, 20, 40, 20, 40, 60], [[10, 20, 40, 20], [40, 60]], [[[10, 20], [40, 20], [40, 60]]]],
)
def test_outlines_however_their_points_are_nested(outline: list) -> None:
    assert bbox_of_outline(outline) == [10, 20, 30, 40]
