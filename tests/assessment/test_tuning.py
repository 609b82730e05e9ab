"""Tuning keeps what helps; comparison tells better from worse."""

import json
from pathlib import Path

import pytest

from algorithm.assessment.advice import tuning
from algorithm.assessment.advice.graded_findings import Finding
from algorithm.assessment.advice.setting_steps import Change, Setting
from algorithm.assessment.advice.tuning import train_and_measure, tune
from algorithm.assessment.comparison import compare, not_comparable, read_assessment
from algorithm.assessment.options import Options
from algorithm.data.split_record import GIVEN, SplitRecord, read_record
from algorithm.errors import AlgorithmError, ArgumentError, DataError


def finding(*changes):
    return Finding("x", "major", 0.5, ("", ""), changes=changes)


FOUND = [
    finding(Change("mosaic", "0", "0.3")),
    finding(),
    finding(Change("gamma", "1.5", "2"), Change("num_epochs", "5", "8")),
    finding(Change("cutout", "0", "0.3")),
]


def options(**more):
    return Options("m", "d", "/out", **{"tune": 3, **more})


def test_what_helped_is_kept_and_built_upon():
    jobs = []

    def run_job(values, data_url, folder):
        jobs.append((dict(values), data_url, folder))
        return [0.40, 0.45, 0.44, 0.46][len(jobs) - 1]

    trail = tune(options(tune_epochs=2), Setting({"num_epochs": "5", "seed": "1"}), FOUND, run_job)
    base = {"seed": "1", "num_epochs": "2"}
    assert [row[0] for row in jobs] == [
        base,
        {**base, "mosaic": "0.3"},
        {**base, "mosaic": "0.3", "gamma": "2"},
        {**base, "mosaic": "0.3", "cutout": "0.3"},
    ]
    assert jobs[2][1:] == ("d", Path("/out/tuning/2"))
    assert [(row["kept"], row["changes"]) for row in trail.rows] == [
        (True, ""),
        (True, "mosaic=0.3"),
        (False, "gamma=2"),
        (True, "cutout=0.3"),
    ]
    assert trail.rows[2]["gain"] == pytest.approx(-0.01)
    assert [(change.name, change.after) for change, _ in trail.kept] == [
        ("mosaic", "0.3"),
        ("cutout", "0.3"),
    ]


def test_epochs_alone_are_no_job_where_the_length_is_given():
    jobs = []
    found = [
        finding(Change("num_epochs", "5", "15"), Change("mode", "train", "train_and_eval")),
        *FOUND,
        finding(Change("mosaic", "0", "0.3")),
    ]
    trail = tune(
        options(tune=1, tune_epochs=2),
        Setting(),
        found,
        lambda values, *_: jobs.append(dict(values)) or 0.1,
    )
    assert jobs[1] == {"num_epochs": "2", "mosaic": "0.3"} and trail.kept == ()


def test_more_epochs_are_tried_where_the_length_is_free():
    jobs = []
    tune(
        options(tune=2),
        Setting({"num_epochs": "5"}),
        FOUND,
        lambda values, *_: jobs.append(dict(values)) or 0.1,
    )
    assert jobs[2] == {"num_epochs": "8", "gamma": "2"}


def test_a_job_that_fails_counts_as_no_gain():
    scores = iter([0.4, AlgorithmError("it broke"), 0.5])

    def run_job(*_):
        score = next(scores)
        if isinstance(score, Exception):
            raise score
        return score

    trail = tune(options(tune=2), Setting(), FOUND, run_job)
    assert [(row["AP"], row["kept"]) for row in trail.rows] == [
        (0.4, True),
        (None, False),
        (0.5, True),
    ]
    with pytest.raises(AlgorithmError, match="from the start"):
        tune(
            options(),
            Setting(),
            FOUND,
            lambda *_: (_ for _ in ()).throw(AlgorithmError("broken from the start")),
        )


def test_a_failed_training_job_is_told_with_the_end_of_its_log(tmp_path):
    with pytest.raises(AlgorithmError, match="ended with exit code 3") as raised:
        train_and_measure({"pretrained": "none"}, str(tmp_path / "no data"), tmp_path / "job")
    assert "ERROR DATA" in str(raised.value) and (tmp_path / "job" / "log.txt").is_file()


def test_the_ap_of_a_job_is_that_of_its_archive(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "best_eval.txt").write_text(
        "global_step = 20\nAP = 0.4375\nAP50 = 0.9\n"
    )
    assert tuning._archived_ap(tmp_path) == 0.4375


def test_an_undefined_ap_is_no_figure_to_compare_jobs_by(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/best_eval.txt").write_text("global_step = 7\nAP = undefined\n")
    with pytest.raises(AlgorithmError, match="found that it is undefined"):
        tuning._archived_ap(tmp_path)


def test_tuning_jobs_keep_to_the_split_of_the_job_that_made_the_model(tmp_path):
    record = SplitRecord("model/split.json", "seed 7", {"a": "1"}, {"b": "2"})
    seen = []

    def run_job(values, data_url, folder):
        seen.append(read_record(folder / "split.json"))
        return 0.5

    place = Options("m", "d", str(tmp_path), tune=1)
    tune(place, Setting(), FOUND, run_job, record)
    assert [(one.rule, one.train, one.eval) for one in seen] == [
        (GIVEN, {"a": "1"}, {"b": "2"})
    ] * 2


def test_where_tuning_cannot_be(monkeypatch):
    with pytest.raises(ArgumentError, match="expected a local --output"):
        tune(Options("m", "d", "obs://b/o", tune=1), Setting(), FOUND, lambda *_: 0.0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match="expected the whole package"):
        tune(options(), Setting(), FOUND, lambda *_: 0.0)


def figures(ap, cost, pictures=3):
    return {
        "metrics": {"AP": ap, "voc_map": 0.5},
        "per_class": {"cat": {"AP": ap}},
        "error_costs": {"position": cost},
        "operating_point": {"confidence_threshold": ap},
        "calibration": {"error": 0.1},
        "pictures": pictures,
        "objects": 9,
    }


def test_better_and_worse():
    rows = {row.name[0]: row for row in compare(figures(0.4, 0.1), figures(0.5, 0.05))}
    assert rows["AP, IoU 0.5 to 0.95 (COCO)"].better is True and rows[
        "AP of cat"
    ].change == pytest.approx(0.1)
    assert (
        rows["cost of wrong place"].better is True and rows["mAP at IoU 0.5 (VOC)"].better is None
    )
    assert rows["confidence threshold"].better is None
    worse = {row.name[0]: row for row in compare(figures(0.5, 0.05), figures(0.4, 0.1))}
    assert worse["AP of cat"].better is False and worse["cost of wrong place"].better is False


def test_classes_of_one_side_only_and_other_data():
    before = {**figures(0.4, 0.1), "per_class": {"dog": {"AP": 0.3}}}
    rows = {
        row.name[0]: (row.before, row.after, row.better)
        for row in compare(before, figures(None, 0.1))
    }
    assert rows["AP of dog"] == (0.3, None, None) and "AP of cat" not in rows
    assert not_comparable(before, figures(0.4, 0.1, pictures=4)) and not not_comparable(
        before, figures(0.4, 0.1)
    )


def test_an_earlier_assessment_is_read(tmp_path):
    (tmp_path / "assessment.json").write_text(json.dumps(figures(0.4, 0.1)))
    assert read_assessment(tmp_path)["metrics"]["AP"] == 0.4
    (tmp_path / "assessment.json").write_text('{"metrics": {}}')
    with pytest.raises(DataError, match="figures are missing"):
        read_assessment(tmp_path)
