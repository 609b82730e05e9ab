"""Texts in UTF-8, UTF-16 and GBK, told apart by their bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algorithm.data.readers.text_file import (
    decoded_bytes,
    encoding_of,
    guess_lines,
    noting_guesses,
    read_text,
)

from .reading import pictures, read, write


@pytest.mark.parametrize(
    "text", ["猫", "学习", "鹿", "dog\n猫\n", '{"name": "猫", "id": 1}', "斑马"]
)
def test_chinese_in_gbk_is_no_french_in_utf_8(text: str) -> None:
    """The bytes of 猫, 学 and 鹿 in GBK are è, ѧ and ¹ in UTF-8."""
    assert encoding_of(text.encode("gbk")) == "gb18030"
    assert encoding_of(text.encode()) == "utf-8"


@pytest.mark.parametrize(
    "text",
    ["règle", "il gatto è nero", "дом", "дом\nсад", "90°", "© 2026", "ελα", "Ås", "pizza à", "ß8"],
)
def test_words_of_the_west_in_utf_8_stay(text: str) -> None:
    assert encoding_of(text.encode()) == "utf-8"


def test_a_guess_is_noted_where_somebody_listens(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "斑马", "gbk")
    assert read_text(file, "a text") == ("斑马", "gb18030")
    with noting_guesses() as guesses:
        assert read_text(file, "a text")[0] == "斑马"
        assert decoded_bytes("狗".encode("gbk"), "b.txt") == "狗"
        assert decoded_bytes("狗".encode(), "c.txt") == "狗"
        with noting_guesses():
            decoded_bytes("狗".encode("gbk"), "d.txt")
    assert list(guesses) == [str(file), "b.txt"]
    assert guess_lines(guesses)[0].startswith("2 files are not in UTF-8 and are read as GBK (")
    assert not guess_lines({})


VOC = (
    "<annotation><object><name>猫</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax>"
    "<ymax>8</ymax></bndbox></object></annotation>"
)
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 8, 6]}],
    "categories": [{"id": 1, "name": "猫"}],
}
CSV = "filename,xmin,ymin,xmax,ymax,class\na.jpg,1,2,9,8,猫\n"
LABELME = {
    "imagePath": "a.jpg",
    "shapes": [{"label": "猫", "shape_type": "rectangle", "points": [[1, 2], [9, 8]]}],
}
MANIFEST = {
    "source": "a.jpg",
    "annotation": [{"type": "modelarts/object_detection", "annotation-loc": "a.xml"}],
}


@pytest.mark.parametrize(
    "files",
    [
        {"a.xml": VOC},
        {"labels.json": COCO},
        {"labels.csv": CSV},
        {"a.json": LABELME},
        {"a.txt": "0 0.125 0.16667 0.2 0.2\n", "classes.txt": "猫\n"},
        {"V1.manifest": MANIFEST, "a.xml": VOC},
    ],
    ids=lambda files: min(files),
)
def test_a_class_in_gbk_is_read_in_every_form_with_a_word(tmp_path: Path, files: dict) -> None:
    pictures(tmp_path, "a.jpg")
    for name, content in files.items():
        write(tmp_path / name, content, "gbk")
    found = read(tmp_path)
    assert [name for objects in found.objects.values() for name, _ in objects] == ["猫"]
    assert "not in UTF-8 and is read as GBK: check the names" in found.warnings


def test_a_manifest_whose_first_line_is_ascii_is_read_in_gbk(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "斑马.jpg")
    lines = [{**MANIFEST, "source": name} for name in ("a.jpg", "斑马.jpg")]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    write(tmp_path / "V1.manifest", text, "gbk")
    write(tmp_path / "a.xml", VOC.replace("猫", "cat"))
    assert len(read(tmp_path).objects) == 2
