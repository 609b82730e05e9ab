"""Masks in training batches: they lie on what the picture of the batch shows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from algorithm.data.feeding.augmentation import Augmentation
from algorithm.data.feeding.augmentations import autoaugment, warp
from algorithm.data.feeding.augmentations.autoaugment import apply_policy
from algorithm.data.feeding.augmentations.policies import POLICIES
from algorithm.data.feeding.augmentations.warp import move_from, rotation, shear, translation
from algorithm.data.feeding.flip_crop_scale import View
from algorithm.data.feeding.outline_views import corners, grid_masks, move_of, moved
from algorithm.data.feeding.outline_views import outlined_objects as objects_of
from algorithm.data.feeding.pipeline import train_batches
from algorithm.data.outlines import Polygons, RunLengths, run_lengths
from algorithm.data.sample import Sample

STILL = Augmentation(flip=False, jitter=(1.0, 1.0))
SIZE = (96, 128)
MOVES = (
    (("Rotate_BBox", 1.0, 8), ("TranslateX_BBox", 1.0, 1)),
    (("ShearX_BBox", 1.0, 8), ("ShearY_BBox", 1.0, 8)),
    (("TranslateY_BBox", 1.0, 1), ("Flip_Only_BBoxes", 3.0, 0)),
)


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


# A block of rows 40 to 80 and columns 60 to 120 of 140 x 200, and where its corners (x, y) go.
CORNERS = [[60, 40], [120, 40], [120, 80], [60, 80]]
WARPS = {
    "right and up": (translation(10, -20), [[70, 20], [130, 20], [130, 60], [70, 60]]),
    "left by y / 2": (shear(0.5, 0), [[40, 40], [100, 40], [80, 80], [20, 80]]),
    "half a turn": (rotation(180, (200, 140)), [[140, 100], [80, 100], [80, 60], [140, 60]]),
}


def after_policy(one, operation, monkeypatch, probability=1.0):
    """The object of a sample after an operation of a learned policy at its greatest strength."""
    monkeypatch.setitem(POLICIES, "one", (((operation, probability, 10),),))
    picture = Image.new("RGB", (one.width, one.height))
    boxes, objects = one.boxes, objects_of(one, one.labels)
    return apply_policy("one", picture, boxes, objects, np.random.default_rng(0))


@pytest.mark.parametrize("name", WARPS)
def test_corners_go_where_a_warp_takes_them(name):
    source, expected = WARPS[name]
    move = move_from(source)
    np.testing.assert_allclose(CORNERS @ move[:, :2].T + move[:, 2], expected, atol=1e-9)


@pytest.mark.parametrize("form", ["polygon", "runs"])
def test_an_outline_is_sheared_with_its_picture(form, monkeypatch):
    """Left by 0.3 y: columns 60 to 120 of the upper edge become 48 to 108, of the lower 36 to 96."""
    outline = block(40, 60, 80, 120)
    if form == "runs":
        outline = RunLengths(140, 200, run_lengths(outline, 140, 200)["counts"])
    one = sample([outline], [[40, 60, 80, 120]], size=(140, 200))
    monkeypatch.setattr(autoaugment, "_signed", lambda greatest, strength, rng: greatest)
    _, boxes, objects = after_policy(one, "ShearX_BBox", monkeypatch)
    np.testing.assert_allclose(boxes, [[40, 36, 80, 108]], atol=1e-4)
    shares = grid_masks(objects, boxes, (140, 200), 1)[0] / 255
    # Rows 40 to 44 lie left by 12.15 to 13.05, 12.6 on average: columns 47.4 to 107.4.
    assert np.flatnonzero(shares[10] > 0.5).tolist() == list(range(12, 27))
    # Rows 76 to 80 lie left by 23.4 on average: columns 36.6 to 96.6.
    assert np.flatnonzero(shares[19] > 0.5).tolist() == list(range(9, 24))
    assert shares.sum() == pytest.approx(60 * 40 / 16, abs=3)


def test_what_a_policy_pushes_out_stays_away(monkeypatch):
    """Down by 250 of 300 rows and up again: only the uppermost 50 rows are left."""
    one = sample([block(0, 0, 300, 40)], [[0, 0, 300, 40]], size=(300, 40))
    signs = iter([1, -1])
    monkeypatch.setattr(autoaugment, "_signed", lambda greatest, *_: next(signs) * greatest)
    steps = (("TranslateY_BBox", 1.0, 10), ("TranslateY_BBox", 1.0, 10))
    monkeypatch.setitem(POLICIES, "one", (steps,))
    picture, objects = Image.new("RGB", (40, 300)), objects_of(one, one.labels)
    _, _, objects = apply_policy("one", picture, one.boxes, objects, np.random.default_rng(0))
    shares = grid_masks(objects, one.boxes, (300, 40), 1)[0]
    assert np.flatnonzero((shares == 255).all(axis=1)).tolist() == list(range(12))
    assert shares[12].tolist() == [128] * 10 and not shares[13:].any()


def test_an_outline_is_mirrored_within_its_box(monkeypatch):
    """The left half of the box becomes the right one; the box stays."""
    one = sample([block(8, 16, 24, 24)], [[8, 16, 24, 32]])
    _, boxes, objects = after_policy(one, "Flip_Only_BBoxes", monkeypatch, 3.0)
    assert boxes.tolist() == [[8, 16, 24, 32]]
    shares = grid_masks(objects, boxes, SIZE, 1)[0]
    expected = np.zeros((24, 32))
    expected[2:6, 6:8] = 255
    np.testing.assert_array_equal(shares, expected)


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
        Augmentation(jitter=(1.0, 1.0), policy="moves"),
    ],
)
def test_masks_lie_on_the_shapes_that_the_picture_shows(pictures, augmentation, monkeypatch):
    monkeypatch.setitem(POLICIES, "moves", MOVES)
    monkeypatch.setattr(warp, "GREY", (0, 0, 0))
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
