"""Pictures, videos and cameras through a model, onto the disk."""

from __future__ import annotations

import logging
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from algorithm.errors import ArgumentError, DataError
from algorithm.prediction.choice import Choice
from algorithm.prediction.model import Model
from algorithm.prediction.prediction_files import (
    COCO,
    CROPS,
    LABELS,
    REPLIES,
    CocoFile,
    Crops,
    Drawn,
    Item,
    Replies,
    ResultFile,
    YoloLabels,
)
from algorithm.prediction.result import Result
from algorithm.prediction.sources import Files, is_video, read_picture
from algorithm.prediction.video import VideoReader

LOGGER = logging.getLogger("algorithm.prediction")
# What may be written besides drawn pictures and detections.json.
SAVES: dict[str, type[ResultFile]] = {"crops": Crops, "txt": YoloLabels, "coco": CocoFile}
PLACES = {"crops": CROPS, "txt": LABELS, "coco": COCO}
BY_STEM = ("crops", "txt")  # their files are named after a picture without its suffix
NAMED = 5  # files that a line names
SECONDS_BETWEEN_LINES = 5.0


def output_items(files: Files, output: Path, saves: Sequence[str] = ()) -> dict[Path, Item]:
    """Say under which names the results are written, before anything is.

    Args:
        files: What is looked at.
        output: The folder for the results.
        saves: Some of SAVES.

    Returns:
        The item of each file; a video's has no rate yet.

    Raises:
        ArgumentError: A result would replace a file that is looked at, or another result.
    """
    root = os.path.commonpath([path.absolute().parent for path in files.paths])
    items = {path: Item(path.absolute().relative_to(root)) for path in files.paths}
    own = {path.resolve() for path in files.paths}
    lost = [item.name for item in items.values() if (output / item.name).resolve() in own]
    if lost:
        raise ArgumentError(
            f"--output: expected another folder than that of the pictures, found {output}, where "
            f"{_listed(lost)} would be replaced"
        )
    stems = Counter(item.name.with_suffix("") for item in items.values())
    twice = [item.name for item in items.values() if stems[item.name.with_suffix("")] > 1]
    kinds = [kind for kind in saves if kind in BY_STEM]
    if twice and kinds:
        raise ArgumentError(
            f"--save_{kinds[0]}: expected names that differ before their suffix, found "
            f"{_listed(twice)}; rename them, or look at them one by one"
        )
    return items


def predict_files(
    model: Model,
    files: Files | int,
    output: Path,
    choice: Choice,
    *,
    saves: Sequence[str] = (),
    most_frames: int | None = None,
) -> Path:
    """Look at pictures, videos or a camera, and write what is found.

    A camera is looked at until Ctrl-C.

    Args:
        model: The model.
        files: Pictures and videos, or the number of a camera.
        output: The folder for the results.
        choice: Which detections count.
        saves: Some of SAVES.
        most_frames: So many frames of a video at most; None for all.

    Returns:
        detections.json: {path: the service's reply}, of a video {path: {"frames": [...]}}.

    Raises:
        ArgumentError: See output_items.
        DataError: A picture or video is not usable; that is said after the others are done.
    """
    written = [Drawn(output), Replies(output), *(SAVES[kind](output) for kind in saves)]
    if isinstance(files, int):
        _camera(model, files, choice, written, most_frames)
        complaints = []
    else:
        items = output_items(files, output, saves)
        _say_replaced(
            output,
            [*(item.name for item in items.values()), REPLIES, *(PLACES[kind] for kind in saves)],
        )
        if files.skipped:
            LOGGER.warning("skipped, neither a picture nor a video: %s", _listed(files.skipped))
        complaints = _each(model, items, choice, written, most_frames)
    for each in written:
        each.close()
    if complaints:
        raise DataError(
            "\n".join([f"{len(complaints)} of {len(items)} files are not usable:", *complaints])
        )
    return output / REPLIES


def _each(
    model: Model,
    items: dict[Path, Item],
    choice: Choice,
    written: Sequence[ResultFile],
    most_frames: int | None,
) -> list[str]:
    """Look at each file and return what is wrong with those that are not usable."""
    complaints, seconds = [], []
    for path, item in items.items():
        try:
            if is_video(path):
                with VideoReader(path) as reader:
                    moving = Item(item.name, reader.rate)
                    _film(model, reader, str(path), moving, choice, written, most_frames)
            else:
                result = model.result(read_picture(path), str(path), choice)
                seconds.append(result.seconds)
                LOGGER.info("%s: %s", item.name, result.counts())
                _add(written, item, result)
        except DataError as error:
            LOGGER.error("skipped: %s", error)
            complaints.append(str(error))
    if len(seconds) > 1:
        LOGGER.info(
            "%d pictures, %.0f ms each (median)", len(seconds), 1e3 * statistics.median(seconds)
        )
    return complaints


def _add(written: Sequence[ResultFile], item: Item, result: Result) -> None:
    for each in written:
        each.add(item, result)
        each.finish(item)


def _camera(
    model: Model,
    number: int,
    choice: Choice,
    written: Sequence[ResultFile],
    most_frames: int | None,
) -> None:
    with VideoReader(number) as reader:
        item = Item(Path(f"camera_{number}.mp4"), reader.rate)
        LOGGER.info("camera %d: Ctrl-C ends it", number)
        _film(model, reader, f"camera {number}", item, choice, written, most_frames)


def _film(
    model: Model,
    reader: VideoReader,
    name: str,
    item: Item,
    choice: Choice,
    written: Sequence[ResultFile],
    most_frames: int | None,
) -> None:
    """Look at frame after frame. Ctrl-C ends a camera's, and leaves no half video of a file."""
    seconds: list[float] = []
    seen: Counter[str] = Counter()
    said = time.monotonic()
    results = _until_interrupted(_results(model, reader, name, choice, most_frames), reader)
    try:
        for result in results:
            seconds.append(result.seconds)
            seen.update(set(result.names))
            for each in written:
                each.add(item, result)
            if time.monotonic() > said + SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                LOGGER.info("%s", result.summary())
    except BaseException:
        for each in written:
            each.give_up()
        raise
    for each in written:
        each.finish(item)
    found = ", ".join(f"{one} in {count}" for one, count in seen.most_common())
    LOGGER.info(
        "%s: %d frames, %.0f ms a frame (median): %s",
        name,
        len(seconds),
        1e3 * statistics.median(seconds or [0.0]),
        found or "nothing",
    )


def _results(
    model: Model, reader: VideoReader, name: str, choice: Choice, most: int | None
) -> Iterator[Result]:
    for number, seconds, pixels in islice(reader, most):
        yield model.result(pixels, name, choice, number, seconds)


def _until_interrupted(results: Iterator[Result], reader: VideoReader) -> Iterator[Result]:
    try:
        yield from results
    except KeyboardInterrupt:
        if not isinstance(reader.source, int):
            raise


def _say_replaced(output: Path, names: Sequence[str | Path]) -> None:
    there = [name for name in names if (output / name).exists()]
    if there:
        LOGGER.warning("replaces in %s: %s", output, _listed(there))


def _listed(names: Sequence[str | Path]) -> str:
    more = len(names) - NAMED
    return ", ".join(map(str, names[:NAMED])) + (f" and {more} more" if more > 0 else "")
