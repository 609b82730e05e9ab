"""The graph's JPEG decoder gives the pixels of decode_image, of the whole and of a window."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from algorithm.data.feeding.decoding import PictureError, decode_image
from algorithm.data.feeding.jpeg import (
    decode_in_graph,
    decode_window,
    decoders_agree,
    graph_decodable,
)


def encoded(
    mode: str = "RGB", size: tuple[int, int] = (123, 77), kind: str = "JPEG", **options: object
) -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (9, 13, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).convert(mode).save(
        stream, kind, **options
    )
    return stream.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {"subsampling": 0},
        {"subsampling": 1},
        {"subsampling": 2},
        {"quality": 30},
        {"progressive": True},
        {"mode": "L"},
        {"size": (8, 8)},
        {"size": (1, 1)},
    ],
    ids=str,
)
def test_the_same_pixels(options: dict) -> None:
    data = encoded(**options)
    expected = decode_image(data, "p")
    assert graph_decodable(data, "p") == expected.shape[:2]
    assert np.array_equal(decode_in_graph(tf.constant(data)), expected)


def test_this_machine_decodes_in_the_graph() -> None:
    assert decoders_agree()


def test_what_the_graph_cannot_decode_alike_is_left_to_the_one_decoder() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    assert graph_decodable(encoded(exif=turned), "p") is None
    assert graph_decodable(encoded("CMYK"), "p") is None
    assert graph_decodable(encoded(kind="PNG"), "p") is None
    assert graph_decodable(encoded()[:-1], "p") is None
    with pytest.raises(PictureError, match="p: expected a JPEG, PNG"):
        graph_decodable(b"nonsense", "p")


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_a_window_is_that_part_of_the_picture(reduction: int) -> None:
    data = encoded(size=(160, 121))
    whole = tf.io.decode_jpeg(
        data, channels=3, ratio=reduction, dct_method="INTEGER_ACCURATE"
    ).numpy()
    assert whole.shape == (-(-121 // reduction), -(-160 // reduction), 3)
    top, left, height, width = 3, 5, 11, 13
    window = decode_window(
        tf.constant(data), tf.constant([top, left, height, width]), reduction
    ).numpy()
    assert window.shape == (height, width, 3)
    # Colours at the edge of a window are interpolated without what lies beyond it.
    assert np.array_equal(
        window[1:-1, 1:-1], whole[top + 1 : top + height - 1, left + 1 : left + width - 1]
    )


def test_real_pictures(shared_dir: Path) -> None:
    compared = 0
    for path in sorted((shared_dir / "data" / "raccoon" / "images").glob("*.jpg"))[:25]:
        data = path.read_bytes()
        if graph_decodable(data, path.name):
            compared += 1
            assert np.array_equal(
                decode_in_graph(tf.constant(data)), decode_image(data, path.name)
            ), path
    assert compared > 10
