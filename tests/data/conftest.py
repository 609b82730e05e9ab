"""Small datasets on disk for the tests of the data room."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Boxes = list[tuple[str, float, float, float, float]]


def write_picture(path: Path, width: int = 40, height: int = 30, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def voc_text(boxes: Boxes, width: int = 40, height: int = 30) -> str:
    """boxes: (name, xmin, ymin, xmax, ymax), in VOC's own order."""
    objects = "".join(
        f"<object>\n<name>{name}</name><difficult>0</difficult><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin>"
        f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>\n"
        for name, xmin, ymin, xmax, ymax in boxes
    )
    return (
        f"<annotation>\n<filename>../../elsewhere.jpg</filename>\n<size><width>{width}</width><height>{height}"
        f"</height><depth>3</depth></size>\n{objects}</annotation>"
    )


def write_voc(path: Path, boxes: Boxes, width: int = 40, height: int = 30) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(voc_text(boxes, width, height), encoding="utf-8")
    return path


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes `count` pictures side by side with their XML, one box each, alternating cat and dog."""

    def make(count: int = 10, names: tuple[str, ...] = ("cat", "dog"), root: str = "set") -> Path:
        for index in range(count):
            write_picture(tmp_path / root / f"p{index:02d}.png", seed=index)
            write_voc(
                tmp_path / root / f"p{index:02d}.xml", [(names[index % len(names)], 2, 3, 20, 25)]
            )
        return tmp_path / root

    return make


@pytest.fixture
def make_manifest(make_folder: Callable[..., Path]) -> Callable[..., Path]:
    """A folder as of make_folder plus a manifest; `change(index, record)` may edit each record before it is written."""

    def make(
        count: int = 10, change: Callable[[int, dict], object] = lambda index, record: None
    ) -> Path:
        folder = make_folder(count)
        lines = []
        for index in range(count):
            annotation = {
                "type": "modelarts/object_detection",
                "annotation-loc": f"p{index:02d}.xml",
            }
            record = {
                "source": f"p{index:02d}.png",
                "usage": "EVAL" if index % 5 == 4 else "TRAIN",
                "annotation": [annotation],
            }
            change(index, record)
            lines.append(json.dumps(record, ensure_ascii=False))
        (folder / "V001.manifest").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder / "V001.manifest"

    return make
