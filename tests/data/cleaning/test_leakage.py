"""Pictures that are in a dataset twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from algorithm.data import load_dataset
from algorithm.data.cleaning.duplicates import PictureMark, equal_digests, lookalikes, mark_of
from algorithm.errors import DataError

from ..conftest import write_voc


def actions(folder: Path) -> list[dict]:
    return json.loads((folder / "cleaning_report.json").read_text(encoding="utf-8"))["actions"]


def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.BICUBIC)


def marks(*pictures: Image.Image) -> list:
    return [mark_of(picture.tobytes(), picture) for picture in pictures]


def test_the_train_copy_of_an_eval_picture_is_left_out(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    shutil.copy(manifest.parent / "p04.png", manifest.parent / "p01.png")  # p04 is EVAL
    data = load_dataset(manifest, clean=True, seed=0, work_dir=tmp_path)
    assert (len(data.train), len(data.eval)) == (7, 2)
    assert [(row["file"], row["rule"], row["action"]) for row in actions(tmp_path)] == [
        ("p01.png", "same file in TRAIN and EVAL", "picture left out")
    ]
    assert (
        "the file of p04.png of EVAL again, annotated differently"
        in actions(tmp_path)[0]["problem"]
    )
    assert len(load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path).train) == 8


def test_copies_on_one_side_are_reported_and_kept(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    shutil.copy(manifest.parent / "p00.png", manifest.parent / "p02.png")
    shutil.copy(manifest.parent / "p04.png", manifest.parent / "p09.png")
    data = load_dataset(manifest, clean=True, seed=0, work_dir=tmp_path)
    assert (len(data.train), len(data.eval)) == (8, 2)
    assert [(row["file"], row["action"]) for row in actions(tmp_path)] == [
        ("p02.png", "reported only"),
        ("p09.png", "reported only"),
    ]


def test_without_a_split_only_the_first_copy_stays(make_folder, tmp_path: Path) -> None:
    folder = make_folder(10)
    shutil.copy(folder / "p00.png", folder / "p02.png")
    data = load_dataset(folder, clean=True, seed=0, work_dir=tmp_path / "work")
    assert "p02.png" not in [sample.source for sample in data.train + data.eval]
    assert len(data.train + data.eval) == 9


def test_training_on_the_evaluation_set_is_refused(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(
        20, lambda index, record: record.update(usage="EVAL" if index % 2 else "TRAIN")
    )
    for index in range(0, 20, 2):
        shutil.copy(
            manifest.parent / f"p{index + 1:02d}.png", manifest.parent / f"p{index:02d}.png"
        )
    with pytest.raises(
        DataError,
        match="expected EVAL to have pictures of its own, found all 10 TRAIN pictures in it",
    ):
        load_dataset(manifest, clean=True, seed=0, work_dir=tmp_path)


def test_a_changed_copy_looks_the_same(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    scene(1).save(manifest.parent / "p04.png")
    scene(1).resize((300, 225)).save(manifest.parent / "p01.png")
    for stem, size in (("p04", (320, 240)), ("p01", (300, 225))):
        write_voc(manifest.parent / f"{stem}.xml", [("cat", 2, 3, 20, 25)], *size)
    data = load_dataset(manifest, clean=True, seed=0, work_dir=tmp_path)
    assert (len(data.train), len(data.eval)) == (8, 2)
    assert [(row["file"], row["rule"], row["action"]) for row in actions(tmp_path)] == [
        ("p01.png", "looks like another picture", "reported only")
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture.resize((200, 150)),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
        lambda picture: picture.point(lambda value: value * 0.98),
        lambda picture: picture.resize((641, 479)),
    ],
)
def test_lookalikes_survive_small_changes(change) -> None:
    assert list(lookalikes(marks(scene(1), scene(2), change(scene(1))), range(3))) == [(0, 2)]


def test_different_pictures_do_not_look_alike() -> None:
    found = list(lookalikes(marks(*(scene(seed) for seed in range(300))), range(300)))
    assert found == []


def test_hashes_of_up_to_five_different_bits_are_found_among_many() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2, (400, 64), np.uint8)
    for place in range(100):  # 0 to 6 bits off from a picture 100 places on, anywhere
        hashes[100 + place] = hashes[place]
        hashes[100 + place, rng.choice(64, place % 7, replace=False)] ^= 1
    grey = bytes([128]) * 256
    packed = np.packbits(hashes, axis=1)
    all_marks = [
        PictureMark(bytes([n % 256, n // 256]), packed[n].tobytes(), grey) for n in range(400)
    ]
    alike = [(place, 100 + place) for place in range(100) if place % 7 < 6]
    assert list(lookalikes(all_marks, range(400))) == alike
    assert list(lookalikes(all_marks, range(100, 400), range(100))) == [
        (other, one) for one, other in alike
    ]


def test_the_same_file_is_no_lookalike_and_blank_pictures_need_the_same_grey() -> None:
    white, grey = Image.new("RGB", (64, 64), "white"), Image.new("RGB", (64, 64), "grey")
    some = marks(scene(1), scene(1), white, grey)
    assert equal_digests([mark.digest for mark in some]) == [[0, 1]]
    assert list(lookalikes(some, [0, 2], [1, 3])) == []


def test_real_leaks_are_found(shared_dir: Path, tmp_path: Path) -> None:
    load_dataset(
        shared_dir / "data/raccoon/raccoon.manifest", clean=True, seed=0, work_dir=tmp_path
    )
    rows = [row for row in actions(tmp_path) if row["rule"] == "looks like another picture"]
    assert [(row["file"], row["problem"].rpartition("like ")[2]) for row in rows] == [
        ("images/raccoon-21.jpg", "images/raccoon-45.jpg of EVAL")
    ]
