"""What is there is named before it is replaced, and what somebody else made is not written over."""

import logging

import pytest

from algorithm.__main__ import main
from algorithm.cli.output_folder import MAKERS, claim_file, claim_folder
from algorithm.errors import ArgumentError


@pytest.mark.parametrize("verb", MAKERS)
def test_a_folder_of_somebody_else_is_refused(verb, tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(ArgumentError, match=f"one that `{verb}` wrote, found .*'thesis.txt'"):
        claim_folder(str(tmp_path), verb)


@pytest.mark.parametrize("verb", MAKERS)
def test_what_the_verb_wrote_before_is_named(verb, tmp_path, caplog):
    claim_folder(str(tmp_path / "new"), verb)
    (tmp_path / MAKERS[verb].marks[0]).write_text("{}")
    with caplog.at_level(logging.INFO, "algorithm"):
        claim_folder(str(tmp_path), verb)
    assert [record.message for record in caplog.records] == [
        f"{tmp_path} holds what an earlier `{verb}` wrote: '{MAKERS[verb].marks[0]}'; files of the "
        "same names are replaced"
    ]


def test_a_file_is_replaced_with_a_line_where_it_is_json(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "algorithm"):
        claim_file(str(tmp_path / "new.json"))
        assert not caplog.records
        (tmp_path / "old.json").write_text("{}")
        claim_file(str(tmp_path / "old.json"))
    assert "old.json is there and is replaced" in caplog.text
    for other in (tmp_path, tmp_path / "model.pb"):
        (tmp_path / "model.pb").write_text("x")
        with pytest.raises(ArgumentError, match="expected a new file, or a .json file"):
            claim_file(str(other))


def test_the_verbs_ask_first(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("x")
    here = f"--output={tmp_path}"
    for argv in (
        ["predict", "--model_dir=m", "--images=i", here],
        ["assess", "--model_dir=m", "--data_url=d", here],
        ["data", "sample", here],
        ["data", "clean", "--data_url=d", here],
        ["data", "check", "--data_url=d", here],
    ):
        assert main(argv) == 2, argv
        assert "'thesis.txt'; give another folder" in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_each_verb_writes_is_known_as_its_own(tmp_path):
    sample = f"--output={tmp_path / 'sample'}"
    for _ in range(2):
        assert main(["data", "sample", sample, "--count=4", "--size=64"]) == 0
        for verb in ("clean", "check"):
            output = tmp_path / verb
            manifest = f"--data_url={tmp_path / 'sample/sample.manifest'}"
            assert main(["data", verb, manifest, f"--output={output}"]) == 0
    for verb, folder in (
        ("data sample", "sample"),
        ("data clean", "clean"),
        ("data check", "check"),
    ):
        names = [path.name for path in (tmp_path / folder).iterdir()]
        unfinished = [name for name in names if name not in MAKERS[verb].marks]
        assert MAKERS[verb].strangers(unfinished) == []
