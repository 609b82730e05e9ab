"""An assessment whose model, data and report are in a store."""

import json

import pytest

from algorithm import storage
from algorithm.__main__ import main
from algorithm.export.package import package_model
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
