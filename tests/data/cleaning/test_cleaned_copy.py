"""Cleaned copies: written only where something changed, the source untouched."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data import load_dataset
from algorithm.data.cleaning.cleaned_copy import clean_copy
from algorithm.errors import ArgumentError

from ..conftest import write_picture, write_voc


def state(folder: Path) -> dict[str, str]:
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def lines(folder: Path) -> list[dict]:
    return [
        json.loads(line)
        for line in (folder / "output.manifest").read_text(encoding="utf-8").splitlines()
    ]


def copies(folder: Path) -> list[str]:
    return (
        sorted(file.name for file in (folder / "Data").iterdir())
        if (folder / "Data").exists()
        else []
    )


def test_nothing_wrong_writes_no_copy(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    before = state(manifest.parent)
    done = clean_copy(manifest, tmp_path / "out")
    assert (done.kept, done.lost, done.pictures, done.annotations, done.findings) == (
        10,
        0,
        0,
        0,
        (),
    )
    assert copies(tmp_path / "out") == [] and state(manifest.parent) == before
    first = lines(tmp_path / "out")[0]
    assert first["source"] == str(manifest.parent / "p00.png") and first["usage"] == "TRAIN"
    assert first["property"] == {"@modelarts:data_checked": True}
    assert first["annotation"][0]["annotation-loc"] == str(manifest.parent / "p00.xml")
    assert json.loads((tmp_path / "out/path_map.json").read_text()) == {}


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 40), "red").save(path, exif=exif)


# how p03.png is written, name of the copy, whether its bytes are the source's
CHANGES = [
    (turned, "p03_checked.png", False),
    (lambda path: Image.new("CMYK", (40, 30)).save(path, "JPEG"), "p03_checked.jpg", False),
    (lambda path: Image.new("LA", (40, 30)).save(path), "p03_checked.png", False),
    (
        lambda path: Image.fromarray(np.full((30, 40), 256 * 99, np.uint16)).save(path),
        "p03_checked.png",
        False,
    ),
    (lambda path: Image.new("RGB", (40, 30)).save(path, "WEBP"), "p03_checked.jpg", False),
    (lambda path: Image.new("RGB", (40, 30)).save(path, "TIFF"), "p03_checked.jpg", False),
    (lambda path: Image.new("I;16", (40, 30)).save(path, "TIFF"), "p03_checked.jpg", False),
    (lambda path: Image.new("RGB", (40, 30)).save(path, "PPM"), "p03_checked.jpg", False),
    (lambda path: Image.new("RGB", (40, 30)).save(path, "BMP"), "p03_checked.bmp", True),
    (lambda path: Image.new("RGB", (40, 30)).save(path, "JPEG"), "p03_checked.jpg", True),
]


@pytest.mark.parametrize(("write", "name", "same_bytes"), CHANGES)
def test_pictures_become_plain_ones(
    make_folder, tmp_path: Path, write, name: str, same_bytes: bool
) -> None:
    folder = make_folder(10)
    write(folder / "p03.png")
    before = state(folder)
    done = clean_copy(folder, tmp_path / "out")
    assert (done.kept, done.pictures, copies(tmp_path / "out")) == (10, 1, [name])
    with Image.open(tmp_path / "out/Data" / name) as copy:
        copy.load()
        assert (copy.mode, copy.size, copy.getexif().get(0x0112, 1)) == ("RGB", (40, 30), 1)
        assert copy.format == {".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP"}[Path(name).suffix]
    assert (
        (tmp_path / "out/Data" / name).read_bytes() == (folder / "p03.png").read_bytes()
    ) == same_bytes
    assert json.loads((tmp_path / "out/path_map.json").read_text()) == {
        f"Data/{name}": str(folder / "p03.png")
    }
    assert state(folder) == before
    data = load_dataset(
        tmp_path / "out/output.manifest", clean=False, seed=0, work_dir=tmp_path / "work"
    )
    assert len(data.train + data.eval) == 10


def test_annotations_that_changed_are_written_anew(make_folder, tmp_path: Path) -> None:
    folder = make_folder(10)
    write_voc(folder / "p03.xml", [("狗", -5, 5, 30, 15), ("cat", 9, 9, 9, 9)])
    done = clean_copy(folder, tmp_path / "out")
    assert (done.annotations, copies(tmp_path / "out")) == (1, ["p03_checked.xml"])
    data = load_dataset(done.manifest, clean=False, seed=0, work_dir=tmp_path / "work")
    sample = next(one for one in data.train + data.eval if one.source.endswith("p03.png"))
    assert (sample.boxes.tolist(), data.label_names[sample.labels[0]]) == ([[5, 0, 15, 30]], "狗")


def test_large_pictures_are_shrunk_with_their_boxes(make_folder, tmp_path: Path) -> None:
    folder = make_folder(10)
    write_picture(folder / "p03.png", 80, 30)
    write_voc(folder / "p03.xml", [("cat", 10, 4, 50, 24), ("cat", 60, 4, 63, 24)], 80, 30)
    done = clean_copy(folder, tmp_path / "out", max_width=40)
    assert copies(tmp_path / "out") == ["p03_checked.png", "p03_checked.xml"]
    data = load_dataset(done.manifest, clean=False, seed=0, work_dir=tmp_path / "work")
    sample = next(one for one in data.train + data.eval if one.source == "Data/p03_checked.png")
    assert (sample.width, sample.height, sample.boxes.tolist()) == (40, 15, [[2, 5, 12, 25]])
    assert {finding.rule for finding in done.findings} == {
        "over the given limits",
        "picture shrunk",
        "too thin",
    }


def test_what_cannot_be_used_is_in_no_manifest(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    (manifest.parent / "p03.png").write_bytes(b"")
    (manifest.parent / "p05.png").write_bytes((manifest.parent / "p05.png").read_bytes()[:-900])
    gray = Image.new("L", (40, 30), 99)
    gray.save(manifest.parent / "p01.png")
    gray.save(manifest.parent / "p04.png")  # EVAL: the copy made of p01 goes again
    done = clean_copy(manifest, tmp_path / "out")
    assert (done.kept, done.lost, copies(tmp_path / "out")) == (7, 3, ["p04_checked.png"])
    assert not {"p01.png", "p03.png", "p05.png"} & {
        Path(line["source"]).name for line in lines(tmp_path / "out")
    }


def test_equal_names_do_not_meet_and_long_ones_fit(tmp_path: Path) -> None:
    folder, long = tmp_path / "set", "猫" * 80
    for place, name in (("a", "x"), ("b", "x"), ("b", long)):
        (folder / place).mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 30), len(place + name)).save(folder / place / f"{name}.png")
        write_voc(folder / place / f"{name}.xml", [("cat", 2, 3, 20, 25)])
    Image.new("L", (40, 30), 200).save(folder / "b" / "x.png")
    done = clean_copy(folder, tmp_path / "out")
    assert (done.pictures, len(copies(tmp_path / "out"))) == (3, 3)
    assert {"x_checked.png", "x-2_checked.png"} < set(copies(tmp_path / "out"))


def test_a_second_run_gives_the_same(make_folder, tmp_path: Path) -> None:
    folder = make_folder(10)
    Image.new("L", (40, 30)).save(folder / "p03.png")
    clean_copy(folder, tmp_path / "out")
    first = state(tmp_path / "out")
    clean_copy(folder, tmp_path / "out")
    assert state(tmp_path / "out") == first


def test_output_inside_the_dataset_is_refused(make_folder) -> None:
    folder = make_folder(10)
    with pytest.raises(ArgumentError, match="expected an output folder outside the dataset"):
        clean_copy(folder, folder / "cleaned")


def test_coco_becomes_a_manifest_with_nothing_lost(shared_dir: Path, tmp_path: Path) -> None:
    source = load_dataset(shared_dir / "data/coco128", clean=True, seed=0, work_dir=tmp_path / "a")
    done = clean_copy(shared_dir / "data/coco128", tmp_path / "out")
    data = load_dataset(done.manifest, clean=False, seed=0, work_dir=tmp_path / "b")
    before = {one.image_id: one for one in source.train + source.eval}
    assert (done.kept, done.annotations) == (128, 128)
    for sample in data.train + data.eval:
        np.testing.assert_allclose(sample.boxes, before[sample.image_id].boxes, atol=0.01)
        assert sample.is_crowd.tolist() == before[sample.image_id].is_crowd.tolist()
