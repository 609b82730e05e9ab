"""Outlines through every form that is written: the same pixels come back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data import Dataset, load_dataset
from algorithm.data.cleaning.cleaned_copy import clean_copy
from algorithm.data.conversion import convert
from algorithm.data.conversion.conversion import FORMS
from algorithm.data.outline_geometry import of_pixels
from algorithm.data.outlines import rasterised

from ..conftest import write_picture

HEIGHT, WIDTH = 30, 40
Masks = dict[str, list[tuple[str, bool, list[float], int | None]]]


def runs(mask: np.ndarray) -> dict:
    return {"size": list(mask.shape), "counts": of_pixels(mask).counts.decode()}


def outlines() -> dict[str, object]:
    ring = np.zeros((HEIGHT, WIDTH), np.uint8)
    ring[4:20, 5:25] = 1
    ring[8:12, 9:14] = 0
    apart = np.zeros((HEIGHT, WIDTH), np.uint8)
    apart[20:22, 30:33] = apart[25:29, 35:40] = 1
    return {
        # corners in fifths of a pixel, where the rule of pycocotools rounds
        "polygon": [[5.3, 6, 15, 7.5, 12.1, 26.1, 6.7, 20.9]],
        "parts": [[2, 2, 8, 2, 8, 8, 2, 8], [12, 12, 30, 12, 30, 20, 12, 20]],
        "overlap": [[2, 2, 12, 2, 12, 12, 2, 12], [6, 6, 30, 6, 30, 20, 6, 20]],
        "over the edge": [[-4, 3, 12, 3, 12, 40, -4, 40]],
        "ring": runs(ring),
        "crowd": runs(apart),
        "no outline": None,
    }


def boxes() -> dict[str, list[float]]:
    """[x, y, width, height], as the outlines lie in the picture."""
    return {
        "polygon": [5.3, 6, 9.7, 20.1],
        "parts": [2, 2, 28, 18],
        "overlap": [2, 2, 28, 18],
        "over the edge": [0, 3, 12, 27],
        "ring": [5, 4, 20, 16],
        "crowd": [30, 20, 10, 9],
        "no outline": [3, 4, 10, 11],
    }


@pytest.fixture
def outlined_set(tmp_path: Path) -> Path:
    """COCO, a class for each kind of outline, in two pictures that train and one that evaluates."""
    folder = tmp_path / "set"
    names, rows = list(outlines()), []
    for picture in (1, 2, 3):
        write_picture(folder / "images" / f"{picture}.png", seed=picture)
        for number, name in enumerate(names):
            row = {"id": len(rows) + 1, "image_id": picture, "category_id": number + 1}
            row |= {"bbox": boxes()[name], "iscrowd": int(name == "crowd")}
            rows.append(
                row if outlines()[name] is None else row | {"segmentation": outlines()[name]}
            )
    content = {
        "images": [
            {"id": n, "file_name": f"{n}.png", "height": HEIGHT, "width": WIDTH} for n in (1, 2, 3)
        ],
        "annotations": rows,
        "categories": [{"id": n + 1, "name": name} for n, name in enumerate(names)],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def load(path: Path, work: Path) -> Dataset:
    return load_dataset(path, clean=False, seed=0, work_dir=work, outlines=True)


def content(data: Dataset) -> Masks:
    """Of each picture, by its pixels: class, mark, box and a hash of the mask of each object."""
    found: Masks = {}
    for sample in (*data.train, *data.eval):
        drawn = sample.outlines or (None,) * len(sample.labels)
        rows = zip(sample.labels, sample.is_crowd, sample.boxes, drawn, strict=True)
        found[str(hash(np.asarray(Image.open(sample.path)).tobytes()))] = sorted(
            (
                data.label_names[label],
                bool(crowd),
                [round(float(side), 2) for side in box],
                None
                if outline is None
                else hash(rasterised(outline, sample.height, sample.width).tobytes()),
            )
            for label, crowd, box, outline in rows
        )
    return found


@pytest.mark.parametrize("form", FORMS)
def test_the_same_pixels_come_back(outlined_set: Path, tmp_path: Path, form: str) -> None:
    wanted = content(load(outlined_set, tmp_path / "w1"))
    assert sum(row[3] is None for rows in wanted.values() for row in rows) == 3
    done = convert(outlined_set, tmp_path / "out", form, workers=1)
    assert content(load(done.path, tmp_path / "w2")) == wanted
    assert not any("end elsewhere" in line or "ends elsewhere" in line for line in done.warnings)


def test_coco_is_written_with_areas_of_outlines(outlined_set: Path, tmp_path: Path) -> None:
    convert(outlined_set, tmp_path / "out", "coco", workers=1)
    (file,) = (tmp_path / "out" / "annotations").glob("instances_train.json")
    written = json.loads(file.read_text())
    names = {row["id"]: row["name"] for row in written["categories"]}
    rows = {names[row["category_id"]]: row for row in written["annotations"]}
    assert rows["polygon"]["segmentation"] == outlines()["polygon"]
    assert rows["ring"]["segmentation"] == outlines()["ring"]
    assert rows["ring"]["area"] == 16 * 20 - 4 * 5
    assert (rows["no outline"]["segmentation"], rows["no outline"]["area"]) == ([], 110)


def test_a_box_unlike_its_outline_is_told_where_it_is_lost(
    outlined_set: Path, tmp_path: Path
) -> None:
    file = outlined_set / "annotations.json"
    written = json.loads(file.read_text())
    written["annotations"][0]["bbox"] = [2, 2, 30, 25]  # hidden parts and all
    file.write_text(json.dumps(written))
    for form, told in (("yolo", 1), ("coco", 0)):
        done = convert(outlined_set, tmp_path / form, form, workers=1)
        lines = [line for line in done.warnings if "ends elsewhere than their outline" in line]
        assert len(lines) == told
        assert all(line.startswith("1 object(s)") for line in lines)


@pytest.mark.parametrize("limit", [None, 20])
def test_the_cleaned_copy_keeps_outlines(
    outlined_set: Path, tmp_path: Path, limit: int | None
) -> None:
    wanted = load(outlined_set, tmp_path / "w1")
    done = clean_copy(outlined_set, tmp_path / "out", max_width=limit)
    found = load(done.manifest, tmp_path / "w2")
    if limit is None:
        assert content(found) == content(wanted)
    sample = next(iter(found.train))
    assert (sample.width, sample.height) == ((40, 30) if limit is None else (20, 15))
    assert sum(one is not None for one in sample.outlines) == 6
    ring = found.label_names.index("ring")
    (outline,) = (
        one for one, label in zip(sample.outlines, sample.labels, strict=True) if label == ring
    )
    covered = rasterised(outline, sample.height, sample.width)
    # 16 x 20 less 4 x 5; every second pixel of the shrunk one: 8 x 10 less 2 x 3
    assert covered.sum() == (300 if limit is None else 74)
    assert not covered[sample.height // 3, sample.width // 4]  # the hole


def test_a_cleaned_copy_of_voc_keeps_what_lies_in_masks(tmp_path: Path) -> None:
    from ..readers.test_outlines_of_forms import HEIGHT, WIDTH, voc_masks

    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:15, 20:30] = 1
    mask[6:26, 5:15] = 2
    folder = voc_masks(tmp_path / "set", mask)
    done = clean_copy(folder, tmp_path / "out")
    record = json.loads(done.manifest.read_text().splitlines()[0])
    address = record["annotation"][0]["annotation-loc"]
    assert "<polygon>" in (tmp_path / "out" / address).read_text()


@pytest.mark.parametrize("form", ["coco", "yolo"])
def test_masks_of_coco128_come_back_pixel_by_pixel(
    shared_dir: Path, tmp_path: Path, form: str
) -> None:
    source = shared_dir / "data" / "coco128"
    done = convert(source, tmp_path / form, form, workers=1)
    wanted, found = (content(load(path, tmp_path / "w")) for path in (source, done.path))
    for key, rows in wanted.items():
        assert sorted(row[::3] for row in found[key]) == sorted(row[::3] for row in rows)
    assert sum(map(len, wanted.values())) == 939
