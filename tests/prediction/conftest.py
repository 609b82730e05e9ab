"""A model without a network, and pictures and videos to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from algorithm.data.outlines import compressed_masks
from algorithm.modelarts.exported_file import Thresholds
from algorithm.prediction.model import Model

NAMES = ("猫", "dog")


def two_objects(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """A dog in the upper left quarter, a cat all over, a faint dog within the first."""
    height, width = pixels.shape[:2]
    boxes = [[0, 0, height / 2, width / 2], [0, 0, height, width], [1, 1, height / 2, width / 2]]
    return {
        "boxes": np.asarray(boxes, np.float32),
        "labels": np.asarray([1, 0, 1], np.int32),
        "scores": np.asarray([0.9, 0.5, 0.2], np.float32),
    }


@pytest.fixture
def model() -> Model:
    return Model(Path("model"), two_objects, NAMES, Thresholds())


def with_masks(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """The two objects; the dog's mask is the left two columns, the cat's is empty."""
    height, width = pixels.shape[:2]
    whole = height * width
    runs = np.array([[0, 2 * height, whole - 2 * height], [whole, 0, 0], [whole, 0, 0]])
    return {**two_objects(pixels), "masks": compressed_masks(runs, height, width)}


@pytest.fixture
def masked_model() -> Model:
    return Model(Path("model"), with_masks, NAMES, Thresholds())


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder with two pictures and a text, and a name that looks like a pattern."""
    folder = tmp_path / "图片 [1]"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(noise).save(folder / "甲.png")
    Image.fromarray(noise[:20, :30]).save(folder / "b.jpg")
    (folder / "note.txt").write_text("no picture")
    return folder


def write_video(path: Path, frames: int = 6, rate: float = 5.0) -> Path:
    """A small video: each frame one grey, brighter by 20 each time."""
    kind = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*kind), rate, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture
def video(tmp_path) -> Path:
    (tmp_path / "films").mkdir()
    return write_video(tmp_path / "films" / "clip.mp4")
