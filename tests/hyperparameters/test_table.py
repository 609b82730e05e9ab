import re
import subprocess
import sys
import typing
from dataclasses import fields
from pathlib import Path

import pytest

from algorithm.hyperparameters import (
    HPARAMS,
    LANGUAGES,
    TABLE,
    Hyperparameters,
    as_markdown,
    as_text,
    read_value,
    write_value,
)
from algorithm.hyperparameters.command_line import letters_apart
from algorithm.hyperparameters.row import Interval

PLATFORM_DESCRIPTION = re.compile(r"[A-Za-z0-9一-鿿 \-_,.]{1,256}")
PUBLISHED_KEYS = (
    "label_smoothing", "box_loss_weight", "learning_rate", "lr_warmup_init", "lr_warmup_epoch", "first_lr_drop_epoch",
    "second_lr_drop_epoch", "moving_average_decay", "soft_cls_loss", "soft_box_loss",
)  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_row_is_fit_for_publication(row):
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", row.name)
    assert PLATFORM_DESCRIPTION.fullmatch(row.english)
    assert PLATFORM_DESCRIPTION.fullmatch(row.chinese)
    assert re.search("[一-鿿]", row.chinese)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_default_is_allowed_by_its_own_row(row):
    value = read_value(row, write_value(row.default))
    assert value == row.default
    assert type(value) is type(row.default)


def test_names_are_unique_and_the_published_keys_are_there():
    names = [row.name for row in TABLE]
    assert len(names) == len(set(names))
    assert set(PUBLISHED_KEYS) <= set(HPARAMS)
    assert names[:7] == [
        "mode", "model_name", "train_batch_size", "eval_batch_size", "num_epochs", "do_data_cleaning", "hparams",
    ]  # fmt: skip


def test_the_typed_class_has_one_attribute_for_each_row():
    plain = {"string": str, "integer": int, "float": float, "boolean": bool, "regex": str}
    kinds = plain | {"size": tuple[int, int]}
    expected = {
        row.name: kinds[row.kind] | None
        if row.default is None and not row.required
        else kinds[row.kind]
        for row in TABLE
        if not row.alias_of
    }
    hints = typing.get_type_hints(Hyperparameters)
    written = {field.name: hints[field.name] for field in fields(Hyperparameters)}
    assert written == expected | dict.fromkeys(("ignored", "notes"), tuple[str, ...])


def test_the_type_checker_finds_a_misspelt_hyperparameter(tmp_path):
    pytest.importorskip("mypy", reason="mypy comes with the extra [lint]")
    snippet = tmp_path / "snippet.py"
    lines = ["from algorithm.hyperparameters import Hyperparameters as H"]
    lines += ["def right(hp: H) -> int: return hp.seed", "def wrong(hp: H) -> int: return hp.sede"]
    snippet.write_text("\n".join(lines), "utf-8")
    project = Path(__file__).parents[2]
    found = subprocess.run(  # from the project, whose cache `make lint` has filled
        [sys.executable, "-m", "mypy", str(snippet)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert [line.partition("snippet.py:")[2] for line in found.stdout.splitlines()[:-1]] == [
        '3: error: "Hyperparameters" has no attribute "sede"  [attr-defined]'
    ]


def test_intervals():
    half_open = Interval.parse("[0, 1)")
    assert 0 in half_open and 0.999 in half_open and 1 not in half_open and -0.1 not in half_open
    positive = Interval.parse("(0, inf)")
    assert (
        1e300 in positive
        and 0 not in positive
        and float("inf") not in positive
        and float("nan") not in positive
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("num_epoch", "num_epochs", 1),
        ("kitten", "sitting", 3),
        ("abc", "abc", 0),
    ],
)
def test_letters_apart(one, other, expected):
    assert letters_apart(one, other) == letters_apart(other, one) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_rendered_tables_hold_every_row(language):
    text, markdown = (
        as_text(TABLE, language).splitlines(),
        as_markdown(TABLE, language).splitlines(),
    )
    assert len(text) == len(TABLE) + 1 and len(markdown) == len(TABLE) + 2
    for row, line in zip(TABLE, text[1:], strict=True):
        assert line.split()[0] == row.name
        assert line.endswith(row.chinese if language == "zh" else row.english)
    assert {line.count(" | ") for line in markdown} == {6}
