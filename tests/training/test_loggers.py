"""Loggers: the real libraries, without a network."""

import json
import logging
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest

from algorithm.errors import PlatformError
from algorithm.training.hooks.confusion_matrix_hook import ConfusionMatrixHook
from algorithm.training.hooks.mlflow_hook import MlflowHook
from algorithm.training.hooks.tracked_run_hook import RUN_IDS, TrackedRunHook
from algorithm.training.hooks.wandb_hook import WandbHook
from algorithm.training.log_forms.log_form import PEER, Evaluated

GREY = np.full((6, 8, 3), 128, np.uint8)
# The libraries' own warnings, and files that they leave to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore")


def train_with(logger, first=1, last=4):
    """What hooks hear of a training of four steps and an evaluation."""
    run = SimpleNamespace(plan=SimpleNamespace(steps=4), ending=False, step=last)
    matrix = ConfusionMatrixHook(lambda: GREY, [logger])
    logger.before_training(run)
    logger.after_steps(run)
    for step in range(first, last + 1):
        logger.after_step(run, step, {"loss": 1.0 / step})
    for network in ("", PEER):
        evaluated = Evaluated(1, 2, last, {"AP": 0.5, "APs": None}, "", network=network)
        for hook in (logger, matrix):
            hook.after_evaluation(run, evaluated, [] if network else [GREY])
    logger.after_training(run)


def wait_until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_run_is_found_again_by_its_logger_alone(tmp_path):
    class Tracked(TrackedRunHook):
        name = "tracked"

        def begin(self, folder, settings):
            self.begun = folder, settings

    class Other(Tracked):
        name = "other"

    first = Tracked(tmp_path, 2, settings={"num_epochs": "2"})
    assert first.begun == (tmp_path, {"num_epochs": "2"}) and first.earlier_run() is None
    first.note_run("a1")
    Other(tmp_path, 2).note_run("b2")
    assert Tracked(tmp_path, 2).earlier_run() == "a1"
    assert json.loads((tmp_path / RUN_IDS).read_text()) == {"tracked": "a1", "other": "b2"}


@pytest.fixture
def mlflow_store(tmp_path, monkeypatch):
    pytest.importorskip("mlflow", reason="needs an extra: pip install '.[mlflow]'")
    pytest.importorskip("sqlalchemy", reason="needs an extra: pip install '.[mlflow]'")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.slow
def test_mlflow_gets_settings_curves_and_pictures_and_goes_on_in_its_run(mlflow_store, caplog):
    from mlflow.tracking import MlflowClient

    folder = mlflow_store
    settings = {f"setting{number}": str(number) for number in range(120)} | {"num_epochs": "2"}
    train_with(MlflowHook(folder, 2, [GREY], settings), last=2)
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    run_id = json.loads((folder / RUN_IDS).read_text())["mlflow"]
    assert client.get_run(run_id).info.status == "KILLED"
    train_with(MlflowHook(folder, 2, [], settings | {"num_epochs": "3"}), first=3)
    (experiment,) = client.search_experiments(filter_string="name = 'efficientdet'")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_id, run.info.status) == (run_id, "FINISHED")
    assert len(run.data.params) == 121 and run.data.params["num_epochs"] == "2"
    assert run.data.tags["resumed.num_epochs"] == "3"
    curve = client.get_metric_history(run_id, "train/loss")
    assert [(point.step, point.value) for point in curve] == [(2, 0.5), (4, 0.25)]
    assert {"eval/AP", "eval_peer/AP"} < set(run.data.metrics)
    assert not {"eval/APs", "eval_peer/APs"} & set(run.data.metrics)
    found = (folder / "mlflow_artifacts").rglob("*.png")
    files = {re.sub("[#~]", "/", path.name.partition("+")[0]) for path in found}
    assert files == {"data/picture_0", "eval/picture_0", "eval/confusion_matrix/picture_0"}
    assert not caplog.records

    client.delete_run(run_id)
    logger = MlflowHook(folder, 2)  # a run that is gone does not stand in the way
    assert json.loads((folder / RUN_IDS).read_text())["mlflow"] != run_id
    assert "a new run, as the earlier one cannot be used" in caplog.text
    logger._run = "0" * 32
    logger.write_scalars("train", {"loss": 1.0}, 7)
    assert "MLflow lacks train of step 7" in caplog.text


def test_a_tracking_place_that_cannot_be_used_is_named(mlflow_store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://x")
    with pytest.raises(PlatformError, match="expected a tracking server at nonsense://x"):
        MlflowHook(mlflow_store, 2)


@pytest.mark.slow
def test_wandb_gets_settings_curves_and_pictures_offline(tmp_path, monkeypatch, caplog):
    pytest.importorskip("wandb", reason="needs an extra: pip install '.[wandb]'")
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    out = tmp_path / "out"
    out.mkdir()
    caplog.set_level(logging.INFO, "algorithm")
    logger = WandbHook(out, 2, [GREY], {"num_epochs": "2"})
    history = []
    real = logger._run.log
    monkeypatch.setattr(logger._run, "log", lambda row: history.append(row) or real(row))
    assert dict(logger._run.config) == {"num_epochs": "2"}
    run_id = logger._run.id
    train_with(logger)
    assert [(row["step"], row["train/loss"]) for row in history if "train/loss" in row] == [
        (2, 0.5), (4, 0.25),
    ]  # fmt: skip
    assert "eval/AP" in str(history) and "eval/APs" not in str(history)
    (folder,) = (out / "wandb").glob("offline-run-*")
    assert f"written offline; later: wandb sync {folder}" in caplog.text
    (record,) = folder.glob(f"*{run_id}.wandb")
    wait_until(lambda: record.stat().st_size > 1000)  # a process of the library's writes it
    assert len(list(folder.rglob("*.png"))) == 3
    again = WandbHook(out, 2, [], {"num_epochs": "3"})
    assert again._run.id == run_id == json.loads((out / RUN_IDS).read_text())["wandb"]
    again.close(done=True)
