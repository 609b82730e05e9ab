"""Folder layouts, and what is said about pictures and annotations that do not pair."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data.dataset import read_listing
from algorithm.data.readers.voc_folder import read_folder
from algorithm.errors import DataError

from ..conftest import write_picture, write_voc


def problems(folder: Path) -> list[str]:
    listing = read_folder(folder)
    return [
        str(wrong)
        for wrong in (
            *listing.complaints,
            *(wrong for entry in listing.entries for wrong in entry.complaints),
        )
    ]


@pytest.mark.parametrize(
    ("pictures", "annotations"),
    [
        (".", "."),
        ("images", "annotations"),
        ("Images", "Annotations"),
        ("JPEGImages", "Annotations"),
        ("images/deep", "annotations/deep"),
    ],
)
def test_layouts(tmp_path: Path, pictures: str, annotations: str) -> None:
    for stem, suffix in (
        ("狗 1", ".JPG"),
        ("b+c %#", ".png"),
        ("d.e", ".jpeg"),
        ("f", ".bmp"),
        ("g", ".webp"),
    ):
        write_picture(tmp_path / pictures / (stem + suffix))
        write_voc(tmp_path / annotations / (stem + ".xml"), [("狗", 1, 2, 9, 9)])
    listing = read_listing(tmp_path)
    assert [entry.path.name for entry in listing.entries] == [
        "b+c %#.png",
        "d.e.jpeg",
        "f.bmp",
        "g.webp",
        "狗 1.JPG",
    ]
    assert all(
        entry.annotation.names == ("狗",) and entry.usage is None for entry in listing.entries
    )
    assert problems(tmp_path) == []


def test_image_sets_give_the_split(tmp_path: Path) -> None:
    for stem in "abcd":
        write_picture(tmp_path / "JPEGImages" / f"{stem}.jpg")
        write_voc(tmp_path / "Annotations" / f"{stem}.xml", [])
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nc\n")
    (lists / "val.txt").write_text("b\nghost\n")
    listing = read_folder(tmp_path)
    assert {entry.image_id: entry.usage for entry in listing.entries} == {
        "JPEGImages/a.jpg": "train",
        "JPEGImages/b.jpg": "eval",
        "JPEGImages/c.jpg": "train",
    }
    assert listing.warnings == ("1 picture(s) that neither ImageSets list names are left out",)
    assert problems(tmp_path) == [
        "ImageSets/Main/val.txt:2: expected the name of a picture, found 'ghost'"
    ]


def test_same_names_in_different_folders_pair_by_path(tmp_path: Path) -> None:
    for folder, name in (("x", "cat"), ("y", "dog")):
        write_picture(tmp_path / "images" / folder / "1.jpg")
        write_voc(tmp_path / "annotations" / folder / "1.xml", [(name, 1, 1, 9, 9)])
    assert [
        (entry.source, entry.annotation.names[0]) for entry in read_folder(tmp_path).entries
    ] == [("images/x/1.jpg", "cat"), ("images/y/1.jpg", "dog")]


def test_hidden_files_are_passed_over(make_folder) -> None:
    folder = make_folder(2)
    for name in ("._p00.png", ".DS_Store", "__MACOSX/._p00.xml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"junk")
    assert len(tuple(read_folder(folder).entries)) == 2
    assert problems(folder) == []


def test_picture_without_xml_is_a_complaint(make_folder) -> None:
    folder = make_folder(2)
    (folder / "p01.xml").unlink()
    assert problems(folder) == [
        "p01.png: expected an XML of the same name, found none (an empty picture has an XML without objects)"
    ]


def test_xml_without_picture_is_a_complaint_though_it_names_one(make_folder) -> None:
    folder = make_folder(2)
    write_picture(folder.parent / "elsewhere.jpg")
    (folder / "p01.png").unlink()
    assert problems(folder) == ["p01.xml: expected a picture of the same name, found none"]


def test_two_pictures_for_one_xml_are_ambiguous(make_folder) -> None:
    folder = make_folder(2)
    write_picture(folder / "p01.jpg")
    assert problems(folder) == [
        "p01: expected one picture for one XML, found p01.jpg, p01.png: rename all but one"
    ]


def test_unparsable_xml_is_named(make_folder) -> None:
    folder = make_folder(2)
    (folder / "p01.xml").write_text("<annotation>\n<size>")
    assert problems(folder)[0].startswith("p01.xml:2: the annotation is not XML: no element found")


@pytest.mark.parametrize("suffix", [".png", ".xml"])
def test_folder_of_only_pictures_or_only_xml(make_folder, suffix: str) -> None:
    folder = make_folder(3)
    for file in folder.glob(f"*{suffix}"):
        file.unlink()
    told = (
        "3 .xml: looks like VOC XML, but .* no pictures"
        if suffix == ".png"
        else "3 .png: pictures without"
    )
    with pytest.raises(DataError, match=told):
        read_listing(folder)


def test_folder_with_one_manifest_is_that_manifest(make_manifest) -> None:
    manifest = make_manifest(5)
    assert [entry.usage for entry in read_listing(manifest.parent).entries] == ["train"] * 4 + [
        "eval"
    ]
    (manifest.parent / "V002.manifest").write_bytes(manifest.read_bytes())
    with pytest.raises(
        DataError, match="found V001.manifest, V002.manifest: give the path of the one to use"
    ):
        read_listing(manifest.parent)


def test_nested_years_are_read_as_one(tmp_path: Path) -> None:
    for year, stem in (("VOC2007", "a"), ("VOC2012", "b")):
        root = tmp_path / "VOCdevkit" / year
        write_picture(root / "JPEGImages" / f"{stem}.jpg")
        write_voc(root / "Annotations" / f"{stem}.xml", [("cat", 1, 1, 9, 9)])
        (root / "ImageSets" / "Main").mkdir(parents=True)
        (root / "ImageSets" / "Main" / "train.txt").write_text("a\n" if stem == "a" else "")
        (root / "ImageSets" / "Main" / "val.txt").write_text("b\n" if stem == "b" else "")
    assert [
        (entry.source, entry.usage, entry.annotation.file)
        for entry in read_listing(tmp_path).entries
    ] == [
        ("VOCdevkit/VOC2007/JPEGImages/a.jpg", "train", "VOCdevkit/VOC2007/Annotations/a.xml"),
        ("VOCdevkit/VOC2012/JPEGImages/b.jpg", "eval", "VOCdevkit/VOC2012/Annotations/b.xml"),
    ]
