"""TFRecords in the schema of the Object Detection API, as other tools write them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from algorithm.data import load_dataset
from algorithm.data.conversion import convert
from algorithm.data.readers.recognition import read_listing
from algorithm.data.readers.records.tfrecord_files import is_record_file
from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.errors import DataError

from ..reading import exports


def feature(value: object) -> tf.train.Feature:
    value = value if isinstance(value, list) else [value]
    if isinstance(value[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
    if isinstance(value[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=value))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=value))


def record(seed: int = 0, **changes: object) -> bytes:
    """A picture of 40x30 with a zebra at x 10..30, y 3..6; changes by the key's last words."""
    encoded = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (30, 40, 3), np.uint8)).save(
        encoded, "PNG"
    )
    values = {
        "image/encoded": encoded.getvalue(),
        "image/format": b"png",
        "image/filename": f"p{seed}.png".encode(),
        "image/source_id": f"{seed}".encode(),
        "image/height": 30,
        "image/width": 40,
        "image/object/bbox/xmin": 0.25,
        "image/object/bbox/xmax": 0.75,
        "image/object/bbox/ymin": 0.1,
        "image/object/bbox/ymax": 0.2,
        "image/object/class/text": b"zebra",
        "image/object/class/label": 7,
    }
    values |= {
        next(key for key in (*values, f"image/object/{name}") if key.endswith(name)): value
        for name, value in changes.items()
    }
    features = {key: feature(value) for key, value in values.items() if value is not None}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write_records(path: Path, *records: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for one in records:
            writer.write(one)
    return path


def complaint(tmp_path: Path, **changes: object) -> str:
    write_records(tmp_path / "set" / "a.tfrecord", record(**changes))
    (entry,) = read_listing(tmp_path / "set", work_dir=tmp_path / "work").entries
    return str([*entry.complaints, *(entry.annotation.complaints if entry.annotation else ())][0])


@pytest.mark.parametrize(
    "train",
    [
        "train-0000{}-of-00002",
        "coco_train.record-0000{}-of-00002",
        "train-0000{}-of-00002.tfrecord",
    ],
)
def test_shards_give_the_split(tmp_path: Path, train: str) -> None:
    for number in range(2):
        write_records(
            tmp_path / "set" / train.format(number), record(number * 2), record(number * 2 + 1)
        )
    write_records(
        tmp_path / "set" / train.replace("train", "val").format(0).replace("00002", "00001"),
        record(9),
    )
    data = load_dataset(tmp_path / "set", clean=False, seed=0, work_dir=tmp_path / "work")
    assert (
        [sample.image_id for sample in data.train],
        [sample.image_id for sample in data.eval],
    ) == (["0", "1", "2", "3"], ["9"])
    assert (data.train[0].source, data.label_names) == ("p0.png", ("zebra",))
    assert np.allclose(data.train[0].boxes, [[3, 10, 6, 30]])
    pixels = np.asarray(Image.open(data.train[3].path))
    assert np.array_equal(pixels, np.random.default_rng(3).integers(0, 255, (30, 40, 3), np.uint8))


def test_pattern_of_one_side_is_split_anew(tmp_path: Path) -> None:
    for name, seed in (
        ("train-00000-of-00002", 0),
        ("train-00001-of-00002", 1),
        ("val-00000-of-00001", 2),
    ):
        write_records(tmp_path / "set" / name, record(seed))
    data = load_dataset(
        tmp_path / "set" / "train-*", clean=False, seed=0, work_dir=tmp_path / "work"
    )
    assert (len(data.train), len(data.eval)) == (1, 1)
    assert {sample.image_id for sample in data.train + data.eval} == {"0", "1"}


def test_pictures_are_laid_out_once(tmp_path: Path) -> None:
    write_records(tmp_path / "set" / "a.record", record(0), record(1))
    first = {
        entry.path: entry.path.stat().st_mtime_ns
        for entry in read_listing(tmp_path / "set", work_dir=tmp_path / "work").entries
    }
    again = {
        entry.path: entry.path.stat().st_mtime_ns
        for entry in read_listing(tmp_path / "set", work_dir=tmp_path / "work").entries
    }
    assert len(first) == 2
    assert first == again
    assert {path.parent for path in first} == {tmp_path / "work" / "pictures"}


def test_label_map_names_the_classes_and_keeps_the_ids(tmp_path: Path) -> None:
    for number in range(5):
        write_records(tmp_path / "set" / f"a{number}.record", record(number, text=None))
    (tmp_path / "set" / "label_map.pbtxt").write_text(
        'item {\n  id: 90\n  name: \'toothbrush\'\n}\nitem {\n  name: "zebra \\"x\\""\n  id: 7\n}\n'
    )
    data = load_dataset(tmp_path / "set", clean=False, seed=0, work_dir=tmp_path / "work")
    assert (data.label_names, data.category_ids) == (('zebra "x"', "toothbrush"), (7, 90))
    assert data.train[0].labels.tolist() == [0]


@pytest.mark.parametrize("key", ["is_crowd", "difficult"])
def test_marks(tmp_path: Path, key: str) -> None:
    write_records(tmp_path / "set" / "a.record", record(**{key: 1}))
    (entry,) = read_listing(tmp_path / "set", work_dir=tmp_path / "work").entries
    assert entry.annotation.ignored.tolist() == [True]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"encoded": None}, "a.tfrecord#0: expected a picture in image/encoded, found none"),
        ({"xmin": [0.1, 0.2]}, "a.tfrecord#0: expected as many classes and marks as boxes"),
        ({"text": b"", "label": 0}, "a.tfrecord#0: object 1: expected a class name and four"),
        ({"xmax": float("nan")}, "a.tfrecord#0: object 1: expected a class name and four numbers"),
    ],
)
def test_records_that_cannot_be_used(tmp_path: Path, changes: dict, problem: str) -> None:
    assert complaint(tmp_path, **changes).startswith(problem)


