"""Batches: shapes, padding, order, exact resume and errors."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from algorithm.data import load_dataset
from algorithm.data.pipeline import box_room, eval_batches, reading_errors, steps_per_epoch, train_batches
from algorithm.data.sample import Sample
from algorithm.errors import DataError
from algorithm.ops.image import letterbox, normalize

INPUT = {"image_size": (32, 48), "mean": 127.0, "std": 128.0}


@pytest.fixture
def samples(make_manifest, tmp_path: Path) -> tuple[Sample, ...]:
    data = load_dataset(make_manifest(10), clean=False, seed=0, work_dir=tmp_path)
    return data.train + data.eval


def first(samples: tuple[Sample, ...], count: int, **options: object) -> list[dict[str, np.ndarray]]:
    batches = train_batches(samples, **{**INPUT, "batch_size": 4, "seed": 5, **options})
    return list(itertools.islice(batches.as_numpy_iterator(), count))


def same(left: list[dict], right: list[dict]) -> bool:
    return len(left) == len(right) and all(np.array_equal(one[key], other[key]) for one, other in
                                           zip(left, right, strict=True) for key in one)


def test_shapes_and_padding(samples) -> None:
    batch = first(samples, 1, jitter=(1.0, 1.0), flip=False)[0]
    assert {key: (value.shape, value.dtype.name) for key, value in batch.items()} == {
        "images": ((4, 32, 48, 3), "float32"), "boxes": ((4, 8, 4), "float32"), "labels": ((4, 8), "int32"),
        "sample_index": ((4,), "int32")}
    for row, index in enumerate(batch["sample_index"]):
        assert batch["labels"][row].tolist() == [samples[index].labels[0], *[-1] * 7]
        # 40x30 into 48x32 (width x height): scale 32/30, int(40 * 32/30) = 42 columns of 40
        expected = samples[index].boxes[0] * [32 / 30, 42 / 40, 32 / 30, 42 / 40]
        assert np.allclose(batch["boxes"][row][0], expected)
        assert not batch["boxes"][row][1:].any()


def test_static_shapes(samples) -> None:
    spec = train_batches(samples, **INPUT, batch_size=4, seed=0).element_spec
    assert all(part.shape.is_fully_defined() for part in spec.values())
    assert all(part.shape.is_fully_defined()
               for part in eval_batches(samples, **INPUT, batch_size=4).element_spec.values())


def test_each_epoch_is_another_order_of_distinct_samples(samples) -> None:
    assert steps_per_epoch(10, 4) == 2
    batches = first(samples, 40)
    epochs = [np.concatenate([batch["sample_index"] for batch in batches[at:at + 2]]) for at in range(0, 40, 2)]
    assert all(len(set(epoch.tolist())) == 8 for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 20
    counts = Counter(np.concatenate(epochs).tolist())
    assert set(counts) == set(range(10))  # what one epoch leaves out, another brings
    assert min(counts.values()) > 8


@pytest.mark.parametrize("start", [1, 2, 3, 7])
def test_resume_is_exact(samples, start: int) -> None:
    assert same(first(samples, 9)[start:], first(samples, 9 - start, start_step=start))


def test_seed_decides_everything(samples) -> None:
    assert same(first(samples, 3), first(samples, 3))
    assert not same(first(samples, 3), first(samples, 3, seed=6))


def test_a_picture_looks_different_in_every_epoch(samples) -> None:
    views = {batch["images"][row].tobytes() for batch in first(samples[:1], 3, batch_size=2) for row in range(2)}
    assert len(views) == 6


def test_fewer_samples_than_a_batch_repeat(samples) -> None:
    assert steps_per_epoch(3, 4) == 1
    batch = first(samples[:3], 1)[0]
    assert sorted(Counter(batch["sample_index"].tolist()).values()) == [1, 1, 2]


def test_crowd_objects_do_not_train(samples) -> None:
    crowd = [replace(sample, is_crowd=np.array([True])) for sample in samples]
    batch = first(crowd, 1)[0]
    assert (batch["labels"].max(), batch["boxes"].max()) == (-1, 0)


@pytest.mark.parametrize(("most", "room"), [(0, 8), (1, 8), (8, 8), (9, 16), (100, 104)])
def test_room_for_any_number_of_boxes(samples, most: int, room: int) -> None:
    full = replace(samples[0], boxes=np.tile(samples[0].boxes, (most, 1)), labels=np.zeros(most, np.int32),
                   is_crowd=np.zeros(most, bool))
    assert box_room([full]) == room
    batch = first([full], 1, jitter=(1.0, 1.0))[0]
    assert (batch["labels"] >= 0).sum(1).tolist() == [most] * 4
    if most > 8:
        with pytest.raises(ValueError, match=f"expected max_boxes of at least {room}, found 8"):
            first([full], 1, max_boxes=8)


def test_evaluation_sees_each_picture_once_and_whole(samples) -> None:
    batches = list(eval_batches(samples, **INPUT, batch_size=4).as_numpy_iterator())
    assert np.concatenate([batch["sample_index"] for batch in batches]).tolist() == [*range(10), -1, -1]
    assert batches[0]["scale"].tolist() == pytest.approx([32 / 30] * 4)
    expected, _ = letterbox(normalize(tf.image.decode_png(tf.io.read_file(samples[0].path)), 127.0, 128.0), (32, 48))
    assert np.allclose(batches[0]["images"][0], expected, atol=1e-5)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(path.read_bytes()[:-500]),
                                    lambda path: path.unlink()], ids=["truncated", "gone"])
@pytest.mark.parametrize("make", [train_batches, eval_batches])
def test_a_picture_that_cannot_be_read_is_named(samples, tmp_path: Path, damage, make) -> None:
    bad = tmp_path / "坏 图.png"
    bad.write_bytes(Path(samples[0].path).read_bytes())
    damage(bad)
    options = {"seed": 0} if make is train_batches else {}
    batches = make([replace(sample, path=str(bad)) for sample in samples], **INPUT, batch_size=2, **options)
    with pytest.raises(DataError) as caught, reading_errors():
        next(iter(batches))
    assert str(caught.value).startswith(f"expected a readable picture, found {bad}: the picture")
    assert str(caught.value).endswith("or run with --do_data_cleaning=True")


def test_other_errors_pass_through() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), reading_errors():
        tf.ensure_shape(tf.zeros([2]), [3])
