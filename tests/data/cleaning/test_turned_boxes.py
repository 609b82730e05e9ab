"""Boxes drawn in a picture as it is stored, which EXIF turns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data import load_dataset
from algorithm.data.cleaning.rules.turned_boxes import upright_boxes
from algorithm.errors import DataError

from ..conftest import write_voc

BOX = [2, 5, 10, 35]  # yxyx in 40x30 as stored; 30x40 upright


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(5, [5, 2, 35, 10]), (6, [5, 20, 35, 28]), (7, [5, 20, 35, 28]), (8, [5, 2, 35, 10])],
)
def test_corners_by_hand(orientation: int, upright: list[float]) -> None:
    found = upright_boxes(np.float32([BOX]), 30, 40, orientation)
    assert found.dtype == np.float32
    assert found.tolist() == [upright]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_move_as_the_pixels_do(orientation: int) -> None:
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[2:10, 5:30] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(pixels)
    transposed = {5: 5, 6: 4, 7: 6, 8: 2}[orientation]  # Pillow's number of the same turn
    rows, columns = np.nonzero(np.asarray(stored.transpose(transposed))[..., 0])
    wanted = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    assert upright_boxes(np.float32([[2, 5, 10, 30]]), 30, 40, orientation).tolist() == [wanted]


def write_turned(folder: Path, orientation: int | None) -> None:
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (30, 40, 3), dtype=np.uint8)
        exif = Image.Exif()
        if orientation:
            exif[0x0112] = orientation
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", exif=exif)
        size = (40, 30) if orientation else (30, 40)
        write_voc(folder / f"{number}.xml", [("cat", 5, 2, 35, 10)], *size)


@pytest.mark.parametrize("clean", [False, True])
def test_recorded_size_tells_that_boxes_are_those_of_the_stored_picture(
    tmp_path: Path, clean: bool
) -> None:
    write_turned(tmp_path / "set", 6)
    data = load_dataset(tmp_path / "set", clean=clean, seed=0, work_dir=tmp_path / "work")
    first = data.train[0]
    assert (first.width, first.height) == (30, 40)
    assert first.boxes.tolist() == [[5, 20, 35, 28]]
    assert any("boxes turned along" in line for line in data.warnings)


def test_exchanged_size_without_exif_stays_a_fault(tmp_path: Path) -> None:
    write_turned(tmp_path / "set", None)
    with pytest.raises(DataError, match="expected the size of the picture, 40x30 upright"):
        load_dataset(tmp_path / "set", clean=False, seed=0, work_dir=tmp_path / "work")
