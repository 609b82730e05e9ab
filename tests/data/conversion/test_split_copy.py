"""A new split: stratified, copies on one side, read as it was written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.__main__ import main
from algorithm.data import load_dataset
from algorithm.data.conversion.split_copy import parse_fractions, split_copy
from algorithm.errors import ArgumentError, DataError

from ..conftest import write_voc

THIRDS = (0.6, 0.2, 0.2)


def scenes(root: Path, count: int = 20) -> Path:
    """Pictures that look different, and of every fifth a smaller one that looks the same."""
    for index in range(count):
        cells = np.random.default_rng(index - index % 5 // 4).integers(0, 255, (6, 8, 3), np.uint8)
        size = (96, 72) if index % 5 == 4 else (128, 96)
        root.mkdir(exist_ok=True)
        Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC).save(
            root / f"p{index:02d}.png"
        )
        write_voc(root / f"p{index:02d}.xml", [(("cat", "dog")[index % 2], 2, 3, 40, 50)], *size)
    return root


def names_of(manifest: Path, usage: str) -> set[str]:
    rows = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    return {Path(row["source"]).stem for row in rows if row["usage"] == usage}


def test_three_parts_are_read_as_they_were_written(tmp_path: Path) -> None:
    done = split_copy(scenes(tmp_path / "set"), tmp_path / "out", THIRDS, workers=1)
    assert done.pictures == 20
    train, evaluated = (names_of(done.path, usage) for usage in ("TRAIN", "EVAL"))
    tested = names_of(done.test, "EVAL")
    assert (len(train), len(evaluated), len(tested)) == (12, 4, 4)
    for index in range(4, 20, 5):  # p04 looks like p03, p09 like p08, ...
        pair = {f"p{index:02d}", f"p{index - 1:02d}"}
        assert any(pair <= part for part in (train, evaluated, tested))
    for place in (done.path, tmp_path / "out"):
        data = load_dataset(place, clean=True, seed=9, work_dir=tmp_path / "work")
        assert {Path(one.source).stem for one in data.train} == train
        assert {Path(one.source).stem for one in data.eval} == evaluated
    for place in (done.test, tmp_path / "out/test"):
        data = load_dataset(
            place, clean=True, seed=9, work_dir=tmp_path / "work", require=("eval",)
        )
        assert {Path(one.source).stem for one in data.eval} == tested and not data.train


def test_the_split_of_the_source_is_replaced_and_the_seed_counts(make_manifest, tmp_path) -> None:
    manifest = make_manifest(20)
    chosen = [
        names_of(
            split_copy(manifest, tmp_path / str(turn), (0.5, 0.5), seed=seed, workers=1).path,
            "EVAL",
        )
        for turn, seed in enumerate((0, 0, 1))
    ]
    assert [len(names) for names in chosen] == [10, 10, 10]
    assert chosen[0] == chosen[1] != chosen[2]


def test_copies_stay_together_and_cleaning_leaves_them_out(make_folder, tmp_path: Path) -> None:
    folder = make_folder(10)
    for index in range(1, 5):
        shutil.copy(folder / "p00.png", folder / f"p{index:02d}.png")
    path = split_copy(folder, tmp_path / "out", (0.5, 0.5), workers=1).path
    same = {f"p{index:02d}" for index in range(5)}
    assert same <= names_of(path, "TRAIN") or same <= names_of(path, "EVAL")
    done = split_copy(folder, tmp_path / "cleaned", (0.5, 0.5), workers=1, clean=True)
    assert done.pictures == 6


def test_dirty_data_is_refused_or_cleaned(make_folder, tmp_path: Path) -> None:
    folder = make_folder(10)
    (folder / "p03.png").write_bytes(b"")
    with pytest.raises(DataError, match="run with --clean to drop what cannot be used"):
        split_copy(folder, tmp_path / "out", (0.8, 0.2))
    assert split_copy(folder, tmp_path / "out", (0.8, 0.2), workers=1, clean=True).pictures == 9


def test_fractions() -> None:
    assert parse_fractions("0.8,0.1, 0.1") == (0.8, 0.1, 0.1)
    for text in ("0.8", "0.8,0.3", "1,0", "0.25,0.25,0.25,0.25", "a,b", ""):
        with pytest.raises(ArgumentError, match="expected --fractions of two or three positive"):
            parse_fractions(text)


def test_verb(make_folder, tmp_path: Path, capsys) -> None:
    flags = [f"--data_url={make_folder(10)}", f"--output={tmp_path / 'out'}", "--workers=1"]
    assert main(["data", "split", *flags, "--fractions=0.6,0.2,0.2"]) == 0
    shown = capsys.readouterr()
    assert (
        "WARNING split anew (seed 0): 6 train, 2 eval, 2 test; 0 picture(s) went with" in shown.err
    )
    assert shown.out == (
        f"10 pictures: {tmp_path / 'out/dataset.manifest'}\n"
        f"test part, for `evaluate --data_url`: {tmp_path / 'out/test/dataset.manifest'}\n"
    )
    assert main(["data", "split", *flags, "--fractions=2"]) == 2
