from pathlib import Path

import pytest

from algorithm import __version__
from algorithm.__main__ import main


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        ("trian", "train"),
        ("val", "evaluate"),
        ("chek", "data check"),
        ("data chek", "data check"),
        ("detect", "predict"),
        ("download", "weights fetch"),
    ],
)
def test_an_unknown_verb_is_refused_with_the_one_it_means(argv, meant, capsys):
    assert main(argv.split()) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"ERROR ARGUMENT: no such verb '{argv}'. Did you mean '{meant}'?")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (
            ["predict", "--imgs=x"],
            "no such flag '--imgs' (value 'x'). Did you mean '--images'?",
        ),
        (["serve", "--weights=x"], "Did you mean '--model_dir'?"),
        (["data", "check", "--data_url=x", "seed=3"], "found 'seed=3'. Write --seed=3"),
        (["export", "--model_dir=x", "--output=y", "--format=tflit"], "Did you mean 'tflite'?"),
        (["serve", "--model_dir=x", "--foo"], "no such flag '--foo'. Its flags: --model_dir, "),
    ],
)
def test_an_unknown_flag_of_a_verb_is_refused_with_the_one_it_means(argv, words, capsys):
    assert main(argv) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("group", ["data", "weights"])
def test_a_group_without_a_verb_names_its_verbs(group, capsys):
    """It said only that VERB is required."""
    assert main([group]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"{group}: expected a verb, found none. Verbs: {group} " in last


@pytest.mark.parametrize("flag", ["count=0", "count=-3", "seed=-1", "size=4"])
def test_a_sample_that_cannot_be_drawn_is_refused(flag, capsys, tmp_path):
    """No picture gave an empty manifest and exit code 0; four pixels gave a traceback."""
    output = tmp_path / "sample"
    assert main(["data", "sample", f"--output={output}", f"--{flag}"]) == 2
    assert f"--{flag.partition('=')[0]}: expected" in capsys.readouterr().err
    assert not output.exists()


def test_the_version_and_the_verbs_are_said(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert __version__ in capsys.readouterr().out
    assert main([]) == 2
    assert "VERB" in capsys.readouterr().out


def test_a_failure_of_a_verb_has_its_exit_code_and_last_line(capsys, tmp_path):
    assert (
        main(
            [
                "predict",
                f"--model_dir={tmp_path}",
                f"--images={tmp_path}/*.jpg",
                f"--output={tmp_path}/o",
            ]
        )
        == 3
    )
    assert capsys.readouterr().err.splitlines()[-1].startswith("ERROR DATA: ")


def test_data_sample_and_check(capsys, tmp_path):
    assert (
        main(["data", "sample", f"--output={tmp_path / 'd'}", "--count=5", "--size=64", "--seed=3"])
        == 0
    )
    manifest = capsys.readouterr().out.strip()
    assert Path(manifest).is_file()
    assert main(["data", "check", f"--data_url={manifest}"]) == 0
    shown = capsys.readouterr().out
    assert "train: 4 pictures" in shown and "eval: 1 picture," in shown and "classes: " in shown


def test_evaluate_is_a_job_in_eval_mode(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "algorithm.cli.verbs.training_job.run_job", lambda argv: seen.append(argv) or 0
    )
    assert main(["evaluate", "--data_url=a", "--mode=train"]) == 0
    assert main(["train", "--data_url=a"]) == 0
    assert main(["train", "data=a", "--epochs", "3"]) == 0
    assert seen == [
        ["--data_url=a", "--mode=train", "--mode=eval"],
        ["--data_url=a"],
        ["--data_url=a", "--num_epochs=3"],
    ]
