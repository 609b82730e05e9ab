"""VOC XML in every encoding and shape that occurs, and the complaint for each that cannot be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from algorithm.data.readers.text_file import noting_guesses
from algorithm.data.readers.voc.voc_xml import MAX_BYTES, AnnotationError, parse_voc, read_voc

OBJECT = "<object><name>{name}</name>{position}</object>"
BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"


def voc(position: str = BOX, name: str = "cat", head: str = "") -> str:
    return (
        f"{head}<annotation>\n<size><width>50</width><height>60</height></size>\n"
        f"{OBJECT.format(name=name, position=position)}\n</annotation>"
    )


def test_plain_annotation() -> None:
    found = parse_voc(voc().encode(), "a.xml")
    assert (found.names, found.width, found.height) == (("cat",), 50, 60)
    assert found.boxes.tolist() == [[2, 1, 40, 30]]
    assert (found.lines, found.things, found.complaints) == ((3,), ("object 1 'cat'",), ())


def test_no_objects_is_a_background() -> None:
    found = parse_voc(b"<annotation></annotation>", "a.xml")
    assert (found.names, found.boxes.shape, found.width, found.complaints) == ((), (0, 4), None, ())


@pytest.mark.parametrize(
    ("declared", "codec", "mark"),
    [
        ("GBK", "gbk", b""),
        ("gb2312", "gb18030", b""),
        ("GB18030", "gb18030", b""),
        ("utf-8", "utf-8", b""),
        ("UTF-8", "utf-8", b"\xef\xbb\xbf"),
        ("UTF-16", "utf-16", b""),
        ("UTF-16", "utf-16-le", b""),
        ("UTF-16", "utf-16-be", b"\xfe\xff"),
        (None, "utf-8", b""),
    ],
)
def test_encodings(declared: str | None, codec: str, mark: bytes) -> None:
    head = f"<?xml version='1.0' encoding='{declared}'?>\n" if declared else ""
    assert parse_voc(mark + voc(name="斑马", head=head).encode(codec), "a.xml").names == ("斑马",)


@pytest.mark.parametrize("name", ["斑马", "猫"])
@pytest.mark.parametrize("head", ["", "<?xml version='1.0' encoding='utf-8'?>\n"])
def test_undeclared_gbk_is_read_with_a_word(name: str, head: str) -> None:
    """猫 in GBK is è in UTF-8, so that a declaration of UTF-8 may be true."""
    with noting_guesses() as guesses:
        found = parse_voc(voc(name=name, head=head).encode("gbk"), "a.xml")
    assert found.names == (("è",) if head and name == "猫" else (name,))
    assert list(guesses) == ([] if found.names == ("è",) else ["a.xml"])


def test_bytes_in_no_encoding_are_refused() -> None:
    with pytest.raises(AnnotationError, match="a.xml: the annotation cannot be parsed: "):
        parse_voc(voc(name="x").encode().replace(b"x<", b"\xff\xff<"), "a.xml")


@pytest.mark.parametrize(
    ("position", "box"),
    [
        (
            "<bndbox><xmin>1.5</xmin><ymin> 2.25 </ymin><xmax>30.00</xmax><ymax>4e1</ymax></bndbox>",
            [2.25, 1.5, 40, 30],
        ),
        (
            "<polygon><x1>5</x1><y1>9</y1><x2>20</x2><y2>1</y2><x3>8</x3><y3>30</y3></polygon>",
            [1, 5, 30, 20],
        ),
        ("<circle><cx>10</cx><cy>20</cy><r>3</r></circle>", [17, 7, 23, 13]),
        ("<line><x1>9</x1><y1>2</y1><x2>3</x2><y2>8</y2></line>", [2, 3, 8, 9]),
        ("<point><x>4</x><y>5</y></point>", [5, 4, 5, 4]),
        ("<point><x1>4</x1><y1>5</y1></point>", [5, 4, 5, 4]),
    ],
)
def test_positions(position: str, box: list[float]) -> None:
    assert parse_voc(voc(position).encode(), "a.xml").boxes.tolist() == [box]


def test_parts_are_no_objects() -> None:
    part = f"<part><name>head</name>{BOX.replace('30', '9')}</part>"
    assert parse_voc(voc(BOX + part).encode(), "a.xml").boxes.tolist() == [[2, 1, 40, 30]]


@pytest.mark.parametrize(
    ("text", "ignored"), [("1", True), ("true", True), ("0", False), ("", False)]
)
def test_difficult(text: str, ignored: bool) -> None:
    assert parse_voc(
        voc(BOX + f"<difficult>{text}</difficult>").encode(), "a.xml"
    ).ignored.tolist() == [ignored]


@pytest.mark.parametrize(
    ("position", "problem"),
    [
        ("", "expected a position, one of bndbox, .* found name"),
        (
            "<bndbox><xmin>1</xmin></bndbox>",
            r"expected the coordinates of a bndbox, found only \['xmin'\]",
        ),
        (BOX.replace("30", "NaN"), "expected a number in <bndbox><xmax>, found 'NaN'"),
        (BOX.replace("30", "wide"), "expected a number in <bndbox><xmax>, found 'wide'"),
        (BOX.replace("30", ""), "expected a number in <bndbox><xmax>, found ''"),
        ("<polygon></polygon>", "expected the coordinates of a polygon"),
    ],
)
def test_objects_that_cannot_be_used(position: str, problem: str) -> None:
    found = parse_voc(voc(position).encode(), "a.xml")
    assert found.names == ()
    assert len(found.complaints) == 1
    assert re.match(f"a.xml:3: object 1 'cat': {problem}", str(found.complaints[0]))


def test_object_without_name() -> None:
    found = parse_voc(voc(name="").encode(), "a.xml")
    assert (
        str(found.complaints[0]) == "a.xml:3: object 1: expected a class name in <name>, found none"
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is not XML: no element found"),
        (
            b"<annotation>\n<object>\n</annotation>",
            "a.xml:3: the annotation is not XML: mismatched tag",
        ),
        (b"<annotation>\0</annotation>", "is not XML"),
        (b"<html/>", "expected the root element <annotation>, found <html>"),
        (b"<annotation>" + b" " * MAX_BYTES + b"</annotation>", "at most 16000000 bytes"),
        (b"<?xml version='1.0' encoding='klingon'?><annotation/>", "unknown encoding: klingon"),
        (
            b"<!DOCTYPE annotation SYSTEM 'http://127.0.0.1:1/x.dtd'><annotation/>",
            "declares a DTD or entities",
        ),
    ],
    ids=["empty", "truncated", "nul", "html", "large", "encoding", "dtd"],
)
def test_annotations_that_cannot_be_used(data: bytes, problem: str) -> None:
    with pytest.raises(AnnotationError, match=problem):
        parse_voc(data, "a.xml")


def test_external_entity_is_refused_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary-4711")
    text = f"<!DOCTYPE a [<!ENTITY e SYSTEM 'file://{tmp_path}/secret'>]>" + voc(name="&e;")
    with pytest.raises(AnnotationError, match="DTD or entities, which are refused") as caught:
        parse_voc(text.encode(), "a.xml")
    assert "canary" not in str(caught.value)


def test_deep_nesting_is_survived() -> None:
    found = parse_voc(
        b"<annotation>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</annotation>", "a.xml"
    )
    assert found.names == ()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"gone\.xml: the annotation cannot be read"):
        read_voc(tmp_path / "gone.xml", "gone.xml")


def one_object(inner: str, head: str = "", root: str = "annotation") -> bytes:
    text = f"{head}<{root}><object><name>cat</name>{inner}</object></{root.split()[0]}>"
    return text.encode()


@pytest.mark.parametrize(
    ("inner", "box"),
    [
        (  # by a quarter: width and height change places
            "<robndbox><cx>30</cx><cy>40</cy><w>20</w><h>10</h><angle>1.5707963</angle></robndbox>",
            [30, 25, 50, 35],
        ),
        (
            "<bndbox><xmin>10,5</xmin><ymin>2</ymin><xmax>40</xmax><ymax>60</ymax></bndbox>",
            [2, 10.5, 60, 40],
        ),
        (
            "<polygon><username>a</username><pt><x>4</x><y>3</y></pt><pt><x>9</x><y>7</y></pt></polygon>",
            [3, 4, 7, 9],
        ),
        (
            "<segm><box><xmin>5</xmin><ymin>6</ymin><xmax>7</xmax><ymax>8</ymax></box></segm>",
            [6, 5, 8, 7],
        ),
    ],
)
def test_positions_of_other_tools(inner: str, box: list[float]) -> None:
    assert parse_voc(one_object(inner), "a.xml").boxes.round(3).tolist() == [box]


SIDES = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>6</ymax></bndbox>"


@pytest.mark.parametrize(
    "data",
    [
        one_object(SIDES, root='annotation xmlns="http://example.org/voc"'),
        one_object(SIDES, head='<?xml version="1.0" encoding="utf-16"?>'),
        one_object(SIDES + "<deleted>0</deleted>"),
    ],
)
def test_writings_that_mean_the_same(data: bytes) -> None:
    assert parse_voc(data, "a.xml").boxes.tolist() == [[2, 1, 6, 4]]


def test_deleted_objects_of_labelme_are_none() -> None:
    assert parse_voc(one_object(SIDES + "<deleted>1</deleted>"), "a.xml").names == ()
