"""What `predict` writes for the results: pictures, videos, crops, labels, JSON."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from algorithm.prediction.result import Result
from algorithm.prediction.video import VideoWriter
from algorithm.storage.atomic_files import write_bytes, write_json, write_text

JPEG_QUALITY = 92
REPLIES, COCO, CROPS, LABELS = "detections.json", "coco.json", "crops", "labels"
CUTOUTS = "cutouts"
_UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f]+')


class Item(NamedTuple):
    """A picture, a video or a camera that is looked at.

    Attributes:
        name: Its name below the output folder, such as `cats/cat.jpg`.
        rate: Frames a second; None for a picture.
    """

    name: Path
    rate: float | None = None

    def stem_of(self, result: Result) -> Path:
        """Return the name without suffix, for a frame with its number."""
        stem = self.name.with_suffix("")
        if result.frame is None:
            return stem
        return stem.with_name(f"{stem.name}_{result.frame:06d}")


class ResultFile:
    """A kind of file. `add` is called for each result, `finish` after the last one of an item."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, item: Item, result: Result) -> None:
        """Write a result, or keep it for later."""

    def finish(self, item: Item) -> None:
        """Act when all results of an item were added."""

    def give_up(self) -> None:
        """Leave nothing half of an item that was broken off."""

    def close(self) -> None:
        """Act at the very end."""


class Drawn(ResultFile):
    """Pictures and videos with boxes, under the names of the originals."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._video: VideoWriter | None = None

    def add(self, item: Item, result: Result) -> None:
        """Draw a picture, or a frame into its video."""
        drawn = result.plot()
        if item.rate is None:
            write_bytes(self.folder / item.name, encoded(drawn, item.name.suffix))
            return
        if self._video is None:
            size = result.image.shape[:2]
            self._video = VideoWriter(self.folder / item.name, item.rate, size)
        self._video.write(np.asarray(drawn))

    def finish(self, item: Item) -> None:
        """Give a video its name."""
        if self._video:
            self._video.close()
            self._video = None

    def give_up(self) -> None:
        """Remove the video."""
        if self._video:
            self._video.discard()
            self._video = None


class Replies(ResultFile):
    """detections.json: what the service would answer, by the path of the original."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._replies: dict[str, Any] = {}

    def add(self, item: Item, result: Result) -> None:
        """Keep the reply."""
        reply = result.to_reply()
        if result.frame is None:
            self._replies[result.source] = reply
        else:
            frames = self._replies.setdefault(result.source, {"frames": []})["frames"]
            frames.append({"frame": result.frame, "time": result.time, **reply})

    def close(self) -> None:
        """Write the file."""
        text = json.dumps(self._replies, ensure_ascii=False, indent=1, allow_nan=False)
        write_text(self.folder / REPLIES, text)


class Crops(ResultFile):
    """crops/CLASS/NAME_1.jpg: what lies in each box."""

    def add(self, item: Item, result: Result) -> None:
        """Write the crops."""
        stem = item.stem_of(result)
        for number, (name, crop) in enumerate(zip(result.names, result.crops(), strict=True), 1):
            file = _of_class(name) / stem.with_name(f"{stem.name}_{number}.jpg")
            write_bytes(self.folder / CROPS / file, encoded(crop, ".jpg"))


class Cutouts(ResultFile):
    """cutouts/CLASS/NAME_1.png: each object along its mask, the rest transparent."""

    def add(self, item: Item, result: Result) -> None:
        """Write one after the other; the number of a detection without pixels is left out."""
        stem = item.stem_of(result)
        pairs = zip(result.names, result.cutouts(), strict=True)
        for number, (name, cutout) in enumerate(pairs, 1):
            if cutout is not None:
                file = _of_class(name) / stem.with_name(f"{stem.name}_{number}.png")
                write_bytes(self.folder / CUTOUTS / file, encoded(cutout, ".png"))


class YoloLabels(ResultFile):
    """labels/NAME.txt in the form of YOLO, each line with the score at its end."""

    def add(self, item: Item, result: Result) -> None:
        """Write the labels; the file of a picture with nothing on it is empty."""
        text = "".join(f"{line}\n" for line in result.to_yolo())
        stem = item.stem_of(result)
        write_text(self.folder / LABELS / stem.with_name(f"{stem.name}.txt"), text)
        names = self.folder / LABELS / "classes.txt"
        if not names.is_file():
            write_text(names, "".join(f"{name}\n" for name in result.label_names))


class CocoFile(ResultFile):
    """coco.json: a COCO annotation file whose annotations have scores."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._names: tuple[str, ...] = ()

    def add(self, item: Item, result: Result) -> None:
        """Keep the picture and its detections."""
        self._names = result.label_names
        height, width = result.image.shape[:2]
        stem = item.stem_of(result)
        name = item.name if result.frame is None else stem.with_name(f"{stem.name}.jpg")
        number = len(self._images) + 1
        self._images.append(
            {"id": number, "file_name": name.as_posix(), "width": width, "height": height}
        )
        for found in result.to_coco(number):
            _, _, box_width, box_height = found["bbox"]
            more = {"id": len(self._annotations) + 1, "area": box_width * box_height, "iscrowd": 0}
            self._annotations.append({**more, **found})

    def close(self) -> None:
        """Write the file."""
        categories = [{"id": number, "name": name} for number, name in enumerate(self._names, 1)]
        write_json(
            self.folder / COCO,
            {
                "images": self._images,
                "categories": categories,
                "annotations": self._annotations,
            },
        )


def _of_class(name: str) -> Path:
    """Return the folder of a class."""
    return Path(_UNSAFE.sub("_", name).strip(".") or "_")


def encoded(picture: Image.Image, suffix: str) -> bytes:
    """Return a picture file in the form that a suffix says; JPEG where it says none."""
    kind = Image.registered_extensions().get(suffix.lower(), "JPEG")
    content = io.BytesIO()
    if kind == "WEBP":
        picture.save(content, kind, quality=JPEG_QUALITY)
    elif kind in ("PNG", "BMP", "GIF", "TIFF"):
        picture.save(content, kind)
    else:
        picture.save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()
