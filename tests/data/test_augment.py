"""Augmented boxes bound the pixels they bounded before."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from algorithm.data.augment import Augmentation, flip_left_right, jitter_crop, training_view

SIZE = (96, 128)
BOX = (20, 30, 60, 110)  # yxyx of a white rectangle on black


def picture(height: int = 100, width: int = 160) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[BOX[0]:BOX[2], BOX[1]:BOX[3]] = 255
    return pixels, np.array([BOX], np.float32)


def extent(pixels: np.ndarray) -> list[int]:
    mask = pixels[..., 0] > pixels.min() + 0.5 * (pixels.max() - pixels.min())
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]


def seed(number: int) -> tf.Tensor:
    return tf.constant([number, 7], tf.int64)


def test_flip_by_hand() -> None:
    pixels, boxes = picture()
    flipped = [flip_left_right(tf.constant(pixels), tf.constant(boxes), seed(number)) for number in range(40)]
    found = {tuple(moved.numpy()[0].tolist()) for _, moved in flipped}
    assert found == {(20, 30, 60, 110), (20, 50, 60, 130)}  # 160 - 110 = 50, 160 - 30 = 130
    for turned, moved in flipped:
        assert extent(turned.numpy()) == moved.numpy()[0].tolist()


def test_jitter_by_hand() -> None:
    pixels, boxes = picture()
    window, moved, labels = jitter_crop(tf.constant(pixels), tf.constant(boxes), tf.constant([3]), size=(50, 80),
                                        jitter=(1.0, 1.0), seed=seed(0))
    assert window.shape == (50, 80, 3)  # both sides halve, nothing is cropped
    assert (moved.numpy().tolist(), labels.numpy().tolist()) == ([[10, 15, 30, 55]], [3])


@pytest.mark.parametrize("number", range(25))
def test_boxes_bound_their_pixels_after_jitter(number: int) -> None:
    pixels, boxes = picture()
    image, moved, _ = training_view(tf.constant(pixels), tf.constant(boxes), tf.constant([0]), size=SIZE, mean=0.0,
                                    std=255.0, augmentation=Augmentation(jitter=(0.4, 2.0)), seed=seed(number))
    assert image.shape == (*SIZE, 3)
    if len(moved):  # one pixel for interpolation at a border of black and white
        assert np.abs(np.array(extent(image.numpy())) - moved.numpy()[0]).max() <= 1
        assert moved.numpy().min() >= 0
    else:
        assert image.numpy().max() == 0


def test_scales_cover_the_range_and_windows_differ() -> None:
    pixels, boxes = picture(100, 100)
    heights, corners = [], set()
    for number in range(60):
        window, moved, _ = jitter_crop(tf.constant(pixels), tf.constant(boxes), tf.constant([0]), size=(64, 64),
                                       jitter=(0.5, 2.0), seed=seed(number))
        heights.append(int(window.shape[0]))
        corners.update(tuple(box) for box in moved.numpy().round(1).tolist())
    assert min(heights) in range(32, 38)
    assert max(heights) == 64
    assert len(corners) > 40


def test_boxes_out_of_the_window_go_with_their_labels() -> None:
    boxes = tf.constant([[0, 0, 10, 10], [90, 90, 100, 100], [0, 0, 100, 100]], tf.float32)
    for number in range(20):
        window, moved, labels = jitter_crop(tf.zeros([100, 100, 3]), boxes, tf.constant([0, 1, 2]), size=(50, 50),
                                            jitter=(2.0, 2.0), seed=seed(number))
        assert {0, 1} - set(labels.numpy().tolist())  # a quarter of the picture never shows both far corners
        assert moved.numpy()[-1].tolist() == [0, 0, 50, 50]
        assert len(moved) == len(labels)
        assert window.shape == (50, 50, 3)


def test_padding_is_the_mean_colour_and_mean_is_subtracted_first() -> None:
    image, _, _ = training_view(tf.fill([50, 100, 3], 200.0), tf.zeros([0, 4]), tf.zeros([0], tf.int32), size=(64, 64),
                                mean=[100.0, 100.0, 100.0], std=[50.0, 50.0, 50.0],
                                augmentation=Augmentation(flip=False, jitter=(1.0, 1.0)), seed=seed(0))
    assert np.allclose(image[:32], 2)
    assert np.all(image[32:] == 0)
