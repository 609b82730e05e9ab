"""Tables of boxes: any header, encoding and delimiter; what cannot be known is asked or said."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.errors import DataError

from ..reading import exports, pictures, read, write

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax"
ROW = "a.png,40,30,cat,2,3,20,25"
CAT = ("cat", [3, 2, 25, 20])


def table(root: Path, *rows: str, name: str = "labels.csv", encoding: str = "utf-8") -> Path:
    pictures(root / "images", "a.png", "b.png", "c.png")
    write(root / name, "\n".join(rows) + "\n", encoding)
    return root


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_rows_of_a_picture_are_joined(tmp_path: Path, mark: str) -> None:
    rows = [HEADER, "a.png,40,30,猫,1,2,20,25", "b.png,40,30,dog,3,4,5.5,9"]
    rows += ["a.png,40,30,dog,5,6,7,8", "c.png,40,30,,,,,"]
    found = read(table(tmp_path, *(row.replace(",", mark) for row in rows), encoding="utf-8-sig"))
    assert found.objects == {
        "images/a.png": [("猫", [2, 1, 25, 20]), ("dog", [6, 5, 8, 7])],
        "images/b.png": [("dog", [4, 3, 9, 5.5])],
        "images/c.png": [],
    }
    assert found.complaints == []
    assert "1 picture(s) have no object and count as empty ones: images/c.png" in found.warnings


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("image_path,xmin,ymin,xmax,ymax,label", "a.png,2,3,20,25,cat"),
        (",Filename, Width, Height, Class, Xmin, Ymin, Xmax, Ymax", "7,a.png,40,30,cat,2,3,20,25"),
        ("image_id,x1,y1,w,h,category", "a,2,3,18,22,cat"),
        ("image,left,top,width,height,class", "a.png,2,3,18,22,cat"),
        ("label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name", "cat,2,3,18,22,a.png"),
        ("img,x_center,y_center,w,h,label", "a.png,11,14,18,22,cat"),
        ("frame,xmin,xmax,ymin,ymax,class", "a.png,2,20,3,25,cat"),
        ("Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId", "a.png;40;30;2;3;20;25;cat"),
        ("image_id,label,bbox_xyxy", 'a,cat,"[2, 3, 20, 25]"'),
        ("name,x0,y0,x1,y1,class", "a.png,2,3,20,25,cat"),
        ("sep=;\nfilename;class;xmin;ymin;xmax;ymax", "a.png;cat;2;3;20;25"),
        ("image_name,label,bbox_xywh", "a.png,cat,(2 3 18 22)"),
        ("图片,类别,xmin,ymin,xmax,ymax", "a.png,cat,2,3,20,25"),
        (None, "a.png,2,3,20,25,cat"),
        (None, "a.png,40,30,cat,2,3,20,25"),
        (None, "cat,2,3,18,22,a.png,40,30"),
        (None, "TRAIN,gs://bucket/set/a.png,cat,0.05,0.1,,,0.5,0.83333333,,"),
        (None, "gs://bucket/a.png,cat,0.05,0.1,0.5,0.1,0.5,0.83333333,0.05,0.83333333"),
    ],
)
def test_headers_that_say_the_same(tmp_path: Path, header: str | None, row: str) -> None:
    found = read(table(tmp_path, *([header] if header else []), row))
    assert found.objects == {"images/a.png": [CAT]}
    assert found.complaints == []


@pytest.mark.parametrize(
    ("encoding", "word"), [("utf-16", ""), ("utf-16-le", ""), ("gbk", "read as GBK")]
)
def test_encodings(tmp_path: Path, encoding: str, word: str) -> None:
    found = read(table(tmp_path, HEADER, ROW.replace("cat", "狗"), encoding=encoding))
    assert found.objects == {"images/a.png": [("狗", [3, 2, 25, 20])]}
    assert word in found.warnings


def test_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    table(tmp_path, HEADER)
    (tmp_path / "labels.csv").write_bytes(HEADER.encode() + b"\na.png,40,30,\xff\xff,2,3,20,25\n")
    with pytest.raises(DataError, match=r"UTF-8, UTF-16 or GBK, found .*labels.csv"):
        read(tmp_path / "labels.csv")


def test_decimal_commas_beside_semicolons(tmp_path: Path) -> None:
    rows = (HEADER.replace(",", ";"), "a.png;40;30;cat;2,5;3;20;25")
    assert read(table(tmp_path, *rows)).objects["images/a.png"] == [("cat", [3, 2.5, 25, 20])]


def test_shares_become_pixels_with_and_without_a_size(tmp_path: Path) -> None:
    found = read(table(tmp_path, HEADER, "a.png,80,60,cat,0.1,0.2,0.5,0.7"))
    assert found.objects == {"images/a.png": [("cat", [12, 8, 42, 40])]}  # of the recorded size
    assert "shares of the picture (0..1)" in found.warnings
    short = "filename,class,xmin,ymin,xmax,ymax"
    found = read(table(tmp_path, short, "a.png,cat,0.1,0.2,0.5,0.7"))
    assert found.objects == {"images/a.png": [("cat", [6, 4, 21, 20])]}  # of 40 x 30


@pytest.mark.parametrize(
    ("rows", "box", "said"),
    [
        (['a,40,30,"[2, 3, 10, 12]"'], [3, 2, 15, 12], "xmin, ymin, width, height"),
        (['a,40,30,"[20, 3, 10, 12]"'], [3, 20, 15, 30], "xmin, ymin, width, height"),
        (['a,40,30,"[5, 3, 39, 12]"'], [3, 5, 12, 39], "xmin, ymin, xmax, ymax"),
        (
            ["a,40,30,2 3 10 12", "b,40,30,1 1 5 5", "b,40,30,2 2 6 6"],
            [3, 2, 12, 10],
            "xmin, ymin, xmax, ymax",
        ),
    ],
)
def test_a_list_of_four_numbers_is_what_its_rows_tell(
    tmp_path: Path, rows: list[str], box: list[float], said: str
) -> None:
    found = read(table(tmp_path, "image_id,width,height,bbox", *rows, name="train.csv"))
    assert found.objects["images/a.png"] == [("object", box)]
    assert f"read as {said}" in found.warnings
    assert "train.csv has no column for the class" in found.warnings


def test_several_boxes_in_a_cell(tmp_path: Path) -> None:
    rows = ("image_name,BoxesString,domain", "a.png,2 3 20 25;1 1 5 5,x", "b.png,no_box,x")
    found = read(table(tmp_path, *rows))
    assert found.objects == {
        "images/a.png": [("object", [3, 2, 25, 20]), ("object", [1, 1, 5, 5])],
        "images/b.png": [],
    }


def test_split_column_and_marks(tmp_path: Path) -> None:
    rows = (HEADER + ",Split,difficult", ROW + ",train,0", ROW.replace("a.", "b.") + ",TEST,1")
    found = read(table(tmp_path, *rows))
    assert found.usages == {"images/a.png": "train", "images/b.png": "eval"}
    assert found.ignored == {"images/a.png": [False], "images/b.png": [True]}


def test_an_unknown_split_is_a_complaint(tmp_path: Path) -> None:
    found = read(table(tmp_path, HEADER + ",split", ROW + ",fold3"))
    assert len(found.complaints) == 1
    assert "expected one split of train, " in found.complaints[0]
    assert found.complaints[0].endswith("found fold3")


def test_tables_of_sides(tmp_path: Path) -> None:
    table(tmp_path, HEADER, ROW, name="train_labels.csv")
    table(tmp_path, HEADER, ROW.replace("a.", "b."), name="test_labels.csv")
    assert read(tmp_path).usages == {"images/a.png": "train", "images/b.png": "eval"}
    table(tmp_path, HEADER, ROW.replace("a.", "c."), name="valid_labels.csv")
    found = read(tmp_path)
    assert found.usages == {"images/a.png": "train", "images/c.png": "eval"}
    assert "'test' are left out, as there is a validation part" in found.warnings


def test_a_table_of_all_beside_those_of_the_sides_is_passed_over(tmp_path: Path) -> None:
    table(tmp_path, HEADER, ROW, ROW.replace("a.", "b."))
    table(tmp_path, HEADER, ROW, name="train.csv")
    table(tmp_path, HEADER, ROW.replace("a.", "b."), name="val.csv")
    found = read(tmp_path)
    assert found.usages == {"images/a.png": "train", "images/b.png": "eval"}
    assert "labels.csv is not read" in found.warnings


def test_two_tables_of_the_same_pictures_are_a_question(tmp_path: Path) -> None:
    table(tmp_path, HEADER, ROW, name="old.csv")
    table(tmp_path, HEADER, ROW, name="new.csv")
    with pytest.raises(DataError, match=r"found 1 \(a.png, ...\) in .*new.csv and in .*old.csv"):
        read(tmp_path)
    assert read(tmp_path / "new.csv").objects == {"images/a.png": [CAT]}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a.png,40,30,x,1,1,wide,9", "labels.csv:3: object 2 'x': expected a number for xmax"),
        ("a.png,40,30,x,1,1,nan,9", "expected a number for xmax, found 'nan'"),
        ("a.png,40,30,x,1,1", "expected a number for xmax, found ''"),
        ("a.png,40,30,,1,1,9,9", "labels.csv:3: object 2: expected a class name, found none"),
        ("a.png,40,30,x,,,,", "expected a number for xmin, found ''"),
        ("gone.png,40,30,x,1,1,9,9", "labels.csv:3: expected one picture named 'gone.png' below"),
        ("../../secret.png,40,30,x,1,1,9,9", "expected one picture named '../../secret.png'"),
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, row: str, problem: str) -> None:
    pictures(tmp_path, "secret.png")
    found = read(table(tmp_path / "deep" / "set", HEADER, ROW, row))
    assert len(found.complaints) == 1
    assert problem in found.complaints[0]
    assert found.objects == {"images/a.png": [CAT]}


def test_pictures_that_no_row_names_are_said(tmp_path: Path) -> None:
    assert "2 picture(s) that no annotation names" in read(table(tmp_path, HEADER, ROW)).warnings


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("ann.csv", ["image_name,label_name", "a.png,dog"]),
        ("_classes.csv", ["filename, dog, cat", "a.png, 1, 0", "b.png, 0, 1"]),
        ("ann.txt", ["a.png dog", "b cat"]),
    ],
)
def test_classes_of_whole_pictures_are_refused_by_name(
    tmp_path: Path, name: str, rows: list[str]
) -> None:
    with pytest.raises(DataError, match=rf"{name} gives whole pictures their classes.*no boxes"):
        read(table(tmp_path, *rows, name=name))


def test_a_header_without_boxes_is_named_where_the_table_is_given(tmp_path: Path) -> None:
    table(tmp_path, "filename,remark", "a.png,nice")
    with pytest.raises(DataError, match=r"found 'filename,remark', which names no column of"):
        read(tmp_path / "labels.csv")


def test_open_images(tmp_path: Path) -> None:
    pictures(tmp_path / "train", "a.png")
    pictures(tmp_path / "validation", "b.png")
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf"
    write(tmp_path / "oidv6-train-annotations-bbox.csv", f"{head}\na,x,/m/1,1,0.25,0.5,0.1,0.2,1\n")
    write(tmp_path / "validation-annotations-bbox.csv", f"{head}\nb,x,/m/2,1,0,0.5,0,0.5,0\n")
    write(tmp_path / "class-descriptions-boxable.csv", "/m/1,Cat\n/m/2,Dog\n")
    found = read(tmp_path)
    assert found.objects == {
        "train/a.png": [("Cat", [3, 10, 6, 20])],
        "validation/b.png": [("Dog", [0, 0, 15, 20])],
    }
    assert found.usages == {"train/a.png": "train", "validation/b.png": "eval"}
    assert found.ignored["train/a.png"] == [True]


def test_open_images_without_its_boxes_says_what_to_add(tmp_path: Path) -> None:
    table(tmp_path, "ImageID,Subset,Rotation", "a,train,0", name="train-images-with-rotation.csv")
    with pytest.raises(DataError, match=r"Open Images, but without its boxes"):
        read(tmp_path)


def test_a_table_in_a_text_is_read_as_folder_and_as_file(tmp_path: Path) -> None:
    root = table(tmp_path, ROW.replace(",40,30,cat", ",cat"), "b.png,cat,1,1,5,5", name="ann.txt")
    for url in (root, root / "ann.txt"):
        assert sorted(read(url).objects) == ["images/a.png", "images/b.png"]


KAGGLE = {
    "images/1.jpg": [("dog", [1, 0, 2, 1]), ("cat", [2, 1, 3, 3])],
    "images/2.jpg": [("cat", [0, 0, 1, 1])],
    "images/3.jpg": [("dog", [2, 0, 4, 2]), ("dog", [0, 0, 1, 1]), ("cat", [1, 1, 2, 2])],
}


@pytest.mark.parametrize("name", ["ann.csv", "ann2.csv", "ann3.csv"])
def test_kaggle_tables_of_three_kinds_say_the_same(shared_dir: Path, name: str) -> None:
    found = read(exports(shared_dir, f"kaggle_dataset/image_csv_det/{name}"))
    assert found.objects == KAGGLE
    assert found.complaints == []


def test_vott_tables(shared_dir: Path) -> None:
    found = read(exports(shared_dir, "vott_csv_dataset/dataset"))
    assert found.objects["img0003.jpg"] == [
        ("helmet", [10.3, 6.7, 15, 10]),
        ("person", [20.2, 13.7, 63.6, 45.6]),
    ]
    assert sorted(map(str, found.usages.values())) == ["eval", "eval", "train", "train"]


def test_a_table_with_a_header_may_be_a_txt(tmp_path: Path) -> None:
    header = "filename,width,height,class,xmin,ymin,xmax,ymax"
    write(tmp_path / "annotations.txt", f"{header}\na.png,40,30,cat,1,2,9,12\n")
    pictures(tmp_path, "a.png")
    assert read(tmp_path).objects == {"a.png": [("cat", [2.0, 1.0, 12.0, 9.0])]}


def test_a_column_cls_is_the_class(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "img,x0,y0,x1,y1,cls\na.png,1,2,9,12,cat\n")
    pictures(tmp_path, "a.png")
    assert read(tmp_path).objects == {"a.png": [("cat", [2.0, 1.0, 12.0, 9.0])]}
