"""JPEG decoding inside the TensorFlow graph.

It gives the pixels of decode_image, without the way through Python.
"""

from __future__ import annotations

import functools
import io

import numpy as np
import tensorflow as tf
from PIL import Image

from algorithm.data.feeding.decoding import TURNS, decode_image, exif_orientation, open_picture

REDUCTIONS = (1, 2, 4, 8)  # 1/n of the size is what JPEG can be decoded at for less work
# The transform that Pillow uses; TensorFlow's default differs by up to 23 grey levels.
_ACCURATE = "INTEGER_ACCURATE"


def graph_decodable(data: bytes, name: str) -> tuple[int, int] | None:
    """Return the size of a picture that decode_in_graph decodes as decode_image does.

    That is an upright grey or colour JPEG with nothing after its end mark: of a truncated one a
    window might still be decodable, and the damage would go unnoticed.

    Args:
        data: The encoded picture.
        name: What errors call it.

    Returns:
        (height, width), None of any other picture.

    Raises:
        PictureError: The header is bad, as for decode_image.
    """
    image = open_picture(io.BytesIO(data), name)
    complete = data.endswith(b"\xff\xd9")
    upright = exif_orientation(image.info.get("exif", b"")) not in TURNS
    if (
        image.format != "JPEG"
        or image.mode not in ("L", "RGB")
        or not complete
        or not upright
        or not decoders_agree()
    ):
        return None
    return image.size[::-1]


def decode_in_graph(encoded: tf.Tensor) -> tf.Tensor:
    """Decode a scalar string tensor that graph_decodable accepts to uint8 [H, W, 3]."""
    return tf.io.decode_jpeg(encoded, channels=3, dct_method=_ACCURATE)


def decode_window(encoded: tf.Tensor, window: tf.Tensor, reduction: int) -> tf.Tensor:
    """Decode a window of a picture at a reduced size.

    Only what is needed for the window is decoded. The reduced picture is ceil(side / reduction) on
    a side.

    Args:
        encoded: The encoded picture.
        window: int32 [4] (top, left, height, width) in the reduced picture.
        reduction: The picture is reduced to 1/`reduction` of its size.

    Returns:
        uint8 [height, width, 3].
    """
    return tf.io.decode_and_crop_jpeg(
        encoded, window, channels=3, ratio=reduction, dct_method=_ACCURATE
    )


@functools.cache
def decoders_agree() -> bool:
    """Return whether TensorFlow and Pillow give the same pixels here.

    It is tried once on a picture of every subsampling.
    """
    noise = np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8)
    picture = Image.fromarray(noise).resize((103, 71), Image.Resampling.BILINEAR)
    for mode, subsampling in (("RGB", 0), ("RGB", 1), ("RGB", 2), ("L", 0)):
        stream = io.BytesIO()
        picture.convert(mode).save(stream, "JPEG", quality=80, subsampling=subsampling)
        with tf.device("cpu"), tf.init_scope():
            decoded = decode_in_graph(tf.constant(stream.getvalue())).numpy()
        if not np.array_equal(decoded, decode_image(stream.getvalue(), "the trial picture")):
            return False
    return True
