"""folds=K: every picture evaluates once, jobs that are finished stay, mean and spread by hand."""

import json
import logging

import pytest

from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.errors import ArgumentError, DataError
from algorithm.hyperparameters import parse
from algorithm.jobs import fold_jobs
from algorithm.storage import local_path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_sample_dataset(tmp_path_factory.mktemp("data"), count=12, seed=1, size=48)


def hyperparameters(dataset, output, *more, folds=3):
    return parse(
        [f"--data_url={dataset}", f"--train_url={output}", f"--hparams=folds={folds}", *more]
    )


def metrics(ap, **classes):
    return {
        **dict.fromkeys(fold_jobs.FIGURES, ap),
        "per_class": {name: {"AP": value} for name, value in classes.items()},
    }


@pytest.fixture
def jobs(monkeypatch):
    """(hyperparameters, split) of each job; the second one of a run breaks while `broken`."""
    made = []

    def run(hp, split):
        made.append((hp, split))
        if made[0] == "broken" and len(made) == 3:
            raise DataError("power cut")
        folder = local_path(hp.train_url)
        folder.mkdir(parents=True, exist_ok=True)
        number = int(hp.train_url[-1])
        (folder / "metrics.json").write_text(json.dumps(metrics(number / 10, cat=number / 10)))
        return 0

    monkeypatch.setattr(fold_jobs.job, "run", run)
    return made


def test_every_picture_evaluates_once_and_the_summary_is_written(dataset, tmp_path, jobs, caplog):
    hp = hyperparameters(dataset, tmp_path / "out", f"--deps_save_path={tmp_path / 'deps'}")
    with caplog.at_level(logging.INFO):
        assert fold_jobs.run(hp) == 0
    assert [row.train_url for row, _ in jobs] == [
        f"{tmp_path}/out/fold_{number}" for number in (1, 2, 3)
    ]
    assert all(row.folds == 0 and "/deps/fold_" in row.deps_save_path for row, _ in jobs)
    # The log of a fold said "the split is that of :".
    assert [split.place for _, split in jobs] == ["fold 1 of 3", "fold 2 of 3", "fold 3 of 3"]
    evaluated = [name for _, split in jobs for name in split.eval]
    assert len(evaluated) == len(set(evaluated)) == 12
    for _, split in jobs:
        assert 3 <= len(split.eval) <= 5 and not set(split.eval) & set(split.train)
        assert set(split.eval) | set(split.train) == set(evaluated)
    found = json.loads((tmp_path / "out/folds.json").read_text())
    assert found["done"] == 3 and found["figures"]["AP"]["each"] == [0.1, 0.2, 0.3]
    assert found["figures"]["AP"]["mean"] == pytest.approx(0.2)
    assert found["figures"]["AP"]["standard_deviation"] == pytest.approx(0.1)
    assert found == json.loads((tmp_path / "deps/folds.json").read_text())
    assert "AP of cat  0.2000  0.1000  0.1000 0.2000 0.3000" in caplog.text
    assert "own split (10 training and 2 evaluation pictures) is not kept" in caplog.text


def test_a_run_that_broke_goes_on_with_the_same_splits(dataset, tmp_path, jobs):
    hp = hyperparameters(dataset, tmp_path / "out")
    jobs.append("broken")
    with pytest.raises(DataError, match="power cut"):
        fold_jobs.run(hp)
    assert json.loads((tmp_path / "out/folds.json").read_text())["done"] == 1
    before = [split for _, split in jobs[1:]]
    jobs.clear()
    assert fold_jobs.run(hp) == 0
    assert [split for _, split in jobs][:2] == before


def test_other_folds_another_seed_or_a_job_of_its_own_are_refused(dataset, tmp_path, jobs):
    fold_jobs.run(hyperparameters(dataset, tmp_path / "out"))
    for other in (
        hyperparameters(dataset, tmp_path / "out", folds=4),
        hyperparameters(dataset, tmp_path / "out", "--seed=7"),
    ):
        with pytest.raises(ArgumentError, match="holds 3 folds, of other pictures or of another"):
            fold_jobs.run(other)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/job.json").write_text("{}")
    with pytest.raises(ArgumentError, match="with a job of its own"):
        fold_jobs.run(hyperparameters(dataset, tmp_path / "own"))
    assert len(jobs) == 3


def test_what_cannot_be_folded(dataset, tmp_path, jobs):
    with pytest.raises(ArgumentError, match="expected mode=train or train_and_eval"):
        fold_jobs.run(hyperparameters(dataset, tmp_path / "out", "--mode=eval"))
    with pytest.raises(ArgumentError, match="expected 2 or more splits, found 1"):
        hyperparameters(dataset, tmp_path / "out", folds=1)
    with pytest.raises(DataError, match="expected at least 13 pictures"):
        fold_jobs.run(hyperparameters(dataset, tmp_path / "out", folds=13))
    assert not jobs


def test_figures_that_only_some_folds_have():
    rows = fold_jobs.together([metrics(0.5, cat=0.4), metrics(None, dog=0.2), metrics(0.7)])
    assert rows["figures"]["AP"]["mean"] == pytest.approx(0.6)
    assert rows["per_class"]["dog"] == {
        "mean": 0.2,
        "standard_deviation": None,
        "each": [None, 0.2, None],
    }
    lines = fold_jobs.table([metrics(0.5), metrics(None)])
    assert lines[1].split() == ["AP", "0.5000", "-", "0.5000", "-"]


def test_folds_of_a_model_with_masks_have_the_ap_of_masks():
    """A fold whose pictures have no outline has no figures of masks."""
    folds = [metrics(0.5), {**metrics(0.6), "segm": {"AP": 0.4, "AP50": 0.7}}]
    figures = fold_jobs.together(folds)["figures"]
    assert figures["segm_AP"]["each"] == [None, 0.4] and figures["segm_AP50"]["mean"] == 0.7
    assert "segm_AP" not in fold_jobs.together([metrics(0.5)])["figures"]
