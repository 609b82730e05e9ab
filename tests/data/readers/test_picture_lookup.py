"""Which picture a name in a dataset means."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data.readers.pictures.picture_lookup import Pictures

ROOT = Path("/data")


@pytest.mark.parametrize(
    "written, files, meant",
    [
        ("a.jpg", ["images/a.jpg"], "images/a.jpg"),
        ("images\\a.jpg", ["images/a.jpg"], "images/a.jpg"),
        ("C:\\me\\x\\a.jpg", ["x/a.jpg", "y/a.jpg"], "x/a.jpg"),
        ("/home/me/set/y/a.jpg", ["x/a.jpg", "y/a.jpg"], "y/a.jpg"),
        ("../x/a.jpg", ["x/a.jpg"], "x/a.jpg"),
        ("a", ["a.jpg"], "a.jpg"),
        ("a.b", ["a.b.png"], "a.b.png"),
        ("A.JPG", ["a.jpg"], "a.jpg"),
        ("a.jpg", ["a.jpg", "A.jpg"], "a.jpg"),
        ("a.jpg", ["a.jpg", "a.png"], "a.jpg"),
        ("caf\u00e9.jpg", ["cafe\u0301.jpg"], "cafe\u0301.jpg"),
        ("n\u00e9.jpg", ["n\u00e9.jpg", "ne\u0301.jpg"], "n\u00e9.jpg"),
        ("a%20b.jpg", ["a b.jpg"], "a b.jpg"),
        ("https://host/x/a%20b.jpg?v=1", ["a b.jpg"], "a b.jpg"),
        ("50%25.jpg", ["50%25.jpg", "50%.jpg"], "50%25.jpg"),
        ("a.jpg", ["a.jpg", "old/a.jpg"], "a.jpg"),
    ],
)
def test_longest_tail_that_fits(written: str, files: list[str], meant: str) -> None:
    assert Pictures(ROOT, files).one(written) == ROOT / meant


@pytest.mark.parametrize("written", ["b.jpg", "a.png", "", ".."])
def test_name_of_no_picture(written: str) -> None:
    with pytest.raises(ValueError, match="expected one picture named .* found none"):
        Pictures(ROOT, ["a.jpg"]).one(written)


def test_ambiguous_name_names_both() -> None:
    pictures = Pictures(ROOT, ["x/a.jpg", "y/a.jpg"])
    with pytest.raises(ValueError, match="found /data/x/a.jpg and /data/y/a.jpg"):
        pictures.one("z/a.jpg")


def test_stem_of_two_pictures_is_ambiguous() -> None:
    with pytest.raises(ValueError, match="a.jpg and /data/a.png"):
        Pictures(ROOT, ["a.jpg", "a.png"]).one("a")


def test_usage_and_folder_of_the_file_decide_between_equals() -> None:
    pictures = Pictures(ROOT, ["train2017/0.jpg", "val2017/0.jpg"])
    assert pictures.one("0.jpg", hint="eval") == ROOT / "val2017/0.jpg"
    assert pictures.one("0.jpg", near="train2017") == ROOT / "train2017/0.jpg"
