"""Batches: shapes, padding, order, exact resume and errors."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from algorithm.data import load_dataset
from algorithm.data.feeding.augmentation import Augmentation
from algorithm.data.feeding.augmentations.colour import Colour
from algorithm.data.feeding.batch_order import steps_per_epoch
from algorithm.data.feeding.decoding import decode_image
from algorithm.data.feeding.picture_reader import reading_errors
from algorithm.data.feeding.pipeline import eval_batches, train_batches
from algorithm.data.feeding.training_views import box_room
from algorithm.data.sample import Sample
from algorithm.errors import DataError
from algorithm.ops.image import letterbox, network_input, normalize

INPUT = {"image_size": (32, 48)}
STILL = Augmentation(flip=False, jitter=(1.0, 1.0))


@pytest.fixture
def samples(make_manifest, tmp_path: Path) -> tuple[Sample, ...]:
    data = load_dataset(make_manifest(10), clean=False, seed=0, work_dir=tmp_path)
    return data.train + data.eval


def first(
    samples: tuple[Sample, ...], count: int, **options: object
) -> list[dict[str, np.ndarray]]:
    batches = train_batches(samples, **{**INPUT, "batch_size": 4, "seed": 5, **options})
    return list(itertools.islice(batches.as_numpy_iterator(), count))


def seen(batch: dict[str, np.ndarray]) -> np.ndarray:
    """What the network sees of a batch."""
    return network_input(
        tf.constant(batch["images"]), tf.constant(batch["extent"]), 127.0, 128.0
    ).numpy()


def same(left: list[dict], right: list[dict]) -> bool:
    return len(left) == len(right) and all(
        np.array_equal(one[key], other[key])
        for one, other in zip(left, right, strict=True)
        for key in one
    )


def test_shapes_and_padding(samples) -> None:
    batch = first(samples, 1, augmentation=STILL)[0]
    assert {key: (value.shape, value.dtype.name) for key, value in batch.items()} == {
        "images": ((4, 32, 48, 3), "uint8"),
        "extent": ((4, 2), "int32"),
        "boxes": ((4, 8, 4), "float32"),
        "labels": ((4, 8), "int32"),
        "sample_index": ((4,), "int32"),
    }
    assert batch["extent"].tolist() == [[32, 42]] * 4
    for row, index in enumerate(batch["sample_index"]):
        assert batch["labels"][row].tolist() == [samples[index].labels[0], *[-1] * 7]
        # 40x30 into 48x32 (width x height): scale 32/30, int(40 * 32/30) = 42 columns of 40
        expected = samples[index].boxes[0] * [32 / 30, 42 / 40, 32 / 30, 42 / 40]
        assert np.allclose(batch["boxes"][row][0], expected)
        assert not batch["boxes"][row][1:].any()


def test_static_shapes(samples) -> None:
    spec = train_batches(samples, **INPUT, batch_size=4, seed=0).element_spec
    assert all(part.shape.is_fully_defined() for part in spec.values())
    assert all(
        part.shape.is_fully_defined()
        for part in eval_batches(samples, **INPUT, batch_size=4).element_spec.values()
    )


def test_each_epoch_is_another_order_of_distinct_samples(samples) -> None:
    assert steps_per_epoch(10, 4) == 2
    batches = first(samples, 40)
    epochs = [
        np.concatenate([batch["sample_index"] for batch in batches[at : at + 2]])
        for at in range(0, 40, 2)
    ]
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
    views = {
        batch["images"][row].tobytes()
        for batch in first(samples[:1], 3, batch_size=2)
        for row in range(2)
    }
    assert len(views) == 6


def test_fewer_samples_than_a_batch_repeat(samples) -> None:
    assert steps_per_epoch(3, 4) == 1
    batch = first(samples[:3], 1)[0]
    assert sorted(Counter(batch["sample_index"].tolist()).values()) == [1, 1, 2]


def test_a_crowd_comes_along_under_a_label_of_its_own(samples) -> None:
    """Crowds were left out once, and their pixels trained as background."""
    crowd = [replace(sample, is_crowd=np.array([True])) for sample in samples]
    batch, plain = first(crowd, 1)[0], first(samples, 1)[0]
    np.testing.assert_array_equal(batch["boxes"], plain["boxes"])
    np.testing.assert_array_equal(batch["labels"], np.where(plain["labels"] < 0, -1, -2))


@pytest.mark.parametrize(("most", "room"), [(0, 8), (1, 8), (8, 8), (9, 16), (100, 104)])
def test_room_for_any_number_of_boxes(samples, most: int, room: int) -> None:
    full = replace(
        samples[0],
        boxes=np.tile(samples[0].boxes, (most, 1)),
        labels=np.zeros(most, np.int32),
        is_crowd=np.zeros(most, bool),
    )
    assert box_room([full]) == room
    batch = first([full], 1, augmentation=STILL)[0]
    assert (batch["labels"] >= 0).sum(1).tolist() == [most] * 4
    if most > 8:
        with pytest.raises(ValueError, match=f"expected max_boxes of at least {room}, found 8"):
            first([full], 1, max_boxes=8)


def test_evaluation_sees_each_picture_once_and_whole(samples) -> None:
    batches = list(eval_batches(samples, **INPUT, batch_size=4).as_numpy_iterator())
    assert np.concatenate([batch["sample_index"] for batch in batches]).tolist() == [
        *range(10),
        -1,
        -1,
    ]
    assert batches[0]["scale"].tolist() == pytest.approx([32 / 30] * 4)
    expected, _ = letterbox(
        normalize(tf.image.decode_png(tf.io.read_file(samples[0].path)), 127.0, 128.0), (32, 48)
    )
    assert np.allclose(seen(batches[0])[0], expected, atol=2e-4)


@pytest.mark.parametrize(
    "damage",
    [lambda path: path.write_bytes(path.read_bytes()[:-500]), lambda path: path.unlink()],
    ids=["truncated", "gone"],
)
@pytest.mark.parametrize("make", [train_batches, eval_batches])
def test_a_picture_that_cannot_be_read_is_named(samples, tmp_path: Path, damage, make) -> None:
    bad = tmp_path / "坏 图.png"
    bad.write_bytes(Path(samples[0].path).read_bytes())
    damage(bad)
    options = {"seed": 0} if make is train_batches else {}
    batches = make(
        [replace(sample, path=str(bad)) for sample in samples], **INPUT, batch_size=2, **options
    )
    with pytest.raises(DataError) as caught, reading_errors():
        next(iter(batches))
    assert str(caught.value).startswith(f"expected a readable picture, found {bad}: the picture")
    assert str(caught.value).endswith("or run with --do_data_cleaning=True")


def test_other_errors_pass_through() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), reading_errors():
        tf.ensure_shape(tf.zeros([2]), [3])


@pytest.fixture
def photos(tmp_path: Path) -> list[Sample]:
    """Smooth JPEG pictures of 240x180, each with a white rectangle on black and its box."""
    samples = []
    for number in range(8):
        pixels = np.zeros((180, 240, 3), np.uint8)
        pixels[40:120, 60:180] = 255
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg", quality=95)
        samples.append(
            Sample(
                str(number),
                str(tmp_path / f"{number}.jpg"),
                f"{number}.jpg",
                240,
                180,
                np.float32([[40, 60, 120, 180]]),
                np.int32([number]),
                np.array([False]),
                "train",
            )
        )
    return samples


@pytest.mark.parametrize("image_size", [(32, 48), (96, 96), (400, 300)], ids=str)
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_boxes_bound_their_pixels(
    photos, tmp_path: Path, kind: str, image_size: tuple[int, int]
) -> None:
    for sample in photos:
        Image.open(sample.path).save(
            Path(sample.path).with_suffix(f".{kind}"), **({"quality": 95} if kind == "jpg" else {})
        )
    photos = [
        replace(sample, path=str(Path(sample.path).with_suffix(f".{kind}"))) for sample in photos
    ]
    shown = 0
    for batch in first(
        photos, 6, image_size=image_size, augmentation=Augmentation(jitter=(0.3, 2.0))
    ):
        for image, boxes, labels in zip(
            batch["images"], batch["boxes"], batch["labels"], strict=True
        ):
            white = image[..., 0] > 127
            if labels[0] < 0:
                assert white.mean() < 0.02
                continue
            rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
            if (boxes[0, 2:] - boxes[0, :2]).min() >= 3:
                found = [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]
                assert (
                    np.abs(found - boxes[0]).max() <= 2.1
                )  # a pixel decoded, a pixel interpolated
                shown += 1
    assert shown > 12


def test_a_view_is_what_the_whole_picture_resized_would_show(photos) -> None:
    batch = first(photos, 1, image_size=(90, 120), augmentation=STILL, batch_size=8)[0]
    for image, index in zip(seen(batch), batch["sample_index"], strict=True):
        whole = tf.image.decode_jpeg(tf.io.read_file(photos[index].path))
        expected, _ = letterbox(
            normalize(tf.image.resize(whole, (90, 120), antialias=True), 127.0, 128.0), (90, 120)
        )
        assert np.abs(image - expected).mean() < 0.03  # decoded at half size, which smooths


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(policy="v1", grid_mask=True, cutout=0.5, mosaic=0.5, mosaic_epochs=2),
        Augmentation(colour=Colour(0.2, 0.2, 0.2, 0.1)),
    ],
    ids=["pictures", "colour"],
)
def test_resume_is_exact_with_every_augmentation(photos, augmentation: Augmentation) -> None:
    options = {"augmentation": augmentation, "batch_size": 4}
    assert same(first(photos, 6, **options)[3:], first(photos, 3, start_step=3, **options))
    assert not same(
        first(photos, 2, **options), first(photos, 2, batch_size=4, augmentation=Augmentation())
    )


def test_room_for_the_boxes_of_a_mosaic(photos) -> None:
    many = [
        replace(
            sample,
            boxes=sample.boxes.repeat(5, 0),
            labels=sample.labels.repeat(5),
            is_crowd=sample.is_crowd.repeat(5),
        )
        for sample in photos
    ]
    batch = first(many, 1, augmentation=Augmentation(mosaic=1.0, jitter=(1.0, 1.0)))[0]
    assert box_room(many, 4) == batch["boxes"].shape[1] == 24
    assert (batch["labels"] >= 0).sum(1).max() > 5
    with pytest.raises(ValueError, match="expected max_boxes of at least 24, found 8"):
        first(many, 1, augmentation=Augmentation(mosaic=1.0), max_boxes=8)


def test_workers_share_each_batch(photos) -> None:
    whole = first(photos, 4, batch_size=4)
    parts = [first(photos, 4, batch_size=4, shard=(number, 2)) for number in range(2)]
    joined = [
        {key: np.concatenate([left[key], right[key]]) for key in left}
        for left, right in zip(*parts, strict=True)
    ]
    assert same(whole, joined)
    assert same(parts[1][3:], first(photos, 1, batch_size=4, shard=(1, 2), start_step=3))
    rows = [
        [
            batch["sample_index"].tolist()
            for batch in eval_batches(
                photos[:6], **INPUT, batch_size=4, shard=(number, 2)
            ).as_numpy_iterator()
        ]
        for number in range(2)
    ]
    assert rows == [[[0, 1], [4, 5]], [[2, 3], [-1, -1]]]
    with pytest.raises(ValueError, match="found worker 0 of 3 and batch_size 4"):
        first(photos, 1, batch_size=4, shard=(0, 3))


@pytest.mark.parametrize("make", [train_batches, eval_batches])
@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-300], lambda data: data.replace(b"\xff\xda", b"\xff\xd9", 1)],
    ids=["truncated", "no pixels"],
)
def test_a_damaged_jpeg_is_named(photos, make, damage) -> None:
    bad = Path(photos[5].path)
    bad.write_bytes(damage(bad.read_bytes()))
    options = {"seed": 0} if make is train_batches else {}
    with (
        pytest.raises(DataError, match=rf"readable picture, found .*{bad.name}: the .*damaged"),
        reading_errors(),
    ):
        list(make(photos, **INPUT, batch_size=8, **options).take(1))


def test_evaluation_of_jpeg_pictures_is_exact(photos) -> None:
    batch = next(eval_batches(photos, **INPUT, batch_size=8).as_numpy_iterator())
    expected, _ = letterbox(
        normalize(decode_image(Path(photos[0].path).read_bytes(), "p"), 127.0, 128.0), (32, 48)
    )
    assert np.allclose(seen(batch)[0], expected, atol=2e-4)
