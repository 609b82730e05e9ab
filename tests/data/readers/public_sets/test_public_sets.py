"""KITTI, VisDrone, DOTA and WIDER FACE as they are downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.errors import DataError

from ..reading import exports, pictures, read, write

KITTI = "{} 0.00 0 1.85 2.0 3.0 20.0 25.0 1.67 1.87 3.69 -16.5 2.39 58.49 1.57\n"


def test_kitti(tmp_path: Path) -> None:
    for part in ("training", "testing"):  # the test part has pictures of the same names
        pictures(tmp_path / part / "image_2", "000000.png", "000001.png")
    labels = tmp_path / "training" / "label_2"
    write(labels / "000000.txt", KITTI.format("Car") + KITTI.format("DontCare"))
    write(labels / "000001.txt", KITTI.format("Cyclist") + "Car 0.00 0 x\n")
    found = read(tmp_path)
    assert found.objects == {
        "training/image_2/000000.png": [("Car", [3, 2, 25, 20])],
        "training/image_2/000001.png": [("Cyclist", [3, 2, 25, 20])],
    }
    assert "1 region(s) of KITTI called DontCare" in found.warnings
    assert found.complaints[0].startswith("training/label_2/000001.txt:2: object 2: expected 4")


def test_visdrone(tmp_path: Path) -> None:
    for part in ("VisDrone2019-DET-train", "VisDrone2019-DET-val"):
        pictures(tmp_path / part / "images", "1.jpg")
        rows = "2,3,18,22,1,4,0,0\n2,3,18,22,0,1,0,0,\n0,0,5,5,0,0,0,0\n2,3,18,22,1,12,0,0\n"
        write(tmp_path / part / "annotations" / "1.txt", rows)
    found = read(tmp_path)
    name = "VisDrone2019-DET-train/images/1.jpg"
    assert found.objects[name] == [("car", [3, 2, 25, 20]), ("pedestrian", [3, 2, 25, 20])]
    assert found.ignored[name] == [False, True]
    assert list(found.usages.values()) == ["train", "eval"]
    assert "2 region(s) to ignore" in found.warnings
    assert "expected a category of 0..11, found 12" in found.complaints[0]


def test_dota(tmp_path: Path) -> None:
    pictures(tmp_path / "images", "P1.png")
    rows = "imagesource:GoogleEarth\ngsd:0.1\n5 10 10 5 15 10 10 15 small-vehicle 1\n1 2 9 2 9 8 1 8 ship 0\n"
    write(tmp_path / "labelTxt" / "P1.txt", rows)
    found = read(tmp_path)
    assert found.objects == {
        "images/P1.png": [("small-vehicle", [5, 5, 15, 15]), ("ship", [2, 1, 8, 9])]
    }
    assert found.ignored["images/P1.png"] == [True, False]
    assert "upright boxes around them" in found.warnings


@pytest.mark.parametrize("name", ["dota_dataset", "roboflow_dataset/yolo_obb"])
def test_real_turned_boxes(shared_dir: Path, name: str) -> None:
    found = read(exports(shared_dir, name))
    assert found.objects == {
        "train/images/train_001.jpg": [("label_0", [0, 0, 2, 2])],
        "train/images/train_002.jpg": [("label_1", [1, 1, 5, 5])],
        "val/images/val_001.jpg": [("label_0", [0, 0, 1, 1]), ("label_1", [2, 1, 5, 10])],
    }
    assert list(found.usages.values()) == ["train", "train", "eval"]


def test_wider_face(tmp_path: Path) -> None:
    for side in ("train", "val"):
        pictures(tmp_path / f"WIDER_{side}" / "images" / "0--Parade", "a.jpg", "b.jpg")
        text = (
            "0--Parade/a.jpg\n2\n2 3 18 22 0 0 0 0 0 0\n1 1 5 5 0 0 0 1 0 0\n0--Parade/b.jpg\n0\n"
        )
        write(
            tmp_path / "wider_face_split" / f"wider_face_{side}_bbx_gt.txt",
            text + "0 0 0 0 0 0 0 0 0 0\n",
        )
    found = read(tmp_path)
    name = "WIDER_train/images/0--Parade/{}.jpg"
    assert found.objects[name.format("a")] == [("face", [3, 2, 25, 20]), ("face", [1, 1, 6, 6])]
    assert found.ignored[name.format("a")] == [False, True]
    assert found.objects[name.format("b")] == []
    assert list(found.usages.values()) == ["train", "train", "eval", "eval"]


def test_a_text_of_wider_face_that_breaks_off_is_refused(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg")
    write(tmp_path / "wider_face_train_bbx_gt.txt", "a.jpg\n3\n1 1 5 5 0 0 0 0 0 0\n")
    with pytest.raises(DataError, match=r"expected 3 faces of a.jpg .*found the end of the file"):
        read(tmp_path)


def test_real_faces(shared_dir: Path) -> None:
    found = read(exports(shared_dir, "widerface_dataset"))
    assert sum(map(len, found.objects.values())) == 6
    faces = found.objects["WIDER_train/images/1--Handshaking/1_Handshaking_image_02.jpg"]
    assert faces == [("face", [1, 1, 3, 3]), ("face", [1, 5, 3, 7])]