def test_a_record_without_a_size_takes_the_picture_s(tmp_path: Path) -> None:
    write_records(tmp_path / "set" / "a.record", record(height=None))
    (entry,) = read_listing(tmp_path / "set", work_dir=tmp_path / "work").entries
    assert np.allclose(entry.annotation.boxes, [[3, 10, 6, 30]])


LABEL_MAP = """item {
  name: "/m/0898b"
  id: 7
  display_name: "zebra"
  keypoints { id: 90 label: 'nose' }
}
item { name: "horse" id: 8 }
"""


def classes(tmp_path: Path, label_map: str = "", **changes: object) -> tuple[str, ...]:
    """The classes of a record beside a label map."""
    write_records(tmp_path / "set" / "a.record", record(**changes))
    if label_map:
        (tmp_path / "set" / "label_map.pbtxt").write_text(label_map, encoding="utf-8")
    (entry,) = read_listing(tmp_path / "set", work_dir=tmp_path / "work").entries
    return entry.annotation.names


@pytest.mark.parametrize(
    "changes", [{}, {"text": b"/m/0898b"}, {"text": None}, {"label": None}, {"label": 0}]
)
def test_the_display_name_is_the_class(tmp_path: Path, changes: dict) -> None:
    assert classes(tmp_path, LABEL_MAP, **changes) == ("zebra",)


