"""The split: the dataset's own, or one that is stratified, repeatable and written down."""

from __future__ import annotations

from collections import Counter

import pytest

from algorithm.data.split import assigned_usages, stratified_eval, stratified_parts
from algorithm.errors import DataError

IDS = [f"图-{number}" for number in range(100)]
CLASSES = [("common",) if number % 10 else ("rare", "common") for number in range(100)]


def assign(usages: list[str | None], **options: object) -> tuple[list[str], str, list[str]]:
    count = len(usages)
    return assigned_usages(IDS[:count], usages, CLASSES[:count], seed=1, **options)


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


def test_a_dataset_without_a_split_is_split_by_seed() -> None:
    usages, rule, notes = assign([None] * 100)
    assert (usages.count("eval"), rule) == (20, "seed 1")
    assert notes == ["the dataset has no split: 80 samples train, 20 evaluate, chosen by seed 1"]


def test_given_usages_stay_and_the_others_train() -> None:
    usages, rule, notes = assign(["eval", None, "train", None])
    assert (usages, rule) == (["eval", "train", "train", "train"], "stated by the dataset")
    assert notes == ["2 of 4 samples have no usage and are used for training"]


@pytest.mark.parametrize(
    ("usage", "found"), [("train", "3 TRAIN, 0 EVAL"), ("eval", "0 TRAIN, 3 EVAL")]
)
def test_a_split_with_only_one_side(usage: str, found: str) -> None:
    with pytest.raises(DataError, match=f"expected TRAIN and EVAL samples, found {found}"):
        assign([usage] * 3)


def test_evaluation_alone_needs_no_train_samples() -> None:
    assert assign(["eval"] * 3, require=("eval",))[0] == ["eval"] * 3
    assert assign([None] * 3, require=("eval",)) == (
        ["eval"] * 3,
        "none",
        ["the dataset has no split: all samples are evaluated"],
    )


def test_the_last_samples_evaluate_where_the_dataset_does_not_say() -> None:
    usages, rule, notes = assign([None] * 10, last=3)
    assert (usages, rule) == (["train"] * 7 + ["eval"] * 3, "the last 3")
    assert notes == ["the dataset has no split: the last 3 of 10 samples evaluate"]
    assert assign(["eval", "train"], last=1)[0] == ["eval", "train"]
    with pytest.raises(DataError, match="found 0 TRAIN, 10 EVAL"):
        assign([None] * 10, last=50)


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
