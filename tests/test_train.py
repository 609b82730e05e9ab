"""The boot file, started the way the platform starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from algorithm import train

BOOT_FILE = Path(train.__file__)


def boot(*argv: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(BOOT_FILE), *argv],
        cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_wrong_argument_ends_with_its_code_a_line_and_a_file(tmp_path):
    done = boot("--train_url", str(tmp_path / "out"), "--num_epoch=3", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ERROR ARGUMENT: --num_epoch: ")
    assert json.loads((tmp_path / "out" / "failure.json").read_text("utf-8"))["exit_code"] == 2


def test_help_prints_the_table(tmp_path):
    done = boot("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "num_epochs" in done.stdout and "box_loss_weight" in done.stdout


@pytest.mark.parametrize("safe_path", ["", "1"])
def test_its_folder_is_not_on_the_path_and_the_packages_parent_is_first(tmp_path, safe_path):
    code = (
        "import runpy, sys; sys.argv = ['train.py', '--help']; import atexit;"
        "atexit.register(lambda: print(sys.path[0], 'errors' in sys.modules, sys.path, file=sys.stderr));"
        f"sys.path.insert(0, {str(BOOT_FILE.parent)!r}); runpy.run_path({str(BOOT_FILE)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONSAFEPATH": safe_path},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    first, shadowed, *rest = done.stderr.split()
    assert (first, shadowed) == (str(BOOT_FILE.parents[1]), "False")
    assert f"'{BOOT_FILE.parent}'" not in " ".join(rest)


def test_the_job_gets_typed_hyperparameters_and_unknown_flags_are_logged(
    monkeypatch, caplog, tmp_path
):
    seen = []
    job = type(sys)("algorithm.jobs.job")
    job.run = lambda hyperparameters: seen.append(hyperparameters) or 0
    monkeypatch.setitem(sys.modules, "algorithm.jobs.job", job)
    monkeypatch.setattr("algorithm.jobs.job", job, raising=False)
    with caplog.at_level("INFO", "algorithm"):
        (tmp_path / "data").mkdir()
        (tmp_path / "data/set.manifest").write_text("{}")
        code = train.main(
            [
                f"--data_url={tmp_path / 'data'}",
                f"--train_url={tmp_path / 'out'}",
                "--train_batch_size=4",
                "--pretrained=none",
                "--rank=0",
            ]
        )
    assert code == 0
    assert seen[0].train_batch_size == 4
    assert "ignored: rank" in caplog.text
