"""What changes whole pictures: boxes still bound the pixels they bounded before, and a seed decides everything."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from algorithm.data.feeding.augmentation import Augmentation, augmented
from algorithm.data.feeding.augmentations.colour import Colour, recolour
from algorithm.data.feeding.augmentations.mosaic import mosaic

BOX = (20, 30, 60, 110)  # yxyx of a white rectangle on black
ALL = Augmentation(policy="v1", grid_mask=True, cutout=0.5, mosaic=0.5)


def picture(
    height: int = 100, width: int = 160, value: int = 255
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[BOX[0] : BOX[2], BOX[1] : BOX[3]] = value
    return pixels, np.float32([BOX]), np.array([3], np.int32)


def change(
    augmentation: Augmentation, seed: int, epoch: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return augmented(
        0,
        load=lambda index: picture(value=255 - 10 * index),
        count=4,
        target=(96, 128),
        augmentation=augmentation,
        epoch=epoch,
        rng=np.random.default_rng(seed),
    )


def test_nothing_is_changed_by_default() -> None:
    assert not Augmentation().whole_picture
    assert Augmentation().pictures == 1
    for found, expected in zip(change(Augmentation(), 0), picture(), strict=True):
        assert np.array_equal(found, expected)


def test_a_seed_decides_everything() -> None:
    for seed in range(10):
        assert all(
            np.array_equal(one, other)
            for one, other in zip(change(ALL, seed), change(ALL, seed), strict=True)
        )
    assert len({change(ALL, seed)[0].tobytes() for seed in range(10)}) == 10


@pytest.mark.parametrize("policy", ["v0", "v1", "v2", "v3", "randaug"])
def test_policies_give_sound_boxes(policy: str) -> None:
    differing = 0
    for seed in range(40):
        pixels, boxes, labels = change(Augmentation(policy=policy), seed)
        assert (pixels.shape, pixels.dtype, boxes.dtype) == ((100, 160, 3), np.uint8, np.float32)
        assert len(boxes) == len(labels) <= 1
        assert ((boxes >= 0) & (boxes <= [100, 160, 100, 160])).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        differing += not np.array_equal(pixels, picture()[0])
    assert differing > 8  # some change nothing in black and white


def test_pictures_without_boxes_pass_every_policy() -> None:
    empty = np.zeros((50, 60, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    for seed in range(60):
        pixels, boxes, labels = augmented(
            0,
            load=lambda index: empty,
            count=1,
            target=(64, 64),
            augmentation=ALL,
            epoch=0,
            rng=np.random.default_rng(seed),
        )
        assert len(boxes) == len(labels) == 0
        assert pixels.shape in ((50, 60, 3), (64, 64, 3))


def test_mosaics_stop_at_their_epoch() -> None:
    ending = Augmentation(mosaic=1.0, mosaic_epochs=3)
    assert ending.pictures == 4
    assert [change(ending, 0, epoch)[0].shape for epoch in (2, 3)] == [(96, 128, 3), (100, 160, 3)]


@pytest.mark.parametrize("seed", range(20))
def test_boxes_bound_their_pixels_in_a_mosaic(seed: int) -> None:
    pixels, boxes, labels = mosaic(
        [picture(value=value) for value in (100, 150, 200, 250)],
        (200, 240),
        np.random.default_rng(seed),
    )
    assert pixels.shape == (200, 240, 3)
    assert 1 <= len(boxes) == len(labels) <= 4
    inside = np.zeros((200, 240), bool)
    for top, left, bottom, right in boxes:
        inside[
            int(np.floor(top)) : int(np.ceil(bottom)), int(np.floor(left)) : int(np.ceil(right))
        ] = True
        middle = pixels[int((top + bottom) / 2), int((left + right) / 2)]
        assert middle.min() >= 90
    bright = pixels[..., 0] > 90
    assert bright[inside].mean() > 0.9
    assert bright[~inside].sum() <= 0.02 * bright.size  # what a box with less than a tenth left had


def test_colour_by_hand_and_within_its_limits() -> None:
    grey = np.full((2, 2, 3), 100, np.uint8)

    def changed(image: np.ndarray, *drawn: float) -> np.ndarray:
        return recolour(tf.constant(image), image.shape[:2], np.float32(drawn)).numpy()

    assert (changed(grey, 0.1, 1, 1, 0) == 126).all()  # 100 + 25.5, rounded
    assert (changed(grey, 1.0, 1, 1, 0) == 255).all()
    coloured = np.uint8([[[200, 100, 50], [0, 100, 50]]])
    assert (changed(coloured, 0, 1, 1, 0) == coloured).all()
    assert (changed(coloured, 0, 0, 1, 0) == coloured.mean((0, 1)).round()).all()
    assert np.ptp(changed(coloured, 0, 1, 0, 0), axis=2).max() == 0
    assert changed(coloured, 0, 1, 1, 1 / 3)[0, 0].tolist() == [50, 200, 100]
    inside = recolour(
        tf.constant(np.pad(grey, [(0, 1), (0, 2), (0, 0)])), [2, 2], np.float32([0.1, 0, 1, 0])
    ).numpy()
    assert (
        inside[:2, :2] == 126
    ).all()  # what is not picture has no part in the mean and stays zero
    assert inside.sum() == 4 * 3 * 126
    drawn = np.stack(
        [Colour(0.1, 0.2, 0.3, 0.05).draw(np.random.default_rng(seed)) for seed in range(200)]
    )
    assert (np.abs(drawn - [0, 1, 1, 0]) <= np.array([0.1, 0.2, 0.3, 0.05]) + 1e-6).all()
    assert (np.abs(drawn - [0, 1, 1, 0]).max(0) > np.array([0.1, 0.2, 0.3, 0.05]) * 0.9).all()
    assert not Colour().changes
    assert Colour(hue=0.1).changes
