"""Videos and cameras by OpenCV: frames in, a video with boxes out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import cv2
import numpy as np

from algorithm.errors import DataError, ResourceError
from algorithm.storage.atomic_files import discard

LOGGER = logging.getLogger("algorithm.prediction")
SUFFIXES = (".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm")
CODECS = {".avi": "MJPG", ".webm": "VP80"}
COMMON_CODEC = "mp4v"
UNKNOWN_RATE = 25.0  # frames a second, where a camera or a file does not say


class Frame(NamedTuple):
    """A frame of a video.

    Attributes:
        number: From 0.
        time: Seconds from the beginning.
        pixels: uint8 [H, W, 3], RGB.
    """

    number: int
    time: float
    pixels: np.ndarray


class VideoReader:
    """The frames of a video file or of a camera, one after the other.

    Args:
        source: A file, or the number of a camera.

    Raises:
        DataError: OpenCV cannot open it.
    """

    def __init__(self, source: Path | int) -> None:
        self.source = source
        self._capture = cv2.VideoCapture(source if isinstance(source, int) else str(source))
        if not self._capture.isOpened():
            raise DataError(
                f"camera {source}: expected a camera that OpenCV can open, found none; check its "
                "number, and that no other program uses it"
                if isinstance(source, int)
                else f"{source}: expected a video that OpenCV can read, found something else"
            )
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or UNKNOWN_RATE

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; of a camera until the program ends it.

        Raises:
            DataError: Not one frame can be read.
        """
        number = 0
        while True:
            there, pixels = self._capture.read()
            if not there:
                break
            yield Frame(number, number / self.rate, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
            number += 1
        declared = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if not number:
            raise DataError(f"{self.source}: expected frames, found none that can be read")
        if number < declared:
            LOGGER.warning(
                "%s: says that it has %d frames, %d could be read", self.source, declared, number
            )

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._capture.release()


class VideoWriter:
    """A video file that is written beside its place and gets its name at the end.

    Args:
        path: The file; its suffix, one of SUFFIXES, says the form.
        rate: Frames a second.
        size: (height, width) of the frames, in pixels.

    Raises:
        ResourceError: OpenCV cannot write this form here.
    """

    def __init__(self, path: Path, rate: float, size: tuple[int, int]) -> None:
        self._path, self._size = path, size
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter.fourcc(*CODECS.get(path.suffix.lower(), COMMON_CODEC))
        self._writer = cv2.VideoWriter(str(self._part), code, rate, size[::-1])
        if not self._writer.isOpened():
            raise ResourceError(
                f"{path}: expected an OpenCV that writes {path.suffix}, found one that does not; "
                "turn the video into .mp4 first"
            )

    def write(self, pixels: np.ndarray) -> None:
        """Add a frame, uint8 [H, W, 3], RGB; one of another size is fitted to the first."""
        if pixels.shape[:2] != self._size:
            pixels = cv2.resize(pixels, self._size[::-1])
        self._writer.write(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._writer.release()
        self._part.replace(self._path)

    def discard(self) -> None:
        """Remove what was written."""
        self._writer.release()
        discard(self._part)
