"""The folder a job leaves: whose it is, and what may be replaced."""

import json

import numpy as np
import pytest

from algorithm.errors import ArgumentError, DataError, Stopped, StorageError
from algorithm.hyperparameters import parse
from algorithm.jobs.run_folder import RunFolder
from algorithm.models import build_detector

STATE = {"dataset": "abc", "label_names": ["cat"]}
BIAS = "class_net.class-predict"


def hyperparameters(*more):
    return parse(
        [
            "--data_url=d",
            "--train_url=t",
            "--model_name=efficientdet-lite0",
            "--num_epochs=3",
            *more,
        ]
    )


@pytest.fixture(scope="module")
def detector():
    return build_detector("efficientdet-lite0", 1, 64)


def test_a_train_url_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        StorageError, match="train_url: expected a folder that can be written, found .*file/out"
    ):
        RunFolder.claim(tmp_path / "file" / "out", hyperparameters())


def test_only_a_better_checkpoint_replaces_the_archived_one(tmp_path, detector):
    run = RunFolder(tmp_path)
    layer = detector.get_layer(BIAS)
    for step, score, value, better in (
        (10, 0.5, 1.0, True),
        (20, 0.4, 2.0, False),
        (30, 0.6, 3.0, True),
        (40, None, 4.0, False),
    ):
        layer.bias.assign(np.full(layer.bias.shape, value))
        assert (
            run.best.replace_if_better(detector, step, {"AP": score, "AP50": 0.9}, STATE) is better
        )
    assert run.best.figures() == {"global_step": 30.0, "AP": 0.6, "AP50": 0.9}
    assert sorted(path.name for path in run.best.folder.iterdir()) == [
        "best_eval.txt",
        "checkpoint",
        "model.ckpt-30.data-00000-of-00001",
        "model.ckpt-30.index",
    ]
    assert run.best.load_into(detector)["metrics"] == {"AP": 0.6, "AP50": 0.9}
    np.testing.assert_array_equal(layer.bias.numpy(), np.full(layer.bias.shape, 3.0))


def test_an_evaluation_made_again_after_an_interruption_counts_as_the_best_it_was(
    tmp_path, detector
):
    run = RunFolder(tmp_path)
    assert run.best.replace_if_better(detector, 10, {"AP": 0.5}, STATE)
    assert run.best.replace_if_better(detector, 10, {"AP": 0.5}, STATE)


def test_no_archive_is_an_error_that_says_what_to_do(tmp_path, detector):
    with pytest.raises(
        DataError,
        match="expected the best checkpoint of a training job, found none that can be read; train first",
    ):
        RunFolder(tmp_path).best.load_into(detector)


def test_a_checkpoint_of_other_data_is_refused(tmp_path, detector):
    run = RunFolder(tmp_path)
    run.best.replace_if_better(detector, 10, {"AP": 0.5}, STATE)
    run.best.read().check_dataset("abc")
    with pytest.raises(ArgumentError, match="another dataset"):
        run.best.read().check_dataset("xyz")


def test_finished_means_as_many_epochs_as_asked_for_now(tmp_path):
    run = RunFolder.claim(tmp_path, hyperparameters())
    assert not run.is_finished(hyperparameters())
    run.started(hyperparameters())
    assert not run.is_finished(hyperparameters())
    run.finished(hyperparameters(), {"AP": 0.1}, stopped_early=False)
    assert run.is_finished(hyperparameters())
    assert not run.is_finished(hyperparameters("--num_epochs=4"))
    assert not run.is_finished(hyperparameters("--mode=eval"))


@pytest.mark.parametrize(
    ("error", "status"),
    [(Stopped("x"), "stopped"), (KeyboardInterrupt(), "stopped"), (DataError("x"), "failed")],
)
def test_a_job_that_ended_does_not_stay_running(error, status, tmp_path):
    hp = hyperparameters()
    run = RunFolder.claim(tmp_path, hp)
    run.started(hp)
    with pytest.raises(type(error)), run.ending_noted():
        raise error
    job = json.loads((tmp_path / "job.json").read_text("utf-8"))
    assert (job["status"], job["hyperparameters"]) == (status, hp.as_dict())


def test_a_finished_job_stays_finished_whatever_comes_after(tmp_path):
    hp = hyperparameters()
    run = RunFolder.claim(tmp_path, hp)
    run.finished(hp, {}, stopped_early=False)
    with pytest.raises(Stopped), run.ending_noted():
        raise Stopped("x")
    assert run.is_finished(hp)
