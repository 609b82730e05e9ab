"""The Penn-Fudan layout: boxes from instance masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from algorithm.data import load_dataset
from algorithm.data.readers.annotation import Entry
from algorithm.data.readers.recognition import read_listing

from ...conftest import write_picture


def write_set(root: Path, count: int = 3) -> Path:
    for index in range(count):
        write_picture(root / "PNGImages" / f"Ped{index}.png", seed=index)
        mask = np.zeros((30, 40), np.uint8)
        mask[3:10, 5:20] = 1
        mask[12, 30:] = 2
        (root / "PedMasks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(root / "PedMasks" / f"Ped{index}_mask.png")
    return root


def said(entry: Entry) -> str:
    return str(entry.complaints[0])


def test_boxes_enclose_the_instances(tmp_path: Path) -> None:
    write_set(tmp_path / "PennFudanPed")  # inside the folder it was unpacked into
    data = load_dataset(tmp_path, clean=False, seed=0, work_dir=tmp_path.parent / "work")
    assert (len(data.train), len(data.eval), data.label_names) == (2, 1, ("pedestrian",))
    assert data.train[0].boxes.tolist() == [[3, 5, 10, 20], [12, 30, 13, 40]]


def test_masks_that_cannot_be_used(tmp_path: Path) -> None:
    write_set(tmp_path, 4)
    masks = tmp_path / "PedMasks"
    (masks / "Ped1_mask.png").unlink()
    Image.new("RGB", (40, 30)).save(masks / "Ped2_mask.png")
    (masks / "Ped3_mask.png").write_bytes((masks / "Ped0_mask.png").read_bytes()[:60])
    (masks / "Other_mask.png").write_bytes((masks / "Ped0_mask.png").read_bytes())
    listing = read_listing(tmp_path)
    good, *bad = listing.entries
    assert len(good.annotation.names) == 2
    assert [entry.annotation for entry in bad] == [None] * 3
    assert (
        said(bad[0]) == "PNGImages/Ped1.png: expected the mask PedMasks/Ped1_mask.png, found none"
    )
    assert said(bad[1]).startswith("PedMasks/Ped2_mask.png: expected a mask of one channel")
    assert said(bad[2]).startswith("PedMasks/Ped3_mask.png: ")
    assert str(listing.complaints[0]).startswith("PedMasks/Other_mask.png: expected a picture")
