"""The folder a job leaves: whose it is, and what may be replaced."""

import json

import numpy as np
import pytest

from algorithm.data import Dataset, Sample
from algorithm.errors import ArgumentError, DataError, Stopped, StorageError
from algorithm.hyperparameters import parse
from algorithm.jobs.job_data import recorded_split
from algorithm.jobs.outputs.publishing import model_metrics, outcome
from algorithm.jobs.outputs.run_folder import RunFolder
from algorithm.models import build_detector
from algorithm.storage.atomic_files import write_json
from algorithm.training import checkpoints

STATE = {"dataset": "abc", "label_names": ["cat"]}
NO_BOXES = np.zeros((0, 4), np.float32)
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


def test_undefined_ap_takes_the_newest_weights_and_is_called_undefined(tmp_path, detector):
    """Every evaluation counted as AP 0, so that the weights of the first epoch were published."""
    best = RunFolder(tmp_path).best
    for step in (10, 20, 30):
        assert best.replace_if_better(detector, step, {"AP": None, "AP50": None}, STATE)
    assert best.figures() == {"AP": None, "global_step": 30.0}
    assert (best.folder / "best_eval.txt").read_text() == "global_step = 30\nAP = undefined\n"
    assert best.replace_if_better(detector, 30, {"AP": None, "AP50": None}, STATE)
    assert not best.replace_if_better(detector, 20, {"AP": None, "AP50": None}, STATE)
    assert best.replace_if_better(detector, 5, {"AP": 0.0}, STATE)
    assert not best.replace_if_better(detector, 40, {"AP": None}, STATE)


@pytest.mark.parametrize(
    ("more", "finished"),
    [
        ((), True),
        (("--num_epochs=9",), False),
        (("--hparams=early_stop_patience=3",), False),
        (("--hparams=early_stop_patience=0",), False),
        (("--hparams=early_stop_patience=1",), True),
        (("--num_epochs=2",), True),
    ],
)
def test_a_job_that_stopped_early_goes_on_where_it_may_be_longer(tmp_path, more, finished):
    run = RunFolder(tmp_path)
    patient = hyperparameters("--hparams=early_stop_patience=2")
    run.finished(patient, {"AP": 0.1}, stopped_early=True)
    more = (
        more
        if any("patience" in one for one in more)
        else (*more, "--hparams=early_stop_patience=2")
    )
    assert run.is_finished(hyperparameters(*more)) is finished
    assert "2 evaluation(s) without a better AP: to train on, raise early_stop_patience or" in (
        run.on_from_here(patient)
    )


def test_patience_is_counted_anew_where_the_job_was_made_longer(tmp_path):
    run = RunFolder(tmp_path)
    patient = "--hparams=early_stop_patience=2"
    run.finished(hyperparameters(patient), {"AP": 0.1}, stopped_early=True)
    longer = hyperparameters(patient, "--num_epochs=9")
    assert not run.waits_anew(hyperparameters(patient), 30)
    assert not run.waits_anew(hyperparameters("--hparams=early_stop_patience=3"), 30)
    assert run.waits_anew(longer, 30)
    run.started(longer, 30)  # and is killed before its next checkpoint
    assert run.waits_anew(longer, 30)
    assert not run.waits_anew(longer, 40)


def test_a_whole_job_that_is_finished_says_how_it_goes_on(tmp_path):
    run = RunFolder(tmp_path)
    run.finished(hyperparameters(), {"AP": 0.1}, stopped_early=False)
    assert run.on_from_here(hyperparameters()) == "to train on, raise num_epochs and keep train_url"
    assert "raise num_steps" in run.on_from_here(hyperparameters("--num_steps=5"))


def test_minutes_say_when_a_job_is_finished(tmp_path):
    run = RunFolder(tmp_path)
    timed = hyperparameters("--hparams=train_minutes=30")
    run.finished(timed, {"AP": 0.1}, stopped_early=False)
    assert run.is_finished(timed)
    assert not run.is_finished(hyperparameters("--hparams=train_minutes=45"))
    assert not run.is_finished(hyperparameters())  # epochs are another length
    assert RunFolder.claim(tmp_path, hyperparameters("--hparams=train_minutes=45"))
    assert run.on_from_here(timed) == "to train on, raise train_minutes and keep train_url"


