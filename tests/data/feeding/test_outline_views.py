"""Masks in training batches: they lie on what the picture of the batch shows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from algorithm.data.feeding.augmentation import Augmentation
from algorithm.data.feeding.flip_crop_scale import View
from algorithm.data.feeding.outline_views import corners, grid_masks, move_of, moved
from algorithm.data.feeding.outline_views import outlined_objects as objects_of
from algorithm.data.feeding.pipeline import train_batches
from algorithm.data.outlines import Polygons, RunLengths, run_lengths
from algorithm.data.sample import Sample

STILL = Augmentation(flip=False, jitter=(1.0, 1.0))
SIZE = (96, 128)


def block(top, left, bottom, right):
    return Polygons((corners(top, left, bottom, right).astype(np.float32),))


def sample(outlines, boxes, *, size=SIZE, path=""):
    return Sample(
        image_id=path,
        path=path,
        source=path,
        width=size[1],
        height=size[0],
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.arange(len(boxes), dtype=np.int32),
        is_crowd=np.zeros(len(boxes), bool),
        usage="train",
        outlines=tuple(outlines),
    )


def seen(one, view, image_size):
    objects = objects_of(one, one.labels)
    after = moved(objects, move_of(view), corners(0, 0, *view.shape))
    boxes = np.array([[0, 0, *view.shape]] * len(objects), np.float32)
    return grid_masks(after, boxes, image_size, 8)


def test_a_letterboxed_block_covers_whole_cells():
    one = sample([block(10, 5, 30, 45)], [[10, 5, 30, 45]], size=(480, 640))
    masks = seen(one, View(1, (0, 0, 480, 640), (384, 512), False), (512, 512))
    expected = np.zeros((8, 128, 128), np.uint8)
    expected[0, 2:6, 1:9] = 255
    np.testing.assert_array_equal(masks, expected)


def test_a_flip_goes_by_edges_and_shares_are_areas():
    one = sample([block(0, 10, 4, 30)], [[0, 10, 4, 30]], size=(4, 100))
    masks = seen(one, View(1, (0, 0, 4, 100), (4, 100), True), (4, 100))
    row = masks[0, 0]
    assert np.flatnonzero(row).tolist() == [17, 18, 19, 20, 21, 22]
    assert row[17] == row[22] == 128 and (row[18:22] == 255).all()


def test_run_lengths_are_seen_as_their_polygon():
    polygon = Polygons((np.array([[20, 10], [100, 30], [60, 90]], np.float32),))
    encoded = run_lengths(polygon, *SIZE)
    counts = RunLengths(*SIZE, encoded["counts"])
    boxes = [[10, 20, 90, 100]] * 2
    view = View(2, (6, 10, 40, 50), (80, 100), True)
    masks = seen(sample([polygon, counts], boxes), view, (96, 128)).astype(int)
    assert masks[0].sum() > 255 * 60
    assert np.abs(masks[0] - masks[1]).mean() < 2
    assert abs(masks[0].sum() / masks[1].sum() - 1) < 0.02


def test_what_was_cut_off_stays_away():
    one = sample([block(0, 0, 96, 128)], [[0, 0, 96, 128]])
    objects = moved(
        objects_of(one, one.labels), np.array([[1.0, 0, 8], [0, 1, 4]]), corners(4, 8, 20, 32)
    )
    masks = grid_masks(objects, np.array([[0, 0, 96, 128]], np.float32), (96, 128), 1)
    expected = np.zeros((24, 32))
    expected[1:5, 2:8] = 255
    np.testing.assert_array_equal(masks[0], expected)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """White shapes on black, one with a polygon, one with run lengths and one without an outline."""
    folder, rng, found = tmp_path_factory.mktemp("shapes"), np.random.default_rng(3), []
    for number in range(6):
        size = (int(rng.integers(90, 140)), int(rng.integers(90, 140)))
        middle, radius = np.array(size)[::-1] / 2, 30 + number
        angles = np.linspace(0, 2 * np.pi, 7)[:-1] + number
        points = middle + radius * np.stack([np.cos(angles), 0.8 * np.sin(angles)], axis=1)
        polygon = Polygons((points.astype(np.float32),))
        pixels = coco_mask.decode(run_lengths(polygon, *size))
        path = folder / f"{number}.png"
        Image.fromarray(pixels * 255).convert("RGB").save(path)
        rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
        box = [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]
        outline = (polygon, RunLengths(*size, run_lengths(polygon, *size)["counts"]))[number % 2]
        found.append(sample([outline], [box], size=size, path=str(path)))
    return found


@pytest.mark.parametrize(
    "augmentation",
    [
        STILL,
        Augmentation(jitter=(0.5, 2.0)),
        Augmentation(jitter=(1.0, 1.0), mosaic=1.0),
        Augmentation(jitter=(0.8, 1.6), mosaic=0.5),
    ],
)
def test_masks_lie_on_the_shapes_that_the_picture_shows(pictures, augmentation):
    batches = train_batches(
        pictures,
        image_size=(128, 160),
        batch_size=6,
        seed=1,
        augmentation=augmentation,
        masks=True,
    )
    compared = 0
    for batch in itertools.islice(batches.as_numpy_iterator(), 3):
        assert batch["masks"].dtype == np.uint8
        assert batch["masks"].shape == (6, batch["boxes"].shape[1], 32, 40)
        for image, boxes, labels, masks in zip(
            batch["images"], batch["boxes"], batch["labels"], batch["masks"], strict=True
        ):
            assert not masks[labels < 0].any()
            white = (image[..., 0] > 127).reshape(32, 4, 40, 4).mean(axis=(1, 3))
            together = masks.astype(float).sum(axis=0) / 255
            inside = Image.new("1", (160, 128))
            for box in boxes[labels >= 0]:
                ImageDraw.Draw(inside).rectangle(box[[1, 0, 3, 2]].tolist(), fill=1)
            inside = np.asarray(inside).reshape(32, 4, 40, 4).all(axis=(1, 3))
            if inside.sum() > 20:
                compared += 1
                assert np.abs(white - together)[inside].mean() < 0.06
    assert compared >= 10


def test_only_the_masks_are_added(pictures):
    settings = {"image_size": (64, 96), "batch_size": 3, "seed": 4}
    settings["augmentation"] = Augmentation(mosaic=0.5)
    plain, masked = (
        next(train_batches(pictures, **settings, masks=masks).as_numpy_iterator())
        for masks in (False, True)
    )
    assert set(masked) - set(plain) == {"masks"}
    for name, value in plain.items():
        np.testing.assert_array_equal(value, masked[name])


def test_an_object_without_an_outline_has_an_empty_mask(pictures):
    first = pictures[0]
    bare = sample([None, first.outlines[0]], [first.boxes[0]] * 2, path=first.path)
    batch = next(
        train_batches(
            [bare], image_size=(64, 64), batch_size=1, seed=0, augmentation=STILL, masks=True
        ).as_numpy_iterator()
    )
    assert not batch["masks"][0, 0].any() and batch["masks"][0, 1].any()
    assert batch["labels"][0, :2].tolist() == [0, 1]
