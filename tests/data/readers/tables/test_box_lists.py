"""Lists of keras-yolo3: a line for each picture, ids named by a list of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.errors import DataError

from ..reading import pictures, read, write


def test_a_list(tmp_path: Path) -> None:
    pictures(tmp_path / "images", "a b.png", "b.png", "c.png")
    rows = "images/a b.png 2,3,20,25,1 5,6,7,8,0\n/home/me/b.png 2,3,20,25,5\nc.png\n"
    write(tmp_path / "annotation.txt", rows)
    write(tmp_path / "model_data" / "voc_classes.txt", "cat\ndog\n")
    for url in (tmp_path, tmp_path / "annotation.txt"):
        found = read(url)
        assert found.objects == {
            "images/a b.png": [("dog", [3, 2, 25, 20]), ("cat", [6, 5, 8, 7])],
            "images/b.png": [],
            "images/c.png": [],
        }
        assert found.complaints == [
            "annotation.txt:2: object 1: expected a class id of 0..1, found 5"
        ]


def test_sides(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    write(tmp_path / "train.txt", "a.png 2,3,20,25,0\n")
    write(tmp_path / "val.txt", "b.png 2,3,20,25,0\n")
    write(tmp_path / "classes.txt", "cat\n")
    assert read(tmp_path).usages == {"a.png": "train", "b.png": "eval"}


def test_ids_without_names_are_refused(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    write(tmp_path / "train.txt", "a.png 2,3,20,25,0\n")
    with pytest.raises(DataError, match=r"expected one text of class names .*classes.txt"):
        read(tmp_path)
