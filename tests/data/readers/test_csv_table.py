"""CSV tables: one box a row, pictures found by name, a header that must be there."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data.readers.recognition import read_listing
from algorithm.errors import DataError

from ..conftest import write_picture

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax"


def write_table(root: Path, *rows: str, header: str = HEADER, name: str = "labels.csv") -> Path:
    for stem in "abc":
        write_picture(root / "images" / f"{stem}.png")
    (root / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8-sig")
    return root


def said(root: Path) -> list[str]:
    listing = read_listing(root)
    return [
        str(wrong)
        for wrong in (
            *listing.complaints,
            *(one for entry in listing.entries for one in entry.annotation.complaints),
        )
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_rows_of_a_picture_are_joined(tmp_path: Path, mark: str) -> None:
    rows = [
        "a.png,40,30,猫,1,2,20,25",
        "b.png,40,30,dog,3,4,5.5,9",
        "a.png,40,30,dog,5,6,7,8",
        "c.png,40,30,,,,,",
    ]
    write_table(
        tmp_path, *(row.replace(",", mark) for row in rows), header=HEADER.replace(",", mark)
    )
    found = list(read_listing(tmp_path).entries)
    assert [(entry.source, entry.annotation.names, entry.usage) for entry in found] == [
        ("images/a.png", ("猫", "dog"), None),
        ("images/b.png", ("dog",), None),
        ("images/c.png", (), None),
    ]
    assert found[0].annotation.boxes.tolist() == [[2, 1, 25, 20], [6, 5, 8, 7]]
    assert (found[0].annotation.width, found[0].annotation.lines) == (40, (2, 4))
    assert said(tmp_path) == []


def test_split_column_and_difficult(tmp_path: Path) -> None:
    write_table(
        tmp_path,
        "a.png,40,30,x,1,1,9,9,train,0",
        "b.png,40,30,x,1,1,9,9,TEST,1",
        header=HEADER + ",Split,difficult",
    )
    assert [
        (entry.usage, entry.annotation.ignored.tolist()) for entry in read_listing(tmp_path).entries
    ] == [("train", [False]), ("eval", [True])]


def test_two_tables_give_the_split(tmp_path: Path) -> None:
    write_table(tmp_path, "a.png,40,30,x,1,1,9,9", name="train_labels.csv")
    write_table(tmp_path, "b.png,40,30,x,1,1,9,9", name="test_labels.csv")
    assert {entry.source: entry.usage for entry in read_listing(tmp_path).entries} == {
        "images/a.png": "train",
        "images/b.png": "eval",
    }
    write_table(tmp_path, "c.png,40,30,x,1,1,9,9", name="valid_labels.csv")
    listing = read_listing(tmp_path)
    assert {entry.source for entry in listing.entries if entry.usage == "eval"} == {"images/c.png"}
    assert listing.warnings == ("test_labels.csv: left out, another file is for evaluation",)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a.png,40,30,x,1,1,wide,9", "labels.csv:3: expected a number for xmax, found 'wide'"),
        ("a.png,40,30,x,1,1,nan,9", "labels.csv:3: expected a number for xmax, found 'nan'"),
        ("a.png,40,30,x,1,1", "labels.csv:3: expected a number for ymax, found ''"),
        ("a.png,40,30,,1,1,9,9", "labels.csv:3: expected a class name, found none"),
        ("gone.png,40,30,x,1,1,9,9", "labels.csv:3: expected one picture named 'gone.png' below"),
        (
            "../../secret.png,40,30,x,1,1,9,9",
            "labels.csv:3: expected one picture named '../../secret.png' below",
        ),
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, row: str, problem: str) -> None:
    write_picture(tmp_path / "secret.png")
    root = write_table(tmp_path / "deep" / "set", "a.png,40,30,x,1,1,9,9", row)
    assert len(said(root)) == 1
    assert said(root)[0].startswith(problem)


def test_header_is_needed(tmp_path: Path) -> None:
    write_table(tmp_path, header="a.png,40,30,x,1,1,9,9")
    with pytest.raises(
        DataError, match=r"expected a first line with the columns filename,.*without filename"
    ):
        read_listing(tmp_path / "labels.csv")
