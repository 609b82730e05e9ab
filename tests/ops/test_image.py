"""Letterbox and normalisation by hand-worked numbers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from algorithm.ops.image import letterbox, network_input, normalize, pad_bottom_right


def test_normalize() -> None:
    image = tf.constant([[[10, 20, 30]]], tf.uint8)
    assert normalize(image, [10, 10, 10], [1, 2, 4]).numpy().tolist() == [[[0, 5, 5]]]
    assert normalize(image, 10.0, 5.0).numpy().tolist() == [[[0, 2, 4]]]


@pytest.mark.parametrize(
    ("height", "width", "size", "scale", "inside"),
    [
        (50, 100, (64, 64), 0.64, (32, 64)),
        (100, 50, (64, 64), 0.64, (64, 32)),
        (33, 100, (64, 64), 0.64, (21, 64)),  # 33 * 0.64 = 21.12
        (20, 10, (64, 128), 3.2, (64, 32)),
        (1, 4000, (64, 64), 0.016, (1, 64)),
    ],
)
def test_letterbox(
    height: int, width: int, size: tuple[int, int], scale: float, inside: tuple[int, int]
) -> None:
    boxed, found = letterbox(tf.ones([height, width, 3]), size)
    assert boxed.shape == (*size, 3)
    assert float(found) == pytest.approx(scale)
    expected = np.zeros((*size, 3), np.float32)
    expected[: inside[0], : inside[1]] = 1
    assert np.allclose(boxed, expected, atol=1e-6)


def test_batches_and_unknown_sizes() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])
    def graph(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return letterbox(normalize(images, 127.0, 128.0), (16, 24))

    images = np.random.default_rng(0).integers(0, 255, (2, 30, 20, 3), dtype=np.uint8)
    boxed, scale = graph(images)
    single, single_scale = letterbox(normalize(images[1], 127.0, 128.0), (16, 24))
    assert graph.get_concrete_function().output_shapes[0].as_list() == [None, 16, 24, 3]
    assert np.allclose(boxed[1], single, atol=1e-6)
    assert float(scale) == pytest.approx(16 / 30) == float(single_scale)


def test_pad_bottom_right() -> None:
    assert pad_bottom_right(tf.ones([1, 2, 1]), (2, 3)).numpy()[..., 0].tolist() == [
        [1, 1, 0],
        [0, 0, 0],
    ]


def test_network_input_is_normalised_inside_its_extent_and_zero_outside() -> None:
    images = np.full((2, 2, 3, 3), 20, np.uint8)
    extent = tf.constant([[1, 2], [2, 3]])
    expected = np.zeros((2, 2, 3, 3))
    expected[0, :1, :2] = expected[1] = [10, 5, 2.5]
    assert (
        network_input(images, extent, [10, 10, 10], [1, 2, 4]).numpy().tolist() == expected.tolist()
    )
    fine = images.astype(np.uint16) * 256  # 16-bit pictures are in 1/256 of a grey level
    assert np.allclose(network_input(fine, extent, [10, 10, 10], [1, 2, 4]), expected, atol=1e-5)
