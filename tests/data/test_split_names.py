"""The split that names of files, folders and lists state."""

from __future__ import annotations

import pytest

from algorithm.data.split_names import stated_usages, synonyms, usage_of, word_of_list, word_of_path


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("train/a.jpg", "train"),
        ("set/images/Val2017/deep/a.jpg", "val"),
        ("train_images/a.jpg", "train"),
        ("testing/a.jpg", "testing"),
        ("train.jpg", None),
        ("trains/a.jpg", None),
        ("my_training_run/a.jpg", None),
    ],
)
def test_folder_of_a_path(path: str, word: str | None) -> None:
    assert word_of_path(path) == word


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Train.txt", "train"),
        ("val2012.txt", "val"),
        ("cat_train.txt", None),
        ("default.txt", None),
    ],
)
def test_list(name: str, word: str | None) -> None:
    assert word_of_list(name) == word


def test_words_inside_a_file_name() -> None:
    names = ("pet_val.record", "train-00000-of-00010", "testament.json", "coco_Validation_v2.json")
    assert [usage_of(name) for name in names] == ["eval", "train", None, "eval"]


@pytest.mark.parametrize(
    ("words", "usages", "said"),
    [
        (["train", "val"], ["train", "eval"], ""),
        (["trainval", "dev", None], ["train", "eval", None], ""),
        (
            ["train", "val", "test"],
            ["train", "eval", "gone"],
            "1 picture(s) of 'test' are left out",
        ),
        (["train", "test"], ["train", "eval"], "1 picture(s) of 'test' evaluate"),
        (
            ["val", "test", "testing"],
            [None, "gone", "gone"],
            "2 picture(s) of 'test and testing' are left out",
        ),
        (["val", "test"], [None, "gone"], "only side of picture(s) is 'val', which is no split"),
        (["val", "test", None], [None, "gone", None], "1 picture(s) of 'test' are left out"),
        (["test", None], ["eval", None], "1 picture(s) of 'test' evaluate"),
        (["test", "test"], ["eval", "eval"], "2 picture(s) of 'test' evaluate"),
        (["train", "train"], [None, None], "only side of picture(s) is 'train', which is no split"),
        (["train", None], [None, None], ""),
        ([None], [None], ""),
    ],
)
def test_stated_usages(words: list, usages: list, said: str) -> None:
    found, lines = stated_usages(dict(enumerate(words)))
    assert [found.get(place, "gone") for place in range(len(words))] == usages
    assert said in "".join(lines)
    assert bool(said) == bool(lines)


def test_synonyms_keep_test_apart() -> None:
    assert {"val", "validation"} <= set(synonyms("valid"))
    assert not {"test", "train"} & set(synonyms("valid"))
    assert synonyms("images") == ()
