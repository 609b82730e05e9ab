"""A trained model, ready to look at pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from algorithm.errors import ArgumentError, DataError
from algorithm.modelarts.exported_file import (
    Thresholds,
    exported_file,
    label_names_of,
    thresholds_of,
)
from algorithm.prediction.choice import Choice, Found
from algorithm.prediction.result import Result
from algorithm.prediction.sources import (
    Files,
    find_files,
    is_video,
    pixels_of,
    read_picture,
    refuse_address,
)
from algorithm.prediction.video import VideoReader

Picture = str | os.PathLike[str] | np.ndarray | Image.Image


class Model:
    """A detector in its own runtime. `load` makes one.

    Attributes:
        path: The file or folder that was opened.
        label_names: The names of its classes.
        thresholds: What detections must have to count where nothing else is asked for.
    """

    def __init__(
        self, path: Path, run: Any, label_names: tuple[str, ...], thresholds: Thresholds
    ) -> None:
        self.path, self.label_names, self.thresholds = path, label_names, thresholds
        self._run = run

    def __repr__(self) -> str:
        return f"<Model {self.path}: {', '.join(self.label_names)}>"

    @overload
    def predict(
        self,
        source: np.ndarray | Image.Image,
        *,
        score: float | None = None,
        classes: Sequence[str] | None = None,
        most: int | None = None,
    ) -> Result: ...
    @overload
    def predict(
        self,
        source: str | os.PathLike[str],
        *,
        score: float | None = None,
        classes: Sequence[str] | None = None,
        most: int | None = None,
    ) -> Any: ...
    @overload
    def predict(
        self,
        source: Sequence[Picture],
        *,
        score: float | None = None,
        classes: Sequence[str] | None = None,
        most: int | None = None,
    ) -> list[Result]: ...
    def predict(
        self,
        source: Picture | Sequence[Picture],
        *,
        score: float | None = None,
        classes: Sequence[str] | None = None,
        most: int | None = None,
    ) -> Result | list[Result]:
        """Find objects.

        Args:
            source: A picture: a file, a Pillow image, or an array uint8 [H, W, 3], RGB. Several:
                a list of these, a folder, or a pattern ('photos/*.jpg'). Or a video file.
            score: The least score, 0 to 1; None for that of the model folder.
            classes: Names of the classes to return; None for all.
            most: How many detections to return at most in a picture, the best ones; None for all.

        Returns:
            A Result for one picture, else a list of Results, of a video one for each frame.

        Raises:
            ArgumentError: A setting or an array is not usable, or `source` is an address elsewhere.
            DataError: There is nothing at `source`, or a picture cannot be read.
        """
        if isinstance(source, int):
            raise ArgumentError(
                f"predict({source}): expected pictures, found the number of a camera, which never "
                "ends; use stream()"
            )
        results = list(self.stream(source, score=score, classes=classes, most=most))
        return results[0] if _is_one_picture(source) else results

    __call__ = predict

    def stream(
        self,
        source: Picture | Sequence[Picture] | int,
        *,
        score: float | None = None,
        classes: Sequence[str] | None = None,
        most: int | None = None,
    ) -> Iterator[Result]:
        """Find objects in one picture or frame after the other, without keeping the results.

        Args:
            source: As for predict, or the number of a camera.
            score: As for predict.
            classes: As for predict.
            most: As for predict.

        Yields:
            A Result for each picture or frame.

        Raises:
            ArgumentError: As for predict.
            DataError: As for predict.
        """
        choice = self.choice(score, classes, most)
        for name, pixels, frame, seconds in _pictures(source):
            yield self.result(pixels, name, choice, frame, seconds)

    def choice(
        self,
        score: float | None = None,
        classes: Sequence[str] | None = None,
        most: int | None = None,
    ) -> Choice:
        """Check what is asked for; see predict."""
        return Choice.of(self.label_names, self.thresholds, score, classes, most)

    def _check(self, found: Found) -> None:
        if not all(np.isfinite(found[part]).all() for part in ("boxes", "scores")):
            raise DataError(f"{self.path}: expected finite numbers, the model gave others: damaged")
        if len(found["labels"]) and not 0 <= found["labels"].max() < len(self.label_names):
            raise DataError(
                f"{self.path}: expected classes up to {len(self.label_names)}, as its file `index` "
                f"names, found {found['labels'].max() + 1}: keep the files of an export together"
            )

    def result(
        self,
        pixels: np.ndarray,
        name: str,
        choice: Choice,
        frame: int | None = None,
        seconds: float | None = None,
    ) -> Result:
        """Find objects in one picture.

        Args:
            pixels: uint8 [H, W, 3], RGB.
            name: What the result calls it.
            choice: Which detections count.
            frame: The number of a video's frame.
            seconds: Its time in the video.

        Returns:
            The result.

        Raises:
            DataError: The model is damaged, or its class names are those of another one.
        """
        begun = time.perf_counter()
        found = self._run(pixels)
        took = time.perf_counter() - begun
        self._check(found)
        kept = choice.counting(found)
        boxes, labels, scores = (found[part][kept] for part in ("boxes", "labels", "scores"))
        return Result(
            name,
            pixels,
            boxes.astype(np.float32),
            labels.astype(np.int32),
            scores.astype(np.float32),
            self.label_names,
            took,
            frame,
            seconds,
            tuple(found["masks"][kept]) if "masks" in found else None,
        )


def load(path: str | os.PathLike[str], *, masks: bool = False) -> Model:
    """Open a trained model.

    Args:
        path: The folder `model` of a job (or the job's train_url around it), the folder of an
            export, or a file .tflite, .onnx, .xml (OpenVINO) or .pb (a frozen graph).
        masks: Find the pixels of each object too; slower. Of a model folder with masks only.

    Returns:
        The model. Its first picture takes longer than the others.

    Raises:
        DataError: There is no model, or its class names are missing.
        ArgumentError: Its runtime is not installed, `path` is an address elsewhere, or masks are
            asked of a model that has none.
    """
    refuse_address(os.fspath(path))
    file = exported_file(Path(path))
    names, thresholds = label_names_of(file), thresholds_of(file)
    from algorithm.export.formats.runtimes import open_exported  # it waits for TensorFlow

    return Model(file, open_exported(file, masks=masks), names, thresholds)


def _is_one_picture(source: Picture | Sequence[Picture]) -> bool:
    if isinstance(source, str | os.PathLike):
        return not find_files(source).several and not is_video(Path(source))
    return isinstance(source, np.ndarray | Image.Image)


def _pictures(
    source: Picture | Sequence[Picture] | int,
) -> Iterator[tuple[str, np.ndarray, int | None, float | None]]:
    """Yield (name, pixels, number of the frame, seconds) of each picture."""
    if isinstance(source, int):
        yield from _frames(source)
    elif isinstance(source, np.ndarray | Image.Image):
        name = getattr(source, "filename", "") or "picture"  # Pillow knows the file it opened
        yield str(name), pixels_of(source), None, None
    elif isinstance(source, str | os.PathLike):
        yield from _of_files(find_files(source))
    else:
        for each in source:
            yield from _pictures(each)


def _of_files(files: Files) -> Iterator[tuple[str, np.ndarray, int | None, float | None]]:
    for path in files.paths:
        if is_video(path):
            yield from _frames(path)
        else:
            yield str(path), read_picture(path), None, None


def _frames(source: Path | int) -> Iterator[tuple[str, np.ndarray, int, float]]:
    name = f"camera {source}" if isinstance(source, int) else str(source)
    with VideoReader(source) as reader:
        for number, seconds, pixels in reader:
            yield name, pixels, number, seconds
