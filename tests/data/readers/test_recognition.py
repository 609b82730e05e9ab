"""Which form a folder is taken for, and what is said when it could be another."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data.readers.recognition import FORM_ROWS, open_listing, read_listing
from algorithm.errors import DataError

from ..conftest import write_picture, write_voc


def test_every_form_finds_nothing_in_a_plain_folder(make_folder) -> None:
    folder = make_folder(2)
    (folder / "notes.json").write_text('{"images": 3}')
    (folder / "settings.yaml").write_text("names: 3\n")
    (folder / "table.csv").write_text("a,b\n")
    (folder / "train-00000-of-00001").write_text("no record file at all")
    assert [form.find(folder) for form in FORM_ROWS] == [[]] * len(FORM_ROWS)
    assert len(read_listing(folder).entries) == 2


def test_other_forms_in_the_folder_are_named(make_manifest) -> None:
    manifest = make_manifest(3)
    (manifest.parent / "boxes.csv").write_text(
        "filename,class,xmin,ymin,xmax,ymax\np00.png,x,1,1,9,9\n"
    )
    assert read_listing(manifest.parent).warnings == (
        f"{manifest.parent} is read as ModelArts manifest; CSV (boxes.csv) is there too and is not read",
    )
    assert [
        entry.annotation.names for entry in read_listing(manifest.parent / "boxes.csv").entries
    ] == [("x",)]


def test_several_descriptions_of_one_form_are_a_question(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("train: images\nnames: [x]\n")
    with pytest.raises(
        DataError, match="expected one YOLO in .*, found a.yaml, b.yaml: give the path"
    ):
        read_listing(tmp_path)


def test_opened_listing_reads_annotations_at_each_pass(make_folder) -> None:
    folder = make_folder(2)
    listing = open_listing(folder)
    assert [len(entry.annotation.names) for entry in listing.entries] == [1, 1]
    write_voc(folder / "p00.xml", [])
    assert [len(entry.annotation.names) for entry in listing.entries] == [0, 1]


@pytest.mark.parametrize("pattern", ["gone-*", "*.png"])
def test_pattern_without_records(tmp_path: Path, pattern: str) -> None:
    write_picture(tmp_path / "a.png")
    with pytest.raises(DataError, match="found nothing at"):
        read_listing(tmp_path / pattern)
