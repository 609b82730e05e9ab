"""The single operations of the published policies, each against hand-worked numbers or the pixels it moves."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from algorithm.data.feeding.augmentations import enhance
from algorithm.data.feeding.augmentations.autoaugment import BOX_ONLY, OPERATIONS, apply_policy
from algorithm.data.feeding.augmentations.holes import cut_out, cut_out_in_box, grid_mask
from algorithm.data.feeding.augmentations.policies import POLICIES
from algorithm.data.feeding.augmentations.warp import (
    GREY,
    rotation,
    shear,
    translation,
    warp,
    warped_boxes,
)

BOX = np.float32([[40, 60, 80, 120]])
LABELS = np.array([4], np.int32)
MOVING = sorted(name for name in OPERATIONS if name.endswith("_BBox"))


def scene(width: int = 200, height: int = 140) -> Image.Image:
    """White rectangle BOX on black."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[40:80, 60:120] = 255
    return Image.fromarray(pixels)


def noise(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (140, 200, 3), np.uint8))


def extent(picture: Image.Image) -> list[int]:
    white = np.asarray(picture).min(axis=2) > 200
    rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
    return [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1] if len(rows) else []


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_published_operation_is_known() -> None:
    named = {name for policy in POLICIES.values() for steps in policy for name, _, _ in steps}
    assert named <= {*OPERATIONS, *BOX_ONLY}
    assert {name: len(policy) for name, policy in POLICIES.items()} == {
        "v0": 5,
        "v1": 20,
        "v2": 15,
        "v3": 15,
        "randaug": 10,
    }


@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize("strength", [2, 6, 10])
def test_boxes_move_with_their_pixels(name: str, strength: float) -> None:
    for seed in range(6):
        moved, source = OPERATIONS[name](scene(), BOX, strength, generator(seed))
        boxes = warped_boxes(BOX, source, moved.size)
        found = extent(moved)
        assert moved.size == (200, 140)
        if found:
            assert np.abs(np.array(found) - boxes[0]).max() <= 1.01
        else:
            assert (boxes[0, 2:] <= boxes[0, :2] + 1).any()


def warped(picture: Image.Image, source: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    return warp(picture, source), warped_boxes(BOX, source, picture.size)


def test_warps_by_hand() -> None:
    moved, boxes = warped(scene(), translation(10, -20))
    assert boxes.tolist() == [[20, 70, 60, 130]]
    assert extent(moved) == [20, 70, 60, 130]
    assert np.asarray(moved)[:, :10].tolist() == [[list(GREY)] * 10] * 140  # from beyond the edge
    assert warped(scene(), shear(0.5, 0))[1].tolist() == [
        [40, 20, 80, 100]
    ]  # left by y / 2: 60 - 40, 120 - 20
    assert warped(scene(), shear(0, 0.5))[1].tolist() == [
        [0, 60, 50, 120]
    ]  # up by x / 2, clipped at the top
    turned, boxes = warped(scene(), rotation(180, (200, 140)))
    assert np.allclose(boxes, [[60, 80, 100, 140]], atol=1e-3)
    assert extent(turned) == [60, 80, 100, 140]
    quarter = warped(scene(140, 140), rotation(90, (140, 140)))
    assert np.allclose(
        quarter[1], [[60, 60, 120, 100]], atol=1e-3
    )  # clockwise: y' = x, x' = 140 - y
    assert extent(quarter[0]) == [60, 60, 120, 100]


def test_a_box_that_leaves_has_no_area() -> None:
    _, boxes = warped(scene(), translation(150, 0))
    assert boxes[0, 1] == boxes[0, 3] == 200


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - set(MOVING)))
def test_other_operations_leave_boxes_and_size(name: str) -> None:
    for strength in (0, 5, 10, 15):
        changed, source = OPERATIONS[name](noise(), BOX, strength, generator(1))
        assert (changed.size, changed.mode) == ((200, 140), "RGB")
        assert source is None


@pytest.mark.parametrize("name", sorted(BOX_ONLY))
def test_box_operations_change_nothing_outside_boxes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(POLICIES, "one", (((name, 3.0, 8),),))  # a third of 3: always
    before = np.asarray(noise())
    changed, boxes, labels = apply_policy("one", noise(), BOX, LABELS, generator(0))
    after = np.asarray(changed)
    outside = np.ones((140, 200), bool)
    outside[40:80, 60:120] = False
    assert boxes is BOX and labels.tolist() == [4]
    assert np.array_equal(after[outside], before[outside])
    assert not np.array_equal(after, before)


def test_box_operations_have_a_third_of_the_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICIES, "one", ((("Flip_Only_BBoxes", 1.0, 0),),))
    picture = noise()
    changed = sum(
        apply_policy("one", picture, BOX, LABELS, generator(seed))[0].tobytes() != picture.tobytes()
        for seed in range(300)
    )
    assert 70 < changed < 130


def test_values_by_hand() -> None:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, 2))
    values = {
        name: np.asarray(change(ramp, strength))[..., 0].ravel().tolist()
        for name, change, strength in (
            ("solarize", enhance.solarize, 5),
            ("add", enhance.solarize_add, 10),
            ("poster", enhance.posterize, 5),
            ("bright", enhance.brightness, 5),
            ("black", enhance.brightness, 0),
        )
    }
    assert [values["solarize"][at] for at in (0, 127, 128, 255)] == [0, 127, 127, 0]
    assert [values["add"][at] for at in (0, 100, 127, 128, 255)] == [110, 210, 237, 128, 255]
    assert sorted(set(values["poster"])) == [0, 64, 128, 192]  # two bits
    assert [values["bright"][at] for at in (0, 100, 255)] == [0, 100, 255]
    assert values["black"][200] == 20


def test_holes() -> None:
    white = Image.new("RGB", (50, 40), "white")
    for seed in range(20):
        hole = (np.asarray(cut_out(white, 5, generator(seed))) == 128).all(2)
        assert 25 <= hole.sum() <= 100
        rows, columns = hole.any(1).sum(), hole.any(0).sum()
        assert hole.sum() == rows * columns
    inside = (np.asarray(cut_out_in_box(scene(), BOX, 0.5, generator(0))) == 128).all(2)
    assert inside.sum() == 20 * 30
    assert cut_out_in_box(white, np.zeros((0, 4), np.float32), 0.5, generator(0)) is white


def test_grid_mask_hides_a_sixth_in_squares() -> None:
    white = Image.new("RGB", (300, 200), "white")
    shares = []
    for seed in range(30):
        hidden = (np.asarray(grid_mask(white, generator(seed))) == 0).all(2)
        rows, columns = hidden.any(1), hidden.any(0)
        assert np.array_equal(hidden, rows[:, None] & columns)
        shares.append(hidden.mean())
    assert 0.1 < np.mean(shares) < 0.22  # 0.4 * 0.4
    assert len(set(shares)) > 10
    assert grid_mask(Image.new("RGB", (1, 1)), generator(0)).size == (1, 1)
