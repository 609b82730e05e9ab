"""The split: the dataset's own, or one that is stratified, repeatable and written down."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from algorithm.data.split import assigned_usages, stratified_eval, stratified_parts
from algorithm.errors import DataError

IDS = [f"图-{number}" for number in range(100)]
CLASSES = [("common",) if number % 10 else ("rare", "common") for number in range(100)]


def assign(
    usages: list[str | None], folder: Path, **options: object
) -> tuple[list[str], list[str]]:
    count = len(usages)
    return assigned_usages(IDS[:count], usages, CLASSES[:count], seed=1, work_dir=folder, **options)


def test_stratified_share() -> None:
    chosen = stratified_eval(IDS, CLASSES, seed=1)
    assert len(chosen) == 20
    assert Counter(CLASSES[IDS.index(sample)] for sample in chosen) == {
        ("common",): 18,
        ("rare", "common"): 2,
    }


def test_split_depends_on_the_seed_and_not_on_the_order() -> None:
    assert stratified_eval(IDS, CLASSES, seed=1) == stratified_eval(
        IDS[::-1], CLASSES[::-1], seed=1
    )
    assert stratified_eval(IDS, CLASSES, seed=1) != stratified_eval(IDS, CLASSES, seed=2)


@pytest.mark.parametrize("seed", range(20))
def test_the_only_picture_of_a_class_trains(seed: int) -> None:
    assert stratified_eval(["a", "b", "c"], [("x",), ("x",), ("y",)], seed) <= {"a", "b"}


def test_few_samples() -> None:
    assert len(stratified_eval(["a", "b"], [(), ()], seed=0)) == 1
    with pytest.raises(
        DataError, match="expected at least 2 samples to split into TRAIN and EVAL, found 1"
    ):
        stratified_eval(["a"], [()], seed=0)


def test_split_is_written_and_reused(tmp_path: Path) -> None:
    usages, notes = assign([None] * 100, tmp_path)
    record = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))
    assert record["eval"] == [
        sample for sample, usage in zip(IDS, usages, strict=True) if usage == "eval"
    ]
    assert notes == [
        f"the dataset has no split: 80 samples train, 20 evaluate, written to {tmp_path}/split.json"
    ]
    swapped = {**record, "train": record["eval"], "eval": record["train"]}
    (tmp_path / "split.json").write_text(json.dumps(swapped), encoding="utf-8")
    again, notes = assign([None] * 100, tmp_path)
    assert again.count("eval") == 80
    assert "as written in" in notes[0]


def test_split_of_other_samples_is_replaced(tmp_path: Path) -> None:
    assign([None] * 50, tmp_path)
    usages, notes = assign([None] * 100, tmp_path)
    assert (usages.count("eval"), "written to" in notes[0]) == (20, True)


def test_damaged_split_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text("{")
    with pytest.raises(DataError, match=r"split\.json, found something else: delete it"):
        assign([None] * 10, tmp_path)


def test_given_usages_stay_and_the_others_train(tmp_path: Path) -> None:
    usages, notes = assign(["eval", None, "train", None], tmp_path)
    assert usages == ["eval", "train", "train", "train"]
    assert notes == ["2 of 4 samples have no usage and are used for training"]
    assert not (tmp_path / "split.json").exists()


@pytest.mark.parametrize(
    ("usage", "found"), [("train", "3 TRAIN, 0 EVAL"), ("eval", "0 TRAIN, 3 EVAL")]
)
def test_a_split_with_only_one_side(tmp_path: Path, usage: str, found: str) -> None:
    with pytest.raises(DataError, match=f"expected TRAIN and EVAL samples, found {found}"):
        assign([usage] * 3, tmp_path)


def test_evaluation_alone_needs_no_train_samples(tmp_path: Path) -> None:
    assert assign(["eval"] * 3, tmp_path, require=("eval",)) == (["eval"] * 3, [])
    assert assign([None] * 3, tmp_path, require=("eval",)) == (
        ["eval"] * 3,
        ["the dataset has no split: all samples are evaluated"],
    )


def test_the_last_samples_evaluate_where_the_dataset_does_not_say(tmp_path: Path) -> None:
    usages, notes = assign([None] * 10, tmp_path, last=3)
    assert usages == ["train"] * 7 + ["eval"] * 3
    assert notes == ["the dataset has no split: the last 3 of 10 samples evaluate"]
    assert not (tmp_path / "split.json").exists()
    assert assign(["eval", "train"], tmp_path, last=1)[0] == ["eval", "train"]
    with pytest.raises(DataError, match="found 0 TRAIN, 10 EVAL"):
        assign([None] * 10, tmp_path, last=50)


def parts(groups: list[int] | None = None, fractions=(0.8, 0.1, 0.1), seed: int = 1) -> list[int]:
    return stratified_parts(IDS, CLASSES, groups or list(range(100)), fractions, seed)


def test_parts_have_their_shares_of_each_class() -> None:
    chosen = parts()
    assert Counter(chosen) == {0: 80, 1: 10, 2: 10}
    assert Counter(
        part for part, names in zip(chosen, CLASSES, strict=True) if "rare" in names
    ) == {
        0: 8,
        1: 1,
        2: 1,
    }


def test_a_group_stays_in_one_part() -> None:
    groups = [number // 5 for number in range(100)]
    chosen = parts(groups)
    assert all(len({chosen[5 * group + step] for step in range(5)}) == 1 for group in range(20))
    assert Counter(chosen) == {0: 80, 1: 10, 2: 10}


def test_parts_depend_on_the_seed_and_not_on_the_order() -> None:
    chosen = dict(zip(IDS, parts(), strict=True))
    backwards = stratified_parts(IDS[::-1], CLASSES[::-1], range(100), (0.8, 0.1, 0.1), 1)
    assert dict(zip(IDS[::-1], backwards, strict=True)) == chosen
    assert parts(seed=2) != parts()


def test_small_classes_reach_the_small_parts_too() -> None:
    ids = [f"{number:02d}" for number in range(20)]
    classes = [(f"class {number // 2}",) for number in range(20)]  # ten classes of two pictures
    chosen = stratified_parts(ids, classes, range(20), (0.8, 0.2), 0)
    assert Counter(chosen) == {0: 16, 1: 4}
    assert all(0 in chosen[2 * number : 2 * number + 2] for number in range(10))


def test_every_part_gets_a_picture_or_it_is_refused() -> None:
    assert sorted(stratified_parts("abc", [("x",)] * 3, range(3), (0.98, 0.01, 0.01), 0)) == [
        0,
        1,
        2,
    ]
    with pytest.raises(DataError, match="expected at least 3 pictures that do not look the same"):
        stratified_parts("abcd", [("x",)] * 4, [0, 0, 0, 1], (0.8, 0.1, 0.1), 0)
