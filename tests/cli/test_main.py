from pathlib import Path

import pytest

from algorithm.__main__ import main


def test_an_unknown_verb_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["trian"])
    assert caught.value.code == 2
    assert "trian" in capsys.readouterr().err


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
    assert "train: 4 pictures" in shown and "eval: 1 pictures" in shown and "classes: " in shown


def test_evaluate_is_a_job_in_eval_mode(monkeypatch):
    seen = []
    monkeypatch.setattr("algorithm.cli.training_job.run_job", lambda argv: seen.append(argv) or 0)
    assert main(["evaluate", "--data_url=a", "--mode=train"]) == 0
    assert main(["train", "--data_url=a"]) == 0
    assert seen == [["--data_url=a", "--mode=train", "--mode=eval"], ["--data_url=a"]]
