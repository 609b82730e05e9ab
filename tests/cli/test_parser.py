"""The verbs: which there are, what each waits for, and lists that stand in two places."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

from algorithm.cli.data import data_convert
from algorithm.cli.other_tools_flags import take_habits
from algorithm.cli.parser import VERBS, _run_verb, command_parser
from algorithm.cli.verb import VerbGroup
from algorithm.cli.verbs import benchmark, evaluate, export
from algorithm.errors import ArgumentError

PROJECT = Path(__file__).parents[2]
NAMES = (
    "train",
    "evaluate",
    "export",
    "predict",
    "serve",
    "platform",
    "assess",
    "data",
    "weights",
    "benchmark",
    "describe",
    "demo",
)
NO_TENSORFLOW = """
import sys
class Refuse:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("tensorflow", "keras", "boto3", "flask"):
            raise AssertionError(f"{name} was imported")
sys.meta_path.insert(0, Refuse())
from algorithm.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def help_without_tensorflow(argv: list[str], cwd: Path) -> subprocess.CompletedProcess:
    code = f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n" + NO_TENSORFLOW
    return subprocess.run(
        [sys.executable, "-c", code, *argv],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def listed_verbs(parser: argparse.ArgumentParser) -> list[str]:
    """The verbs in a parser's help, also those whose explanation stands on the next line."""
    text = parser.format_help()
    return re.findall(r"^ {4}(\w+)(?: |$)", text[text.index("VERB\n") :], re.MULTILINE)


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_help_lists_exactly_the_verbs_that_exist(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)  # argparse wraps by it
    assert tuple(listed_verbs(command_parser())) == NAMES == tuple(verb.name for verb in VERBS)


@pytest.mark.parametrize("group", [verb for verb in VERBS if isinstance(verb, VerbGroup)])
def test_help_of_a_group_lists_its_verbs(group, capsys):
    with pytest.raises(SystemExit):
        command_parser().parse_args([group.name, "--help"])
    text = capsys.readouterr().out
    listed = re.findall(r"^ {4}(\w+)(?: |$)", text[text.index("VERB\n") :], re.MULTILINE)
    assert listed == [verb.name for verb in group.verbs]


@pytest.mark.parametrize(
    "argv",
    [["--help"], ["describe"], *([name, "--help"] for name in NAMES)],
    ids=" ".join,
)
def test_help_of_every_verb_needs_no_tensorflow(argv, tmp_path):
    done = help_without_tensorflow(argv, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_verbs_and_their_flags_are_documented():
    for verb in VERBS:
        for each in verb.verbs if isinstance(verb, VerbGroup) else (verb,):
            parser = argparse.ArgumentParser()
            each.add_flags(parser)
            assert each.summary
            undocumented = [action.dest for action in parser._actions if not action.help]
            assert not undocumented, each.name


@pytest.mark.slow
def test_lists_that_stand_beside_tensorflow_are_the_same_here():
    from algorithm.benchmark.cases import CASES
    from algorithm.data.conversion.conversion import FORMS
    from algorithm.export.formats import formats
    from algorithm.jobs import exported_evaluation

    assert tuple(formats.FORMATS) == export.FORMATS
    assert formats.NMS == export.NMS
    assert exported_evaluation.SPLITS == evaluate.SPLITS
    assert tuple(CASES) == benchmark.NAMES
    assert tuple(FORMS) == data_convert.FORMATS


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("data check photos", "data check --data_url=photos"),
        ("data clean photos", "data clean --data_url=photos --output=OUTPUT"),
        ("data clean photos clean", "data clean --data_url=photos --output=clean"),
        (
            "data convert --format coco photos",
            "data convert --format coco --data_url=photos --output=OUTPUT",
        ),
        (
            "predict a.jpg --model m --output o",
            "predict --images=a.jpg --model m --output o",
        ),
        ("assess photos", "assess --data_url=photos"),
        ("serve model_dir=x", "serve --model_dir=x"),
        ("export m --format tflite", "export --model_dir=m --format tflite --output=OUTPUT"),
        ("serve MODEL", "serve --model_dir=MODEL"),
        (
            "export MODEL --format tflite",
            "export --model_dir=MODEL --format tflite --output=OUTPUT",
        ),
    ],
)
def test_a_folder_without_a_flag_is_refused_with_the_command_it_means(
    words, command, tmp_path, monkeypatch
):
    (tmp_path / "MODEL").mkdir()
    (tmp_path / "MODEL/index").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match="without a flag before it") as refused:
        _run_verb(words.split())
    assert str(refused.value).endswith(f"Write: python -m algorithm {command}")


def test_a_dataset_without_a_flag_is_refused_by_train_with_the_flag():
    with pytest.raises(ArgumentError, match="found 'photos' .* Write --data_url=photos$"):
        take_habits(["photos", "--num_epochs", "3"])
    with pytest.raises(ArgumentError, match="found 'out' .* Write --train_url=out$"):
        take_habits(["--data_url=photos", "out"])
