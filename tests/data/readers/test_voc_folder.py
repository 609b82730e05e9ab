"""Folder layouts, and what is said about pictures and annotations that do not pair."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data.dataset import read_listing
from algorithm.errors import DataError

from ..conftest import write_picture, write_voc


def problems(folder: Path) -> list[str]:
    listing = read_listing(folder)
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
        ("pics", "annots"),
        ("images", "annotations/xmls"),
        ("set/images", "set/labels"),
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
    listing = read_listing(tmp_path)
    assert {entry.image_id: entry.usage for entry in listing.entries} == {
        "JPEGImages/a.jpg": "train",
        "JPEGImages/b.jpg": "eval",
        "JPEGImages/c.jpg": "train",
    }
    assert listing.warnings == ("1 picture(s) that no list of a split names are left out",)
    assert problems(tmp_path) == [
        "ImageSets/Main/val.txt:2: expected the name of a picture, found 'ghost'"
    ]


def test_same_names_in_different_folders_pair_by_path(tmp_path: Path) -> None:
    for folder, name in (("x", "cat"), ("y", "dog")):
        write_picture(tmp_path / "images" / folder / "1.jpg")
        write_voc(tmp_path / "annotations" / folder / "1.xml", [(name, 1, 1, 9, 9)])
    assert [
        (entry.source, entry.annotation.names[0]) for entry in read_listing(tmp_path).entries
    ] == [("images/x/1.jpg", "cat"), ("images/y/1.jpg", "dog")]


def test_hidden_files_are_passed_over(make_folder) -> None:
    folder = make_folder(2)
    for name in ("._p00.png", ".DS_Store", "__MACOSX/._p00.xml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"junk")
    assert len(tuple(read_listing(folder).entries)) == 2
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
        "p01.xml: expected one picture of the same name, found p01.jpg and p01.png: rename all but one"
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


def voc_pair(root: Path, picture: str, xml: str, name: str = "cat") -> None:
    write_picture(root / picture)
    write_voc(root / xml, [(name, 1, 1, 9, 9)])


def usages(root: Path) -> dict[str, str | None]:
    return {entry.path.name: entry.usage for entry in read_listing(root).entries}


@pytest.mark.parametrize(
    ("pictures", "annotations"),
    [("{}", "{}"), ("{}/images", "{}/annotations"), ("images/{}", "annotations/{}")],
)
def test_folders_give_the_split_and_test_is_left_out(
    tmp_path: Path, pictures: str, annotations: str
) -> None:
    for side in ("train", "valid", "test"):
        picture = pictures.format(side) + f"/{side}.jpg"
        voc_pair(tmp_path, picture, annotations.format(side) + f"/{side}.xml")
    assert usages(tmp_path) == {"train.jpg": "train", "valid.jpg": "eval"}
    (line,) = read_listing(tmp_path).warnings
    assert line == "1 picture(s) of 'test' are left out, as there is a validation part"


def test_test_evaluates_where_there_is_no_validation_part(tmp_path: Path) -> None:
    for side in ("train", "test"):
        voc_pair(tmp_path, f"images/{side}/{side}.jpg", f"images/{side}/{side}.xml")
    assert usages(tmp_path) == {"train.jpg": "train", "test.jpg": "eval"}


@pytest.mark.parametrize(
    "lists",
    [
        {"trainval": "ab", "test": "c"},
        {"Train": "ab", "Validation": "c"},
        {"train": "ab", "val": "c", "trainval": "abc", "cat_train": "c"},
        {"trainval": "abc", "val": "c"},
    ],
)
def test_lists_of_every_name_give_the_split(tmp_path: Path, lists: dict[str, str]) -> None:
    for stem in "abc":
        voc_pair(tmp_path, f"JPEGImages/{stem}.jpg", f"Annotations/{stem}.xml")
        write_picture(tmp_path / f"SegmentationClass/{stem}.png")
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    for name, stems in lists.items():
        (tmp_path / f"ImageSets/Main/{name}.txt").write_text("".join(f"{one}\n" for one in stems))
    assert usages(tmp_path) == {"a.jpg": "train", "b.jpg": "train", "c.jpg": "eval"}
    assert problems(tmp_path) == []


def test_lists_with_paths_beside_the_data(tmp_path: Path) -> None:
    for stem in "ab":
        voc_pair(tmp_path, f"JPEGImages/{stem}.jpg", f"Annotations/{stem}.xml")
    for side, stem in (("train", "a"), ("val", "b")):
        line = f"./JPEGImages/{stem}.jpg ./Annotations/{stem}.xml\n"
        (tmp_path / f"{side}.txt").write_text(line)
    assert usages(tmp_path) == {"a.jpg": "train", "b.jpg": "eval"}


def test_picture_in_two_lists_is_a_complaint(tmp_path: Path) -> None:
    voc_pair(tmp_path, "a.jpg", "a.xml")
    for side in ("train", "val"):
        (tmp_path / f"{side}.txt").write_text("a\n")
    assert problems(tmp_path) == [
        "val.txt:1: expected each picture in one list, found 'a' in train.txt too"
    ]


def test_filename_decides_where_the_name_of_the_xml_does_not(tmp_path: Path) -> None:
    write_picture(tmp_path / "pics/IMG_7.jpg")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/0.xml").write_text(
        "<annotation><filename>IMG_7.jpg</filename><object><name>cat</name><bndbox><xmin>1</xmin>"
        "<ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
    )
    (entry,) = read_listing(tmp_path).entries
    assert (entry.source, entry.annotation.names) == ("pics/IMG_7.jpg", ("cat",))


def test_pictures_of_other_folders_are_left_out_with_a_word(tmp_path: Path) -> None:
    voc_pair(tmp_path, "images/a.jpg", "annotations/a.xml")
    write_picture(tmp_path / "raw/z.jpg")
    listing = read_listing(tmp_path)
    assert [entry.source for entry in listing.entries] == ["images/a.jpg"]
    assert listing.warnings == ("1 picture(s) in raw are left out: none of them has an XML",)


def test_the_larger_of_two_forms_is_read_and_the_other_named(tmp_path: Path) -> None:
    for stem in "abc":
        voc_pair(tmp_path, f"{stem}.jpg", f"{stem}.xml")
    (tmp_path / "old.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}'
    )
    listing = read_listing(tmp_path)
    assert len(listing.entries) == 3
    assert "COCO (old.json) is there too and is not read" in listing.warnings[0]


def test_list_of_one_side_is_no_split_and_all_pictures_are_used(tmp_path: Path) -> None:
    for stem in "ab":
        voc_pair(tmp_path, f"JPEGImages/{stem}.jpg", f"Annotations/{stem}.xml")
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    (tmp_path / "ImageSets/Main/train.txt").write_text("# by hand\na\n")
    assert usages(tmp_path) == {"a.jpg": None, "b.jpg": None}
    assert read_listing(tmp_path).warnings == (
        "ImageSets/Main/train.txt: one side only, which is no split; all pictures are used",
    )


def test_a_list_of_test_pictures_keeps_them_from_training(tmp_path: Path) -> None:
    for stem in "abcd":
        voc_pair(tmp_path, f"JPEGImages/{stem}.jpg", f"Annotations/{stem}.xml")
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    (tmp_path / "ImageSets/Main/val.txt").write_text("a\nb\n")
    (tmp_path / "ImageSets/Main/test.txt").write_text("c\n")
    assert usages(tmp_path) == {"a.jpg": None, "b.jpg": None, "d.jpg": None}
    assert "1 picture(s) of 'test' are left out" in "".join(read_listing(tmp_path).warnings)


def test_xml_of_a_double_suffix(tmp_path: Path) -> None:
    voc_pair(tmp_path, "images/a.jpg", "ann/a.jpg.xml")
    assert [entry.source for entry in read_listing(tmp_path).entries] == ["images/a.jpg"]
