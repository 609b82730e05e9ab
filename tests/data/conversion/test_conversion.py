"""Every form to every other and back, restarted, in processes, byte for byte the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from pycocotools.coco import COCO

from algorithm.__main__ import main
from algorithm.data import load_dataset
from algorithm.data.conversion import conversion, convert
from algorithm.data.conversion.tfrecord_writer import portable
from algorithm.data.feeding.decoding import decode_image
from algorithm.data.sample import Dataset
from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.errors import ArgumentError, DataError

from ..conftest import write_picture, write_voc

FORMS = ("manifest", "coco", "yolo", "tfrecord", "voc", "labelme", "cvat")


def load(path: Path, clean: bool = False) -> Dataset:
    return load_dataset(path, clean=clean, seed=0, work_dir=path.parent / "work")


def content(data: Dataset) -> dict[tuple, list[tuple]]:
    """Objects by picture (its usage and pixels), each as (class, ignored, box): in order, ignored ones last."""
    found = {}
    for sample in data.train + data.eval:
        path = Path(sample.path)
        key = (
            sample.usage,
            sample.width,
            sample.height,
            hash(decode_image(path.read_bytes(), "").tobytes()),
        )
        rows = zip(sample.labels, sample.is_crowd, sample.boxes, strict=True)
        objects = [
            (data.label_names[label], bool(crowd), *box.tolist()) for label, crowd, box in rows
        ]
        found[key] = sorted(objects, key=lambda one: one[1])
    return found


def assert_same(data: Dataset, other: Dataset, tolerance: float = 0.5) -> None:
    first, second = content(data), content(other)
    assert first.keys() == second.keys()
    for key, rows in first.items():
        assert [row[:2] for row in rows] == [row[:2] for row in second[key]]
        boxes = [np.array([row[2:] for row in side]).reshape(-1, 4) for side in (rows, second[key])]
        assert np.abs(boxes[0] - boxes[1]).max(initial=0) <= tolerance


def files_of(folder: Path) -> dict[str, bytes]:
    own_path = str(folder.resolve()).encode()  # which a data.yaml names
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().replace(own_path, b"")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".conversion" not in path.parts
    }


@pytest.fixture
def dirty_set(make_folder: Callable[..., Path]) -> Path:
    """Twelve pictures: difficult objects, fractions, Chinese and quoted names, an empty one, EXIF, CMYK, GIF, twins."""
    folder = make_folder(6)
    for index, names in enumerate((["狗 'x'", 'a "b"'], [], ["cat"], ["a: b"], ["#no"], ["cat"])):
        name = ("图 1", "e+p%#", "turned", "cmyk", "moving", "deep/p00")[index]
        path = write_picture(folder / f"{name}.png", seed=50 + index)
        write_voc(
            path.with_suffix(".xml"),
            [(one, 1.25, 2.5, 20 + number, 25.125) for number, one in enumerate(names)],
        )
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(folder / "turned.png").rotate(90, expand=True).save(folder / "turned.png", exif=exif)
    (folder / "cmyk.png").unlink()
    Image.new("CMYK", (40, 30), (10, 80, 0, 30)).save(folder / "cmyk.jpg")
    (folder / "moving.png").unlink()
    Image.new("P", (40, 30), 7).save(folder / "moving.gif")
    difficult = (folder / "p03.xml").read_text().replace("<difficult>0", "<difficult>1")
    (folder / "p03.xml").write_text(difficult)
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_lost_on_the_way_and_back(dirty_set: Path, tmp_path: Path, form: str) -> None:
    there = convert(dirty_set, tmp_path / form, form, shards=3, workers=1)
    back = convert(there.path, tmp_path / "back", "manifest", workers=1)
    assert (there.pictures, back.pictures) == (12, 12)
    assert_same(load(dirty_set), load(there.path))
    assert_same(load(there.path), load(back.path))


def test_folders_are_recognised_and_ids_are_kept(tmp_path: Path) -> None:
    for number in (5, 7, 11):
        write_picture(tmp_path / "set" / f"{number}.png", seed=number)
    rows = [
        {
            "id": number,
            "image_id": number,
            "category_id": 90,
            "bbox": [5, 6, 10.5, 20],
            "iscrowd": number == 7,
        }
        for number in (5, 7, 11)
    ]
    images = [
        {"id": number, "file_name": f"{number}.png", "width": 40, "height": 30}
        for number in (5, 7, 11)
    ]
    categories = [{"id": 90, "name": "x"}, {"id": 2, "name": "y"}]
    (tmp_path / "set" / "a.json").write_text(
        json.dumps({"images": images, "annotations": rows, "categories": categories})
    )
    for form in ("coco", "tfrecord"):
        convert(tmp_path / "set", tmp_path / form, form, workers=1)
        data = load(tmp_path / form)
        assert (data.label_names, data.category_ids) == (("y", "x"), (2, 90))
        assert {sample.image_id for sample in data.train + data.eval} == {"5", "7", "11"}
        assert sum(int(sample.is_crowd.sum()) for sample in data.train + data.eval) == 1
    official = COCO(tmp_path / "coco" / "annotations" / "instances_train.json")
    assert {tuple(row["bbox"]) for row in official.anns.values()} == {(5, 6, 10.5, 20)}


@pytest.mark.parametrize(
    "form", [*FORMS[:3], *FORMS[4:], pytest.param("tfrecord", marks=pytest.mark.slow)]
)
def test_workers_and_shards_do_not_change_the_bytes(tmp_path: Path, form: str) -> None:
    manifest = write_sample_dataset(tmp_path / "set", count=12, size=64)
    convert(manifest, tmp_path / "one", form, shards=4, workers=1)
    convert(manifest, tmp_path / "two", form, shards=4, workers=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    if form != "tfrecord":
        convert(manifest, tmp_path / "three", form, shards=1, workers=1)
        assert files_of(tmp_path / "one") == files_of(tmp_path / "three")


@pytest.mark.parametrize("form", FORMS)
def test_cut_off_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    manifest = write_sample_dataset(tmp_path / "set", count=10, size=64)
    convert(manifest, tmp_path / "whole", form, shards=5, workers=1)
    done, own = [], conversion.do_task

    def stop_at_third(task: conversion.Task) -> str:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(task.rows.name)
        return own(task)

    monkeypatch.setattr(conversion, "do_task", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        convert(manifest, tmp_path / "cut", form, shards=5, workers=1)
    assert not list((tmp_path / "cut").rglob("*.part"))
    again = []
    monkeypatch.setattr(
        conversion, "do_task", lambda task: again.append(task.rows.name) or own(task)
    )
    convert(manifest, tmp_path / "cut", form, shards=5, workers=1)
    assert (len(again), set(again) & set(done)) == (3, set())
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")
    assert [
        path.name for path in (tmp_path / "cut" / ".conversion").rglob("*") if path.is_file()
    ] == ["state.json", "dropped.txt"]
    convert(manifest, tmp_path / "cut", form, shards=5, workers=1)
    assert len(again) == 3


def test_failure_within_a_shard_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_sample_dataset(tmp_path / "set", count=6, size=64)
    monkeypatch.setattr(
        conversion,
        "_begin",
        lambda work, form, plan, state: (
            (tmp_path / "set" / "images" / "scene-0002.jpg").unlink(),
            (work / "parts").mkdir(exist_ok=True),
        ),
    )
    with pytest.raises(
        DataError, match="expected the pictures to stay as they were checked, found .*scene-0002"
    ):
        convert(manifest, tmp_path / "out", "tfrecord", shards=1, workers=1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".conversion"]


def test_output_of_something_else_is_refused(make_folder, tmp_path: Path) -> None:
    folder = make_folder(4)
    convert(folder, tmp_path / "out", "yolo", workers=1)
    with pytest.raises(DataError, match="expected to go on with form yolo in .*, found coco"):
        convert(folder, tmp_path / "out", "coco", workers=1)
    write_voc(folder / "p00.xml", [])
    with pytest.raises(
        DataError, match="expected the data and options that the output .* was begun with"
    ):
        convert(folder, tmp_path / "out", "yolo", workers=1)
    with pytest.raises(DataError, match="expected an empty folder for the output"):
        convert(folder, folder, "yolo", workers=1)


def test_faults_stop_it_and_clean_leaves_them_out(make_folder, tmp_path: Path) -> None:
    folder = make_folder(5)
    write_voc(folder / "p01.xml", [("cat", 9, 9, 9, 20), ("dog", 2, 2, 30, 20)])
    (folder / "p02.png").write_bytes(b"no picture")
    with pytest.raises(
        DataError, match="expected a dataset without faults, found 2, the first: p01.xml"
    ):
        convert(folder, tmp_path / "out", "coco", workers=1)
    done = convert(folder, tmp_path / "out", "coco", workers=1, clean=True)
    assert done.pictures == 4
    assert [line.partition(", the first")[0] for line in done.warnings[:2]] == [
        "the dataset: 1 of 5 picture(s) left out: picture cannot be decoded (1)",
        "the dataset: 2 of 6 object(s) dropped: no area (1), picture cannot be decoded (1)",
    ]
    dropped = (tmp_path / "out" / ".conversion" / "plan" / "dropped.txt").read_text()
    assert [line.split(":")[0] for line in dropped.splitlines()] == ["p01.xml", "p02.png"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"form": "xml"},
            "expected a form of manifest, coco, yolo, tfrecord, voc, labelme, cvat, found 'xml'",
        ),
        ({"shards": 0}, "expected at least one shard and one worker"),
        ({"workers": -1}, "at least one shard"),
    ],
)
def test_wrong_options(make_folder, tmp_path: Path, options: dict, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        convert(make_folder(2), tmp_path / "out", **{"form": "coco", **options})


def test_records_hold_what_other_readers_ask_for(dirty_set: Path, tmp_path: Path) -> None:
    convert(dirty_set, tmp_path / "out", "tfrecord", shards=2, workers=1)
    spec = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/height": tf.io.FixedLenFeature([], tf.int64),
        "image/width": tf.io.FixedLenFeature([], tf.int64),
        "image/source_id": tf.io.FixedLenFeature([], tf.string),
        "image/object/bbox/xmin": tf.io.VarLenFeature(tf.float32),
        "image/object/class/label": tf.io.VarLenFeature(tf.int64),
        "image/object/class/text": tf.io.VarLenFeature(tf.string),
        "image/object/area": tf.io.VarLenFeature(tf.float32),
        "image/object/is_crowd": tf.io.VarLenFeature(tf.int64),
    }
    files = [str(path) for path in (tmp_path / "out").glob("*.tfrecord")]
    parsed = [tf.io.parse_single_example(one, spec) for one in tf.data.TFRecordDataset(files)]
    assert len(parsed) == 12
    for one in parsed:  # TensorFlow's own decoder, which heeds no EXIF, sees the recorded size
        pixels = tf.io.decode_image(one["image/encoded"], channels=3)
        assert pixels.shape == (one["image/height"], one["image/width"], 3)
        shares = tf.sparse.to_dense(one["image/object/bbox/xmin"])
        assert np.all((shares >= 0) & (shares < 1))


def test_portable_pictures_keep_their_bytes_unless_turned(tmp_path: Path) -> None:
    plain = write_picture(tmp_path / "a.jpg").read_bytes()
    assert portable(plain, "a.jpg") == (plain, "jpeg")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(tmp_path / "a.jpg").save(tmp_path / "b.jpg", exif=exif)
    turned = (tmp_path / "b.jpg").read_bytes()
    data, form = portable(turned, "b.jpg")
    assert form == "png"
    assert np.array_equal(decode_image(data, ""), decode_image(turned, ""))


def test_command(make_folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [
        f"--data_url={make_folder(5)}",
        f"--output={tmp_path / 'out'}",
        "--format=yolo",
        "--workers=1",
    ]
    assert main(["data", "convert", *flags]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"5 pictures: {tmp_path / 'out' / 'data.yaml'}\n"
    assert (
        "WARNING the dataset has no split: 4 pictures are written as train, 1 as val (seed 0)"
        in shown.err
    )
    assert main(["data", "convert", *flags[:2], "--format=coco"]) == 3
    assert capsys.readouterr().err.splitlines()[-1].startswith("ERROR DATA: ")


@pytest.mark.parametrize(
    ("name", "clean", "pictures"),
    [
        ("raccoon", False, 200),
        pytest.param("bccd", True, 364, marks=pytest.mark.soak),
        pytest.param("coco128", False, 128, marks=pytest.mark.soak),
    ],
)
def test_real_data_there_and_back(
    shared_dir: Path, tmp_path: Path, name: str, clean: bool, pictures: int
) -> None:
    source = shared_dir / "data" / name
    first = convert(source, tmp_path / FORMS[0], FORMS[0], workers=1, clean=clean)
    assert first.pictures == pictures
    path = first.path
    # yolo records the mask only, and a mask of pixels (from tfrecord) ends before thin tips do
    tolerance = 4.5 if name == "coco128" else 0.5
    for form in (*FORMS[1:], "manifest"):
        path = convert(path, tmp_path / f"{form}-again", form, workers=1).path
        assert_same(load(first.path), load(path), tolerance)
    original = load_dataset(source, clean=clean, seed=0, work_dir=tmp_path / "work")
    assert_same(original, load(first.path))
