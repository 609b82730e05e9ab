"""An assessment whose model, data and report are in a store."""

import json
import os
import subprocess
import sys

import pytest

from algorithm import storage
from algorithm.__main__ import main
from algorithm.export.model_folder import package_model
from tests.assessment.conftest import LABELS, saved_model, write_dataset


@pytest.mark.slow
def test_model_data_and_report_in_a_store(plain, tmp_path):
    """The manifest's sources count from its folder; the job's hyperparameters are beside the model; thresholds go back into it."""
    package_model(
        saved_model(tmp_path / "saved"),
        tmp_path / "job/model",
        label_names=LABELS,
        metrics={"f1": 0.1},
    )
    (tmp_path / "job/job.json").write_text(json.dumps({"hyperparameters": {"num_epochs": "3"}}))
    write_dataset(tmp_path / "data", ["EVAL"] * 30 + ["TRAIN"])
    storage.sync(str(tmp_path / "job"), f"{plain}/输出 1")
    storage.sync(str(tmp_path / "data"), f"{plain}/数据")
    assert (
        main(
            [
                "assess",
                f"--model_dir={plain}/输出 1/model",
                f"--data_url={plain}/数据/set.manifest",
                f"--output={plain}/报告",
                "--apply",
            ]
        )
        == 0
    )
    assert storage.children(f"{plain}/报告")[1] == [
        "assessment.json",
        "display.json",
        "next_job.json",
        "report.html",
    ]
    figures = json.loads(storage.read_bytes(f"{plain}/报告/assessment.json"))
    assert figures["metrics"]["voc_map"] == pytest.approx(0.5)
    assert (
        json.loads(storage.read_bytes(f"{plain}/报告/next_job.json"))["based_on"]
        == f"{plain}/输出 1/job.json"
    )
    index = json.loads(storage.read_bytes(f"{plain}/输出 1/model/index"))
    assert index["thresholds"]["confidence"] == figures["operating_point"]["confidence_threshold"]


@pytest.mark.slow
def test_the_carried_script_reads_its_data_from_a_store_and_writes_there(plain, tmp_path):
    """Without this project: what a model folder carries of storage is enough."""
    folder = tmp_path / "job/model"
    package_model(saved_model(tmp_path / "saved"), folder, label_names=LABELS, metrics={})
    write_dataset(tmp_path / "data", ["EVAL"] * 12)
    storage.sync(str(tmp_path / "data"), f"{plain}/数据")
    packages = next(entry for entry in sys.path if entry.endswith("site-packages"))
    done = subprocess.run(
        [
            sys.executable,
            "-S",  # keeps the finder of the editable installation out
            folder / "model_assessment.py",
            f"--model_url={folder}",
            f"--data_url={plain}/数据/set.manifest",
            f"--deps_save_path={plain}/报告",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(storage.read_bytes(f"{plain}/报告/assessment.json"))
    assert figures["metrics"]["voc_map"] == pytest.approx(0.5)
