"""Encoded pictures and training boxes of samples by their index."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.data.feeding.decoding import PictureError, decode_image
from algorithm.data.feeding.jpeg import graph_decodable
from algorithm.data.feeding.outline_views import outlined_objects
from algorithm.data.sample import Sample
from algorithm.errors import DataError
from algorithm.ops.anchor_matching import IGNORED

KEPT_BYTES = 2**30  # encoded pictures stay in memory when all together are smaller
_handed_out: deque[str] = deque(
    maxlen=4096
)  # files the graph decodes, newest last: more than any pipeline holds


class Reader:
    """Reads each file at most once when all fit into memory. Safe to call from many threads."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self._encoded: dict[int, bytes] | None = {} if _total_bytes(samples) < KEPT_BYTES else None
        self._sizes: dict[int, tuple[int, int] | None] = {}

    def encoded(self, index: int) -> tuple[bytes, tuple[int, int] | None]:
        """Return the file's bytes, and (height, width) if the graph can decode it (see data.jpeg).

        Raises:
            PictureError: The file cannot be read or its header is bad.
        """
        data = self._bytes(index)
        path = self.samples[index].path
        if index not in self._sizes:
            self._sizes[index] = graph_decodable(data, path)
        if self._sizes[index]:
            _handed_out.append(path)
        return data, self._sizes[index]

    def pixels(self, index: int) -> np.ndarray:
        """Return the pixels of the upright picture.

        Returns:
            uint8 [H, W, 3].

        Raises:
            PictureError: The file cannot be read or decoded.
        """
        sample = self.samples[index]
        return decode_image(self._bytes(index), sample.path, sample.bit_depth)

    def truth(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what the sample trains with: its objects, and crowds, which are ignored.

        Returns:
            (boxes float32 [N, 4] yxyx pixels, labels int32 [N], -2 for a crowd).
        """
        sample = self.samples[index]
        labels = np.where(sample.is_crowd, IGNORED, sample.labels)
        return sample.boxes.astype(np.float32), labels.astype(np.int32)

    def outlined_truth(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what the sample trains with, with outlines.

        Returns:
            (boxes float32 [N, 4] yxyx pixels, object array [N] of OutlinedObject).
        """
        boxes, labels = self.truth(index)
        return boxes, outlined_objects(self.samples[index], labels)

    def _bytes(self, index: int) -> bytes:
        if self._encoded is not None and index in self._encoded:
            return self._encoded[index]
        path = self.samples[index].path
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise PictureError(
                f"{path}: the picture cannot be read: {error.strerror or error}"
            ) from error
        if self._encoded is not None:
            self._encoded[index] = data
        return data


@contextmanager
def reading_errors() -> Iterator[None]:
    """Turn the failure of a picture inside tf.data into a DataError that names the file.

    Wrap the iteration in it.
    """
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"PictureError: (.+)", str(error.message))
        fault = found.group(1) if found else _fault_of_graph_decoding(str(error.message))
        if fault is None:
            raise
        raise DataError(
            f"expected a readable picture, found {fault}; correct or remove it, or run with "
            "--do_data_cleaning=True"
        ) from error


def _fault_of_graph_decoding(message: str) -> str | None:
    """What is wrong with the picture that TensorFlow could not decode, which it does not name."""
    if "Invalid JPEG data" not in message:
        return None
    for path in dict.fromkeys(reversed(_handed_out)):
        try:
            decode_image(Path(path).read_bytes(), path)
        except PictureError as error:
            return str(error)
        except OSError:  # moved since; the next one may be it
            continue
    return None


def _total_bytes(samples: Sequence[Sample]) -> int:
    try:
        return sum(Path(sample.path).stat().st_size for sample in samples)
    except OSError:  # the picture that is gone is named when it is read
        return KEPT_BYTES
