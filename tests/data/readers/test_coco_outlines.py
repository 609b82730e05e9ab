"""Outlines of COCO files, from the JSON to the sample."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data import Sample, load_dataset
from algorithm.data.outline_geometry import extent
from algorithm.data.outlines import Polygons, RunLengths, rasterised
from algorithm.data.readers.recognition import read_listing

from ..conftest import write_picture
from .test_coco import write_coco

SQUARE = [5, 6, 15, 6, 15, 26, 5, 26]
BOX = {"image_id": 1, "category_id": 7, "bbox": [5, 6, 10, 20]}


def samples_of(folder: Path, rows: list[dict], **changes: object) -> dict[str, Sample]:
    rows = [{"id": number, **row} for number, row in enumerate(rows, start=1)]
    write_coco(folder, annotations=[*rows, {**BOX, "id": 99, "image_id": 2}], **changes)
    write_picture(folder / "images" / "2.png", seed=1)
    data = load_dataset(
        folder, clean=False, seed=0, work_dir=tempfile.mkdtemp(dir=folder), outlines=True
    )
    return {sample.image_id: sample for sample in (*data.train, *data.eval)}


def runs_of_square(height: int = 30, width: int = 40) -> list[int]:
    mask = np.zeros((height, width), np.uint8)
    mask[6:26, 5:15] = 1
    changes = np.flatnonzero(np.diff(mask.T.ravel())) + 1
    return np.diff([0, *changes, mask.size]).tolist()


@pytest.mark.parametrize(
    "outline",
    [
        [SQUARE],
        SQUARE,
        [[[5, 6], [15, 6], [15, 26], [5, 26]]],
        [[5, 6], [15, 6], [15, 26], [5, 26]],
    ],
)
def test_polygons_however_their_points_are_nested(tmp_path: Path, outline: list) -> None:
    (found,) = samples_of(tmp_path, [{**BOX, "segmentation": outline}])["1"].outlines
    assert isinstance(found, Polygons)
    assert found.parts[0].tolist() == [[5, 6], [15, 6], [15, 26], [5, 26]]


def test_both_forms_of_run_lengths_cover_the_same_pixels(tmp_path: Path) -> None:
    from pycocotools import mask as coco_mask

    numbers = {"size": [30, 40], "counts": runs_of_square()}
    packed = coco_mask.frPyObjects(numbers, 30, 40)["counts"].decode()
    text = {"size": [30, 40], "counts": packed}
    rows = [{**BOX, "segmentation": one} for one in (numbers, text)]
    sample = samples_of(tmp_path, [*rows, {**BOX, "segmentation": [SQUARE]}])["1"]
    first, second, third = (rasterised(one, 30, 40) for one in sample.outlines)
    assert isinstance(sample.outlines[0], RunLengths)
    assert first.sum() == 200
    assert np.array_equal(first, second)
    assert np.array_equal(first, third)


@pytest.mark.parametrize("form", ["polygon", "runs"])
def test_an_outline_without_bbox_gives_its_box(tmp_path: Path, form: str) -> None:
    outline = [SQUARE] if form == "polygon" else {"size": [30, 40], "counts": runs_of_square()}
    row = {"image_id": 1, "category_id": 7, "segmentation": outline}
    sample = samples_of(tmp_path, [row])["1"]
    assert sample.boxes.tolist() == [[6, 5, 26, 15]]
    assert extent(sample.outlines[0]) == (6, 5, 26, 15)


def test_objects_without_an_outline_stand_beside_ones_with(tmp_path: Path) -> None:
    rows = [BOX, {**BOX, "segmentation": []}, {**BOX, "segmentation": [SQUARE]}]
    samples = samples_of(tmp_path, rows)
    assert [one is None for one in samples["1"].outlines] == [True, True, False]
    assert samples["2"].outlines == (None,)


def test_a_dataset_without_outlines_has_none(tmp_path: Path) -> None:
    assert samples_of(tmp_path, [BOX])["1"].outlines is None


def test_a_job_on_boxes_gets_no_outlines_and_the_same_boxes(tmp_path: Path) -> None:
    with_outlines = samples_of(tmp_path, [{**BOX, "segmentation": [SQUARE]}])["1"]
    data = load_dataset(tmp_path, clean=False, seed=0, work_dir=tmp_path / "work")
    sample = next(one for one in (*data.train, *data.eval) if one.image_id == "1")
    assert sample.outlines is None
    assert sample.boxes.tolist() == with_outlines.boxes.tolist()


@pytest.mark.parametrize(
    ("outline", "problem"),
    [
        ([[5, 6, 15, 26]], "at least 3 corners"),
        ([[5, 6, 15, 26, 7]], "x and y of each corner"),
        ({"size": [30, 40], "counts": [5, 6]}, "expected run lengths of 1200 pixels"),
        ({"counts": [5, 6]}, "expected size"),
        ("here", "expected polygons"),
        ({"size": [20, 40], "counts": [0, 800]}, "found 40x20"),
        ([[50, 6, 60, 6, 60, 26]], "an area in the picture"),
    ],
)
def test_an_outline_that_cannot_be_used_is_told_and_its_object_stays(
    tmp_path: Path, outline: object, problem: str
) -> None:
    other = {**BOX, "bbox": [20, 1, 10, 8], "segmentation": [[20, 1, 30, 1, 30, 9]]}
    sample = samples_of(tmp_path, [{**BOX, "segmentation": outline}, other])["1"]
    assert [one is None for one in sample.outlines] == [True, False]
    assert len(sample.boxes) == 2
    data = load_dataset(tmp_path, clean=True, seed=0, work_dir=tmp_path / "work", outlines=True)
    assert any("its object stays for its box: 1 time" in line for line in data.warnings)
    report = (tmp_path / "work" / "cleaning_report.json").read_text()
    assert problem in report


def test_run_lengths_of_the_upright_picture_stay_where_boxes_turn(tmp_path: Path) -> None:
    """Mask tools show the picture upright, while the recorded size may be the stored one."""
    corners = [5, 6, 15, 6, 15, 26, 5, 26]
    mask = {"size": [40, 30], "counts": [3, 2, 1195]}  # of the upright picture, 30 x 40
    folder = tmp_path / "images"
    rows = [{**BOX, "segmentation": [corners]}, {**BOX, "segmentation": mask}]
    write_coco(tmp_path, annotations=[{"id": n, **row} for n, row in enumerate(rows)], ids=(1, 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(folder / "1.png").copy()
    picture.save(folder / "1.png", exif=exif)
    data = load_dataset(tmp_path, clean=False, seed=0, work_dir=tmp_path / "w", outlines=True)
    sample = next(one for one in (*data.train, *data.eval) if one.image_id == "1")
    assert (sample.width, sample.height) == (30, 40)
    polygon, runs = sample.outlines
    assert extent(polygon) == tuple(sample.boxes[0].tolist())
    assert rasterised(runs, 40, 30)[3:5, 0].tolist() == [1, 1]


def test_outlines_scale_with_a_recorded_size(tmp_path: Path) -> None:
    twice = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 60} for n in (1, 2)]
    }
    mask = {"size": [60, 80], "counts": runs_of_square(60, 80)}
    rows = [{**BOX, "segmentation": [SQUARE]}, {**BOX, "segmentation": mask}]
    sample = samples_of(tmp_path, rows, **twice)["1"]
    assert sample.boxes[0].tolist() == [3, 2.5, 13, 7.5]
    polygon, runs = sample.outlines
    assert extent(polygon) == (3, 2.5, 13, 7.5)
    assert (runs.height, runs.width) == (30, 40)
    assert extent(runs) == (3, 2, 13, 7)  # columns whose centre lies in the outline


def test_outlines_of_other_objects_than_their_boxes_are_reported(tmp_path: Path) -> None:
    far = [25, 6, 35, 6, 35, 26]
    samples_of(tmp_path, [{**BOX, "segmentation": [far]}])
    load_dataset(tmp_path, clean=True, seed=0, work_dir=tmp_path / "work", outlines=True)
    report = (tmp_path / "work" / "cleaning_report.json").read_text()
    assert '"outline unlike its box"' in report


def test_a_file_listed_twice_keeps_the_outlines_of_both(tmp_path: Path) -> None:
    images = [{"id": n, "file_name": "1.png", "width": 40, "height": 30} for n in (1, 2)]
    rows = [{**BOX, "id": 1, "segmentation": [SQUARE]}, {**BOX, "id": 2, "image_id": 2}]
    write_coco(tmp_path, images=images, annotations=rows)
    (entry,) = read_listing(tmp_path, outlines=True).entries
    assert [one is None for one in entry.annotation.outlines] == [False, True]


def test_coco128_boxes_are_the_extent_of_their_outlines(shared_dir: Path, tmp_path: Path) -> None:
    data = load_dataset(
        shared_dir / "data" / "coco128", clean=False, seed=0, work_dir=tmp_path, outlines=True
    )
    found = 0
    for sample in (*data.train, *data.eval):
        for box, outline, crowd in zip(sample.boxes, sample.outlines, sample.is_crowd, strict=True):
            if not crowd:
                assert extent(outline) == pytest.approx(box.tolist(), abs=0.02)
                found += 1
            covered = rasterised(outline, sample.height, sample.width)
            assert covered.any()
    assert found == 929
