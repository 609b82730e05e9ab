import re
import subprocess
import sys
from pathlib import Path

import pytest

from algorithm.__main__ import main

PROJECT = Path(__file__).parents[2]
VERBS = (
    "train",
    "evaluate",
    "export",
    "predict",
    "serve",
    "assess",
    "data",
    "weights",
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


def without_tensorflow(*argv: str, cwd: Path) -> subprocess.CompletedProcess:
    code = f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n" + NO_TENSORFLOW
    return subprocess.run(
        [sys.executable, "-c", code, *argv],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["describe"],
        ["train", "--help"],
        ["evaluate", "--help"],
        ["serve", "--help"],
        ["data", "--help"],
    ],
    ids=" ".join,
)
def test_these_need_no_tensorflow(argv, tmp_path):
    done = without_tensorflow(*argv, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_help_lists_exactly_the_verbs_that_exist(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    listed = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE)
    assert tuple(listed) == VERBS


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
    monkeypatch.setattr("algorithm.train.main", lambda argv: seen.append(argv) or 0)
    assert main(["evaluate", "--data_url=a", "--mode=train"]) == 0
    assert main(["train", "--data_url=a"]) == 0
    assert seen == [["--data_url=a", "--mode=train", "--mode=eval"], ["--data_url=a"]]