@pytest.mark.parametrize(
    ("changes", "label_map", "problem"),
    [
        (
            {"text": b"okapi"},
            LABEL_MAP,
            "a.record#0: expected the class 'okapi' in the label map .*found only",
        ),
        (
            {"text": None, "label": 90},
            LABEL_MAP,
            "a.record#0: expected the class id 90 in the label map",
        ),
        ({"label": 8}, LABEL_MAP, "text 'zebra' and image/object/class/label 8, which is 'horse'"),
        ({"text": None}, "", "or a label map .* beside the records, found neither for the class 7"),
        ({"xmax": 30.0}, "", "expected shares .*0..1.* found 30 in a.record#0: these are pixels"),
    ],
)
def test_records_that_would_be_read_wrong_are_refused(
    tmp_path: Path, changes: dict, label_map: str, problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        classes(tmp_path, label_map, **changes)


def test_folders_of_sides_with_a_label_map_each(tmp_path: Path) -> None:
    for seed, side in enumerate(("train", "valid", "test")):
        write_records(tmp_path / "set" / side / "zebras.tfrecord", record(seed))
        (tmp_path / "set" / side / "zebras_label_map.pbtxt").write_text(LABEL_MAP)
    listing = read_listing(tmp_path / "set", work_dir=tmp_path / "work")
    assert [(entry.image_id, entry.usage) for entry in listing.entries] == [
        ("0", "train"),
        ("1", "eval"),
    ]
    assert "'test' are left out" in listing.warnings[0]
    (tmp_path / "set" / "valid" / "zebras_label_map.pbtxt").write_text('item { id: 1 name: "x" }')
    with pytest.raises(DataError, match="expected one label map, found .* differ"):
        read_listing(tmp_path / "set", work_dir=tmp_path / "work")


def test_a_real_export(shared_dir: Path, tmp_path: Path) -> None:
    path = exports(shared_dir, "tf_detection_api_dataset")
    train, evaluated = sorted(
        read_listing(path, work_dir=tmp_path).entries, key=lambda entry: entry.image_id
    )
    assert (train.annotation.names, train.usage) == (("label_2", "label_3"), "train")
    assert train.annotation.boxes.tolist() == [[4, 0, 12, 4], [4, 0, 8, 4]]
    assert len(train.annotation.complaints) == 1
    assert (evaluated.annotation.names, evaluated.usage) == (("label_3",), "eval")
    assert evaluated.annotation.boxes.tolist() == [[2, 1, 4, 5]]


def test_records_without_pictures_are_named(shared_dir: Path, tmp_path: Path) -> None:
    path = exports(shared_dir, "roboflow_dataset/tfrecord")
    (first, *_) = read_listing(path, work_dir=tmp_path).entries
    assert str(first.complaints[0]).endswith("expected a picture in image/encoded, found none")


def test_record_that_is_no_example(tmp_path: Path) -> None:
    write_records(tmp_path / "set" / "a.record", b"\xff\xff\xff")
    (entry,) = read_listing(tmp_path / "set", work_dir=tmp_path / "work").entries
    assert "expected a tf.train.Example" in str(entry.complaints[0])


def test_missing_shard_is_named(tmp_path: Path) -> None:
    write_records(tmp_path / "train-00000-of-00002", record())
    with pytest.raises(DataError, match="found no train-00001-of-00002"):
        read_listing(tmp_path)


def test_a_shard_that_another_folder_has_is_missing(tmp_path: Path) -> None:
    write_records(tmp_path / "train" / "a-00000-of-00002", record())
    for number in range(2):
        write_records(tmp_path / "val" / f"a-0000{number}-of-00002", record(number + 1))
    with pytest.raises(DataError, match="found no a-00001-of-00002"):
        read_listing(tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-20], lambda data: data[:-9] + b"?" + data[-8:]]
)
def test_damaged_file_is_refused(tmp_path: Path, damage) -> None:
    file = write_records(tmp_path / "set" / "a.record", record(0), record(1))
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(
        DataError, match=r"expected whole records in .*a\.record, found damage after record 0"
    ):
        read_listing(tmp_path / "set", work_dir=tmp_path / "work")


def test_content_tells_a_record_file(tmp_path: Path) -> None:
    assert is_record_file(write_records(tmp_path / "anything", record()))
    (tmp_path / "train-00000-of-00001").write_bytes(b"this is not a record file")
    assert not is_record_file(tmp_path / "train-00000-of-00001")


def test_pictures_go_where_they_are_told_and_not_into_the_work_dir(tmp_path):
    source = write_sample_dataset(tmp_path / "scenes", count=10, seed=0, size=48)
    convert(source, tmp_path / "records", "tfrecord", workers=1)
    work, pictures = tmp_path / "work", tmp_path / "pictures"
    work.mkdir()
    dataset = load_dataset(
        tmp_path / "records", clean=False, seed=0, work_dir=work, pictures_dir=pictures
    )
    assert all(
        Path(sample.path).is_relative_to(pictures) for sample in (*dataset.train, *dataset.eval)
    )
    assert not list(work.rglob("*.jpg"))


@pytest.mark.parametrize("content", [b"", b"cut"])
def test_an_empty_file_of_one_side_is_refused_not_passed_over(
    tmp_path: Path, content: bytes
) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "val.tfrecord")) as stream:
        stream.write(record())
    (tmp_path / "train.tfrecord").write_bytes(content)
    with pytest.raises(DataError, match=r"1 file\(s\) without a whole record.* train.tfrecord"):
        read_listing(tmp_path)
    (tmp_path / "val.tfrecord").unlink()
    with pytest.raises(DataError, match="looks like TFRecord, but found 1 file"):
        read_listing(tmp_path)


def test_suffixes_of_records_in_any_case(tmp_path: Path) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "Train.TFRecord")) as stream:
        stream.write(record())
    assert len(tuple(read_listing(tmp_path).entries)) == 1