def dataset(folder, usages, **more):
    samples = []
    for name, usage in usages.items():
        (folder / name).write_bytes(name.encode())
        samples.append(
            Sample(
                name,
                str(folder / name),
                name,
                8,
                8,
                NO_BOXES,
                NO_BOXES[:, 0],
                NO_BOXES[:, 0],
                usage,
            )
        )
    sides = (tuple(s for s in samples if s.usage == side) for side in ("train", "eval"))
    return Dataset(*sides, ("cat",), (1,), split_rule="seed 0", **more)


def test_the_split_is_recorded_once(tmp_path):
    run = RunFolder(tmp_path / "out")
    run.record_split(dataset(tmp_path, {"a": "train", "b": "eval"}))
    first = run.split("obs://b/out")
    assert (set(first.train), set(first.eval), first.rule) == ({"a"}, {"b"}, "seed 0")
    assert first.place == "obs://b/out/split.json"
    run.record_split(dataset(tmp_path, {"a": "eval", "b": "train"}))  # nothing was trained yet
    assert set(run.split("").train) == {"b"}
    checkpoints.save(run.folder, 3, {"global_step": np.int64(3)}, {}, keep=1)
    run.record_split(dataset(tmp_path, {"a": "train", "b": "eval"}))
    assert set(run.split("").train) == {"b"}


@pytest.mark.parametrize(
    ("same", "job", "name"),
    [
        (False, True, "evaluation.json"),
        (True, True, "metrics.json"),
        (False, False, "metrics.json"),
    ],
)
def test_an_evaluation_of_other_pictures_leaves_metrics_json_alone(tmp_path, same, job, name):
    """mode=eval on other pictures wrote their figures over those of the training job."""
    run = RunFolder(tmp_path / "out")
    run.write_metrics({"AP": 0.1})
    if job:
        run.finished(hyperparameters(), {"AP": 0.1}, stopped_early=False)
    data = dataset(tmp_path, {"b": "eval"}, same_eval=same)
    assert run.write_evaluation({"AP": 0.9}, data) == name
    assert json.loads((run.folder / name).read_text()) == {"AP": 0.9}
    assert json.loads((run.folder / "metrics.json").read_text()) == {
        "AP": 0.1 if name != "metrics.json" else 0.9
    }


def split_file(run, rule):
    record = {"rule": rule, "train": {"a": "1"}, "eval": {"b": "2"}}
    write_json(run.folder / "split.json", record)


@pytest.mark.parametrize(
    ("rule", "resumed", "mode", "kept"),
    [
        ("seed 0", True, "train", True),
        ("seed 0", False, "train", False),
        ("given", False, "train", True),
        ("seed 0", True, "eval", True),
        ("seed 0", False, "eval", False),
    ],
)
def test_which_job_keeps_to_the_recorded_split(tmp_path, rule, resumed, mode, kept):
    run = RunFolder(tmp_path)
    split_file(run, rule)
    found = recorded_split(hyperparameters(f"--mode={mode}"), run, resumed=resumed)
    assert (found is not None) is kept


def test_weights_of_another_job_bring_its_split_to_an_evaluation(tmp_path, caplog):
    other = RunFolder(tmp_path / "other")
    split_file(other, "seed 0")
    other.model.mkdir()
    run = RunFolder(tmp_path / "out")
    hp = hyperparameters("--mode=eval", f"--pretrained={other.model}")
    assert recorded_split(hp, run, resumed=False).place == str(other.folder / "split.json")
    hp = hyperparameters("--mode=eval", f"--pretrained={tmp_path / 'nowhere/model'}")
    assert recorded_split(hp, run, resumed=False) is None
    assert "no split.json tells which pictures the model was trained on" in caplog.text


def test_ap_none_is_never_called_best():
    assert "AP is undefined, as the EVAL pictures have no box" in outcome({"AP": None})
    assert "best" not in outcome({"AP": None}) and outcome({"AP": 0.5}) == "best AP 0.5"
    assert model_metrics({"AP50": None, "precision": 0.0, "recall": 0.0, "f1": 0.0}) == {}


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
