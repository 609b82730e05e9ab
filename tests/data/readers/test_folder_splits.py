"""Splits that folders and lists state, whichever of pictures and annotations lie in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..conftest import write_voc
from .reading import pictures, read, write

ROW = "0 0.5 0.5 0.2 0.4\n"
SIDES = {"a": "train", "b": "train", "c": "eval"}
FOLDERS = {"a": "train", "b": "train", "c": "val"}


def voc(root: Path, stem: str, folder: str) -> None:
    path = root / "annotations" / folder / f"{stem}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_voc(path, [("cat", 2, 3, 20, 25)], 40, 30)


def yolo(root: Path, stem: str, folder: str) -> None:
    write(root / "classes.txt", "cat\n")
    write(root / "labels" / folder / f"{stem}.txt", ROW)


def labelme(root: Path, stem: str, folder: str) -> None:
    shape = {"label": "cat", "points": [[2, 3], [20, 25]], "shape_type": "rectangle"}
    content = {"shapes": [shape], "imagePath": f"{stem}.png", "imageData": None}
    write(root / "json" / folder / f"{stem}.json", content)


@pytest.mark.parametrize("annotate", [voc, yolo, labelme])
def test_folders_of_annotations_state_the_split_of_pictures_in_one_folder(
    tmp_path: Path, annotate
) -> None:
    pictures(tmp_path / "images", *(f"{stem}.png" for stem in SIDES))
    for stem, folder in FOLDERS.items():
        annotate(tmp_path, stem, folder)
    found = read(tmp_path).usages
    assert found == {f"images/{stem}.png": usage for stem, usage in SIDES.items()}


@pytest.mark.parametrize("annotate", [voc, yolo, labelme])
def test_pictures_of_a_test_folder_beside_val_alone_do_not_train(tmp_path: Path, annotate) -> None:
    """A set with val and test was called one without a split, and its test pictures trained."""
    pictures(tmp_path / "images", "a.png", "b.png", "c.png")
    for stem, folder in {"a": "val", "b": "val", "c": "test"}.items():
        annotate(tmp_path, stem, folder)
    assert read(tmp_path).usages == {"images/a.png": None, "images/b.png": None}


@pytest.mark.parametrize("named", ["{folder}/{stem}.png", "{stem}.png"])
def test_folders_of_pictures_state_the_split_of_one_coco_json(tmp_path: Path, named: str) -> None:
    for stem, folder in FOLDERS.items():
        pictures(tmp_path / folder, f"{stem}.png")
    images = [
        {"id": place, "file_name": named.format(folder=folder, stem=stem)}
        for place, (stem, folder) in enumerate(FOLDERS.items())
    ]
    rows = [
        {"id": place, "image_id": place, "category_id": 1, "bbox": [2, 3, 8, 9]}
        for place in range(3)
    ]
    categories = [{"id": 1, "name": "cat"}]
    write(tmp_path / "a.json", {"images": images, "annotations": rows, "categories": categories})
    found = read(tmp_path).usages
    assert found == {f"{FOLDERS[stem]}/{stem}.png": usage for stem, usage in SIDES.items()}


def test_lists_of_paddle_state_the_split(tmp_path: Path) -> None:
    pictures(tmp_path / "images", *(f"{stem}.png" for stem in SIDES))
    for stem in SIDES:
        voc(tmp_path, stem, "")
    write(tmp_path / "train_list.txt", "a 1\nb 1\n")
    write(tmp_path / "val_list.txt", "c 1\n")
    found = read(tmp_path).usages
    assert found == {f"images/{stem}.png": usage for stem, usage in SIDES.items()}
