"""Which form a folder is taken for, and what is said when it could be another."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.recognition import open_listing, read_listing, recognised
from algorithm.errors import DataError

from ..conftest import write_picture, write_voc


def test_only_voc_is_found_in_a_plain_folder(make_folder) -> None:
    folder = make_folder(2)
    (folder / "notes.json").write_text('{"images": 3}')
    (folder / "settings.yaml").write_text("names: 3\n")
    (folder / "table.csv").write_text("a,b\n")
    (folder / "train-00000-of-00001").write_text("no record file at all")
    assert [reader.name for reader, _ in recognised(FolderContents(folder))] == [
        "VOC XML",
        "TFRecord",
    ]
    listing = read_listing(folder)
    assert len(listing.entries) == 2
    assert listing.warnings == (
        f"{folder} is read as VOC XML (2 XML for 2 pictures); TFRecord (train-00000-of-00001) is "
        "there too and is not read",
        "3 file(s) beside the dataset are not read: notes.json, settings.yaml, table.csv",
    )


def test_other_forms_in_the_folder_are_named(make_manifest) -> None:
    manifest = make_manifest(5)
    (manifest.parent / "boxes.csv").write_text(
        "filename,class,xmin,ymin,xmax,ymax\np00.png,x,1,1,9,9\n"
    )
    (line,) = read_listing(manifest.parent).warnings
    assert line.startswith(f"{manifest.parent} is read as ModelArts manifest")
    assert line.endswith("CSV (boxes.csv) is there too and is not read")
    assert [
        entry.annotation.names for entry in read_listing(manifest.parent / "boxes.csv").entries
    ] == [("x",)]


def test_what_data_clean_leaves_is_not_a_stray(make_manifest) -> None:
    """`data check` of the output of `data clean` warned of that output's own files."""
    manifest = make_manifest(5)
    for name in ("cleaning_report.json", "path_map.json"):
        (manifest.parent / name).write_text("{}")
    assert not read_listing(manifest.parent).warnings


def test_several_descriptions_of_one_form_are_a_question(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/a.png")
    (tmp_path / "images/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
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


def test_a_link_to_a_folder_is_that_folder(tmp_path: Path) -> None:
    write_picture(tmp_path / "disk/pics/a.png")
    write_voc(tmp_path / "set/annotations/a.xml", [])
    (tmp_path / "set/images").symlink_to(tmp_path / "disk/pics")
    (tmp_path / "set/images/up").symlink_to(tmp_path / "disk")  # would lead round for ever
    assert FolderContents(tmp_path / "set").picture_names == ["images/a.png"]


@pytest.mark.parametrize(
    "name, told",
    [
        ("set.zip", "archive.*unpack it and give the folder"),
        ("set.tar", "archive.*unpack it and give the folder"),
        ("a.png", "a picture, which is no dataset: give the folder"),
        ("a.xml", "XML of one picture.*give the folder"),
        ("classes.txt", "a text file.*give the folder"),
    ],
)
def test_lone_file_is_told_what_to_do(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=told):
        read_listing(tmp_path / name)


def test_refusal_lists_what_lies_there(tmp_path: Path) -> None:
    for number in range(3):
        write_picture(tmp_path / f"{number}.png")
    (tmp_path / "readme.md").write_text("x")
    with pytest.raises(DataError, match="found in .* 3 .png, readme.md: pictures without annot"):
        read_listing(tmp_path)


def test_folder_with_an_archive_is_told_to_unpack(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="unpack the archive set.zip"):
        read_listing(tmp_path)


def test_recognition_opens_few_of_many_xml(tmp_path: Path, monkeypatch) -> None:
    for number in range(1000):
        (tmp_path / f"{number}.jpg").touch()
        (tmp_path / f"{number}.xml").write_text("<annotation></annotation>")
    (tmp_path / "notes.xml").write_text("<annotations><image name='0.jpg'/></annotations>")
    opened = set()
    head = FolderContents.head
    monkeypatch.setattr(
        FolderContents, "head", lambda self, name: (opened.add(name), head(self, name))[1]
    )
    rows = recognised(FolderContents(tmp_path))
    assert rows[0][0].name == "VOC XML"
    assert "CVAT for images" in [reader.name for reader, _ in rows]
    assert len(opened) < 50
