"""CVAT for images: shapes with an area, subsets as the split; the tracks of a video are refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from algorithm.errors import DataError

from ..reading import exports, pictures, read, write

SHAPES = (
    '<box label="cat" xtl="2" ytl="3" xbr="20" ybr="25"/>'
    '<polygon label="dog" points="5,1;30,2;9,28"/>'
    '<mask label="sun" rle="1" left="4" top="5" width="6" height="7"/>'
    '<ellipse label="eye" cx="20" cy="15" rx="10" ry="5"/>'
    '<box label="bar" xtl="10" ytl="10" xbr="20" ybr="14" rotation="90"/>'
    '<polyline label="road" points="1,2;3,4"/><points label="nose" points="1,2"/>'
    '<tag label="night"/>'
)
BOXES = [
    ("cat", [3, 2, 25, 20]),
    ("dog", [1, 5, 28, 30]),
    ("sun", [5, 4, 12, 10]),
    ("eye", [10, 10, 20, 30]),
    ("bar", [7, 13, 17, 17]),
]


def image(name: str, shapes: str = SHAPES, subset: str = "") -> str:
    more = f' subset="{subset}"' if subset else ""
    return f'<image id="0" name="{name}" width="40" height="30"{more}>{shapes}</image>'


def cvat(folder: Path, *parts: str) -> Path:
    return write(
        folder / "annotations.xml",
        f"<?xml version='1.0'?>\n<annotations><version>1.1</version>{''.join(parts)}</annotations>",
    )


def test_shapes(tmp_path: Path) -> None:
    pictures(tmp_path / "images", "a.png", "b.png")
    cvat(tmp_path, image("a.png"), image("b.png", ""))
    found = read(tmp_path)
    assert found.objects == {"images/a.png": BOXES, "images/b.png": []}
    assert [one.partition("expected")[2] for one in found.complaints] == [
        " a box, polygon, mask or ellipse, found <polyline>",
        " a box, polygon, mask or ellipse, found <points>",
    ]
    assert read(tmp_path / "annotations.xml").objects == found.objects


def test_subsets_are_the_split(tmp_path: Path) -> None:
    rows = []
    for subset in ("Train", "Validation", "Test"):
        pictures(tmp_path / "images" / subset, "0.png")
        rows.append(image("0.png", '<box label="cat" xtl="2" ytl="3" xbr="20" ybr="25"/>', subset))
    cvat(tmp_path, *rows)
    found = read(tmp_path)
    assert found.usages == {"images/Train/0.png": "train", "images/Validation/0.png": "eval"}
    assert "'test' are left out" in found.warnings


def test_tracks_are_refused_with_the_way_to_export(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    cvat(tmp_path, '<track id="0" label="cat"><box frame="0" outside="0" xtl="1"/></track>')
    for url in (tmp_path, tmp_path / "annotations.xml"):
        with pytest.raises(DataError, match=r"tracks of CVAT for video.*CVAT for images 1.1"):
            read(url)


def test_damage_is_named(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    cvat(tmp_path, "<image name='a.png'>")
    with pytest.raises(DataError, match=r"expected XML of CVAT for images, found .*mismatched tag"):
        read(tmp_path)


def test_one_file_for_all_pictures_may_be_large_and_is_read_piece_by_piece(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(40)]
    pictures(tmp_path, *names)
    note = f'<attribute name="note">{"x" * 250_000}</attribute>'
    box = f'<box label="cat" xtl="2" ytl="3" xbr="20" ybr="25">{note}</box>'
    size = cvat(tmp_path, *(image(name, box) for name in names)).stat().st_size
    assert size > 10_000_000
    tracemalloc.start()
    found = read(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(objects) for objects in found.objects.values()] == [1] * 40
    assert peak < size / 2


def test_entities_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><annotations>&b;</annotations>"
    write(tmp_path / "annotations.xml", bomb)
    with pytest.raises(DataError, match="expected XML of CVAT for images, found .*Forbidden"):
        read(tmp_path)


def test_real_exports(shared_dir: Path) -> None:
    found = read(exports(shared_dir, "cvat_dataset/for_images/export_project"))
    assert found.objects["images/Train/img0.jpg"] == [("label1", [2, 0, 4, 4])]
    assert found.objects["images/Validation/img1.jpg"] == [("label1", [2, 1, 5, 6])]
    assert len(found.objects) == 4
    with pytest.raises(DataError, match="CVAT for video"):
        read(exports(shared_dir, "cvat_dataset/for_video"))
