import errno
import json
import os
import re
from pathlib import Path

import pytest

from algorithm import errors
from algorithm.cli import error_report
from algorithm.cli.error_report import exit_code_of, option_value
from algorithm.storage.atomic_files import write_text

PROJECT = Path(__file__).parents[2]


def codes_in(page):
    """{exit code: kinds, the words in backticks of its row} of a page's table."""
    rows = re.findall(r"^\| (\d+) \|([^|]*)\|", page.read_text("utf-8"), flags=re.MULTILINE)
    return {int(code): set(re.findall(r"`([A-Z]+)`", cell)) for code, cell in rows}


def test_the_exit_codes_of_the_documents_are_those_of_the_errors():
    known = {0: set(), error_report.INTERRUPTED: {"STOPPED"}}
    for kind in vars(errors).values():
        if isinstance(kind, type) and kind is not errors.UserError:
            known.setdefault(kind.exit_code, set()).add(kind.kind)
    (page,) = (PROJECT / "docs").rglob("errors.md")
    assert codes_in(page) == known


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ArgumentError("x"), 2), (errors.DataError("x"), 3), (errors.StorageError("x"), 4),
        (errors.DivergenceError("x"), 5), (errors.ResourceError("x"), 6), (errors.Stopped("x"), 143),
        (OSError(28, "No space left on device", "/tmp/a"), 6), (MemoryError(), 6), (KeyboardInterrupt(), 130),
        (ValueError("x"), 1),
    ],
)  # fmt: skip
def test_each_kind_has_its_exit_code_and_a_last_line(error, code, capsys):
    assert exit_code_of(raising(error)) == code
    assert capsys.readouterr().err.splitlines()[-1].startswith("ERROR ")


def test_an_understood_error_shows_its_message_and_no_traceback(capsys, tmp_path):
    error = errors.DataError("expected JSON, found 'x' at a.manifest:3\nand at a.manifest:4")
    assert exit_code_of(raising(error), str(tmp_path / "out")) == 3
    assert capsys.readouterr().err.splitlines() == [
        "expected JSON, found 'x' at a.manifest:3",
        "and at a.manifest:4",
        "ERROR DATA: expected JSON, found 'x' at a.manifest:3",
    ]
    assert json.loads((tmp_path / "out" / "failure.json").read_text("utf-8")) == {
        "kind": "DATA",
        "exit_code": 3,
        "message": "expected JSON, found 'x' at a.manifest:3\nand at a.manifest:4",
    }


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (
            errno.EIO,
            "expected a disk that works, found that {path} failed: Input/output error. Look at the disk",
        ),
        (errno.ENOSPC, "expected free disk space, found none at {path}. Free some"),
        (errno.EDQUOT, "expected free disk space, found none at {path}. Free some"),
    ],
)
def test_a_disk_that_fails_while_a_file_is_written_is_named_with_the_file(
    number, words, capsys, tmp_path, monkeypatch
):
    def failing(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)
    path = tmp_path / "job.json"
    assert exit_code_of(lambda: write_text(path, "x")) == 6
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 1 and shown[0].startswith("ERROR RESOURCE: " + words.format(path=path))
    assert list(tmp_path.iterdir()) == []


def test_any_other_exception_shows_its_traceback(capsys, tmp_path):
    assert exit_code_of(raising(ValueError("odd")), str(tmp_path)) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown and shown.splitlines()[-1] == "ERROR INTERNAL: ValueError: odd"
    assert json.loads((tmp_path / "failure.json").read_text("utf-8"))["kind"] == "INTERNAL"


def test_a_success_removes_the_file_of_an_earlier_failure(tmp_path):
    exit_code_of(raising(errors.DataError("x")), str(tmp_path))
    assert exit_code_of(lambda: None, str(tmp_path)) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_does_not_hide_the_error(capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    assert exit_code_of(raising(errors.DataError("real")), str(tmp_path / "file")) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("WARNING failure.json") and lines[-1] == "ERROR DATA: real"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--train_url=a"], "a"), (["--train_url", "b"], "b"), (["--train_url=a", "--train_url=c"], "c"),
        (["--x=y"], ""), ([], ""), (["--train_url"], ""),
    ],
)  # fmt: skip
def test_option_value(argv, expected):
    assert option_value(argv, "train_url") == expected
