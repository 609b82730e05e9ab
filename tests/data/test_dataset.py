"""Any supported form of data to a Dataset, on small and on real data."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from algorithm.data import load_dataset
from algorithm.data.dataset import fingerprint
from algorithm.errors import DataError

from .conftest import write_voc


def test_samples_of_a_manifest(make_manifest, tmp_path: Path) -> None:
    data = load_dataset(make_manifest(10), clean=False, seed=0, work_dir=tmp_path / "work")
    assert (len(data.train), len(data.eval), data.warnings) == (8, 2, ())
    assert (data.label_names, data.category_ids) == (("cat", "dog"), (1, 2))
    first = data.train[0]
    assert (first.image_id, first.width, first.height, first.usage) == ("p00.png", 40, 30, "train")
    assert (first.boxes.dtype, first.labels.dtype, first.is_crowd.dtype) == (
        np.float32,
        np.int32,
        bool,
    )
    assert (first.boxes.tolist(), first.labels.tolist()) == ([[3, 2, 25, 20]], [0])
    assert not (tmp_path / "work").exists()


def test_class_only_in_eval_is_named_and_left_out(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    write_voc(manifest.parent / "p04.xml", [("cow", 1, 1, 9, 9), ("dog", 1, 1, 9, 9)])
    data = load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path)
    assert data.warnings == (
        "class 'cow' is in EVAL but not in TRAIN: its 1 box(es) are left out of the evaluation",
        "classes without an EVAL box, which get no AP, 1 in all: cat",
    )
    assert data.eval[0].labels.tolist() == [1]
    assert data.eval[0].boxes.shape == (1, 4)


def test_given_labels_keep_their_order(make_manifest, tmp_path: Path) -> None:
    data = load_dataset(
        make_manifest(10), clean=False, seed=0, work_dir=tmp_path, label_names=("dog", "cow", "cat")
    )
    assert data.train[0].labels.tolist() == [2]
    with pytest.raises(
        DataError, match=r"found 'cat' on 4 box\(es\) in TRAIN, expected only the 1 class"
    ):
        load_dataset(
            make_manifest(10), clean=False, seed=0, work_dir=tmp_path, label_names=("dog",)
        )


def test_difficult_objects_are_marked(make_folder, tmp_path: Path) -> None:
    folder = make_folder(5)
    for file in sorted(folder.glob("*.xml"))[1:]:
        file.write_text(file.read_text().replace("<difficult>0", "<difficult>1"))
    data = load_dataset(folder, clean=False, seed=0, work_dir=tmp_path)
    assert {sample.source: sample.is_crowd.tolist() for sample in data.train + data.eval} == {
        f"p{index:02d}.png": [index > 0] for index in range(5)
    }


@pytest.mark.parametrize("clean", [True, False])
def test_a_training_part_without_a_box_is_refused(make_manifest, tmp_path: Path, clean) -> None:
    manifest = make_manifest(10)
    for index in range(10):
        if index % 5 != 4:  # the others are EVAL
            write_voc(manifest.parent / f"p{index:02d}.xml", [])
    with pytest.raises(
        DataError,
        match=r"expected at least one box in TRAIN to learn from, found none in 8 picture",
    ):
        load_dataset(manifest, clean=clean, seed=0, work_dir=tmp_path)
    load_dataset(manifest, clean=clean, seed=0, work_dir=tmp_path, require=("eval",))


def test_a_training_part_of_difficult_boxes_is_refused(make_folder, tmp_path: Path) -> None:
    folder = make_folder(5)
    for file in folder.glob("*.xml"):
        file.write_text(file.read_text().replace("<difficult>0", "<difficult>1"))
    with pytest.raises(DataError, match="found 4, all of them difficult or a crowd in 4 picture"):
        load_dataset(folder, clean=False, seed=0, work_dir=tmp_path)


@pytest.mark.parametrize("clean", [True, False])
def test_an_evaluation_part_without_a_box_is_warned_of(make_manifest, tmp_path, clean) -> None:
    manifest = make_manifest(10)
    for name in ("p04", "p09"):
        write_voc(manifest.parent / f"{name}.xml", [])
    data = load_dataset(manifest, clean=clean, seed=0, work_dir=tmp_path)
    assert "EVAL has no box in its 2 picture(s): no AP can be measured" in "\n".join(data.warnings)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "found nothing at .*data: check the path"),
        (lambda path: path.mkdir(), "found the empty folder"),
        (lambda path: path.touch(), "found an empty file"),
        (
            lambda path: path.write_text("\n\n"),
            "expected samples with usage TRAIN and EVAL .* found none",
        ),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\xff"), "expected one JSON object a line"),
    ],
    ids=["missing", "empty folder", "empty file", "blank lines", "no text"],
)
def test_paths_without_data(tmp_path: Path, make, problem: str) -> None:
    make(tmp_path / "data")
    with pytest.raises(DataError, match=problem):
        load_dataset(tmp_path / "data", clean=True, seed=0, work_dir=tmp_path / "work")


def test_fingerprint_follows_the_content(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    data = load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path)
    assert (
        data.fingerprint
        == load_dataset(manifest, clean=False, seed=9, work_dir=tmp_path).fingerprint
    )
    first, *others = (*data.train, *data.eval)
    changes = (
        {"image_id": "x"},
        {"boxes": first.boxes + 1},
        {"labels": first.labels + 1},
        {"usage": "eval"},
        {"is_crowd": ~first.is_crowd},
    )
    prints = {
        fingerprint([replace(first, **change), *others], data.label_names) for change in changes
    }
    prints |= {
        fingerprint([first, *others], names) for names in (data.label_names, data.label_names[::-1])
    }
    assert len(prints) == len(changes) + 2


def test_reading_data_needs_no_tensorflow() -> None:
    code = "import sys, algorithm.data; assert 'tensorflow' not in sys.modules"
    root = str(Path(__file__).resolve().parents[2])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": root})


REAL = [  # path, clean, train, eval, classes, boxes, crowd
    ("raccoon/raccoon.manifest", False, 160, 40, 1, 217, 0),
    ("bccd", True, 291, 73, 3, 4886, 0),
    ("coco128", False, 102, 26, 80, 939, 10),
]


@pytest.mark.parametrize(("name", "clean", "train", "evaluated", "classes", "boxes", "crowd"), REAL)
def test_real_data(
    shared_dir: Path,
    tmp_path: Path,
    name: str,
    clean: bool,
    train: int,
    evaluated: int,
    classes: int,
    boxes: int,
    crowd: int,
) -> None:
    data = load_dataset(shared_dir / "data" / name, clean=clean, seed=0, work_dir=tmp_path)
    samples = data.train + data.eval
    assert (len(data.train), len(data.eval), len(data.label_names)) == (train, evaluated, classes)
    assert sum(len(sample.labels) for sample in samples) == boxes
    assert sum(int(sample.is_crowd.sum()) for sample in samples) == crowd


def test_coco_ids_have_holes(shared_dir: Path, tmp_path: Path) -> None:
    data = load_dataset(shared_dir / "data" / "coco128", clean=False, seed=0, work_dir=tmp_path)
    assert data.category_ids[:12] == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13)
    assert (data.label_names[0], data.label_names[-1], data.category_ids[-1]) == (
        "person",
        "toothbrush",
        90,
    )


def test_real_faults_are_named(shared_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"found 2, the first: annotations/BloodImage_00338\.xml:158: object 13 'RBC'",
    ):
        load_dataset(shared_dir / "data" / "bccd", clean=False, seed=0, work_dir=tmp_path)
