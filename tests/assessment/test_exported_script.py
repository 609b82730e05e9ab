"""The script that a model folder carries, run from it as the platform does, without this project."""

import json
import os
import subprocess
import sys

import pytest


def run(script, *argv, cwd):
    """The project is installed editable: -S keeps its finder out, PYTHONPATH brings the other packages back."""
    packages = next(entry for entry in sys.path if entry.endswith("site-packages"))
    return subprocess.run(
        [sys.executable, "-S", str(script), *argv],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_it_assesses_the_folder_it_lies_in(model_dir, dataset, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in model_dir.rglob("*")}
    done = run(
        model_dir / "model_assessment.py",
        f"--model_url={model_dir}",
        f"--data_url={dataset}",
        f"--deps_save_path={tmp_path / 'o'}",
        "--train_url=unused",
        "--num_gpus=0",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "o" / "assessment.json").read_text("utf-8"))["metrics"][
        "voc_map"
    ] == pytest.approx(0.5)
    assert "flag that means nothing here, ignored: --num_gpus=0" in done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in model_dir.rglob("*")}


@pytest.mark.slow
def test_train_url_stands_in_and_tuning_is_refused(model_dir, dataset, tmp_path):
    done = run(
        model_dir / "model_assessment.py",
        f"--model_url={model_dir}",
        f"--data_url={dataset}",
        f"--train_url={tmp_path / 'o'}",
        "--tune=1",
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("ERROR ARGUMENT: --tune: expected the whole package")
    )
    assert not (tmp_path / "o").exists()
