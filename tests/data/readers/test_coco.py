"""COCO JSON: ids, crowd, holes, splits, and pictures that are matched by name only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algorithm.data import load_dataset
from algorithm.data.dataset import read_listing
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


def test_categories_of_the_two_files_must_agree(tmp_path: Path) -> None:
    write_coco(tmp_path, "instances_train.json", (1,))
    write_coco(tmp_path, "instances_val.json", (2,), categories=CATEGORIES[:1])
    with pytest.raises(DataError, match="expected the same categories"):
        read_listing(tmp_path)


def test_several_files_that_are_no_split(tmp_path: Path) -> None:
    write_coco(tmp_path, "instances_a.json")
    write_coco(tmp_path, "instances_b.json")
    with pytest.raises(DataError, match="found instances_a.json, instances_b.json"):
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
        ({"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}, "found one twice"),
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
