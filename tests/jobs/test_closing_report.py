"""What a job says at its end: figures, size, and commands that can be run as they stand."""

import shlex
from types import SimpleNamespace

import pytest

from algorithm.cli.parser import command_parser
from algorithm.hyperparameters import parse
from algorithm.jobs.outputs.closing_report import closing_lines

CLASS = {"AP": 0.25, "AP50": 0.5, "precision": 0.75, "recall": 1.0, "f1": None}


@pytest.fixture
def finished(tmp_path):
    """A function of hyperparameters and classes that gives the lines of a job."""
    model, picture = tmp_path / "out put/model", tmp_path / "a.jpg"
    model.mkdir(parents=True)
    (model / "saved_model.pb").write_bytes(b"x" * 2_500_000)
    picture.write_bytes(b"x")

    def lines(train_url, classes=("cat",), scratch=tmp_path / "scratch"):
        hp = parse([f"--data_url={tmp_path}", f"--train_url={train_url}"])
        metrics = {**CLASS, "images": 3, "per_class": dict.fromkeys(classes, CLASS)}
        dataset = SimpleNamespace(eval=[SimpleNamespace(path=str(picture))])
        return closing_lines(hp, metrics, model, dataset, 61.0, scratch)

    return lines, model, picture


def test_figures_and_size_are_told(finished):
    lines, model, _ = finished
    shown = lines(model.parent)
    assert shown[0] == "finished in 0:01:01: AP 0.250, AP50 0.500 on 3 evaluation pictures"
    assert shown[1].split() == ["AP", "AP50", "precision", "recall", "f1"]
    assert shown[3].split() == ["cat", "0.250", "0.500", "0.750", "1.000", "-"]
    assert f"the model is in {model}, 2.5 MB" in shown


def test_the_next_commands_are_commands_with_the_real_paths(finished):
    lines, model, picture = finished
    shown = lines(model.parent)
    commands = [shlex.split(line)[3:] for line in shown[shown.index("next:") + 1 :]]
    assert [words[0] for words in commands] == ["predict", "serve", "assess", "export"]
    for words in commands:
        assert command_parser().parse_args(words).model_dir == str(model)
    assert f"--images={picture}" in commands[0]


def test_a_picture_that_is_gone_after_the_job_is_not_named(finished):
    lines, model, picture = finished
    assert any("--images=PICTURES" in line for line in lines(model.parent, scratch=picture.parent))


def test_many_classes_are_cut_and_a_store_has_no_next_commands(finished):
    lines, model, _ = finished
    shown = lines("s3://bucket/out", [f"class {number}" for number in range(30)])
    assert "10 better classes are in metrics.json" in shown
    assert "next:" not in shown
    assert any("s3://bucket/out/model" in line for line in shown)
