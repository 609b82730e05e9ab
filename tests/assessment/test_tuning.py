"""Tuning keeps what helps; comparison tells better from worse."""

import json
from pathlib import Path

import numpy as np
import pytest

from algorithm.assessment.advice import tuning
from algorithm.assessment.advice.finding import Finding
from algorithm.assessment.advice.setting_steps import Change, Setting
from algorithm.assessment.advice.tuning import Measured, train_and_measure, tune
from algorithm.assessment.comparison import compare, not_comparable, read_assessment, verdict
from algorithm.assessment.options import Options
from algorithm.data.split_record import GIVEN, SplitRecord, read_record
from algorithm.errors import AlgorithmError, ArgumentError, DataError
from algorithm.evaluation.resampled import Resampled


def finding(*changes):
    return Finding("x", "major", 0.5, ("", ""), changes=changes)


FOUND = [
    finding(Change("mosaic", "0", "0.3")),
    finding(),
    finding(Change("gamma", "1.5", "2"), Change("num_epochs", "5", "8")),
    finding(Change("cutout", "0", "0.3")),
]


def measured(ap, spread=0.001, pictures=40):
    """A job of this AP, whose resamples move together with those of other jobs, up to `spread`."""
    rng = np.random.default_rng(int(ap * 1000))
    shared = np.random.default_rng(0).normal(0, 0.05, 500)
    values = {"AP": ap + shared + rng.normal(0, spread, 500)}
    return Measured(ap, Resampled(pictures, "same", values, {"AP": ap}))


def options(**more):
    return Options("m", "d", "/out", **{"tune": 3, **more})


def test_what_helped_is_kept_and_built_upon():
    jobs = []

    def run_job(values, data_url, folder):
        jobs.append((dict(values), data_url, folder))
        return measured([0.40, 0.45, 0.44, 0.46][len(jobs) - 1])

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
        lambda values, *_: jobs.append(dict(values)) or measured(0.1),
    )
    assert jobs[1] == {"num_epochs": "2", "mosaic": "0.3"} and trail.kept == ()


def test_more_epochs_are_tried_where_the_length_is_free():
    jobs = []
    tune(
        options(tune=2),
        Setting({"num_epochs": "5"}),
        FOUND,
        lambda values, *_: jobs.append(dict(values)) or measured(0.1),
    )
    assert jobs[2] == {"num_epochs": "8", "gamma": "2"}


def test_given_epochs_say_how_long_also_where_the_model_had_a_time():
    """The jobs would have trained for train_minutes, and not been comparable."""
    jobs = []

    def run_job(values, data_url, folder):
        jobs.append(dict(values))
        return measured(0.5)

    minutes = finding(Change("train_minutes", "30", "45"))
    setting = Setting({"num_epochs": "5", "train_minutes": "30.0"})
    tune(options(tune_epochs=2), setting, [minutes], run_job)
    assert jobs == [{"num_epochs": "2", "train_minutes": "0"}]
    stepped = Setting({"num_epochs": "5", "num_steps": "30"})
    tune(options(tune_epochs=2), stepped, [finding(Change("num_steps", "30", "45"))], run_job)
    assert jobs[1:] == [{"num_epochs": "2", "num_steps": "0"}]


def test_a_job_that_fails_counts_as_no_gain():
    scores = iter([0.4, AlgorithmError("it broke"), 0.5])

    def run_job(*_):
        score = next(scores)
        if isinstance(score, Exception):
            raise score
        return measured(score)

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


def test_a_gain_inside_the_noise_is_not_followed(caplog):
    jobs = iter([measured(0.40, 0.02), measured(0.42, 0.02), Measured(0.9)])
    with caplog.at_level("INFO"):
        trail = tune(options(tune=2), Setting(), FOUND, lambda *_: next(jobs))
    assert [row["kept"] for row in trail.rows] == [True, False, False] and trail.kept == ()
    low, high = trail.rows[1]["interval"]
    assert low < 0 < trail.rows[1]["gain"] < high
    assert "no difference can be seen with 40 pictures: AP +0.02" in caplog.text
    assert "of which no interval is known" in caplog.text


def test_what_a_job_is_worth_stands_in_its_metrics(tmp_path):
    content = {"AP": 0.4375, "resampled": measured(0.4375).resampled.as_dict(classes=False)}
    (tmp_path / "metrics.json").write_text(json.dumps(content))
    found = tuning._measured(tmp_path)
    assert found.ap == 0.4375 and found.gain_over(measured(0.4))[1][0] > 0


def test_an_undefined_ap_is_no_figure_to_compare_jobs_by(tmp_path):
    (tmp_path / "metrics.json").write_text('{"AP": null}')
    with pytest.raises(AlgorithmError, match="found that it is undefined"):
        tuning._measured(tmp_path)


def test_tuning_jobs_keep_to_the_split_of_the_job_that_made_the_model(tmp_path):
    record = SplitRecord("model/split.json", "seed 7", {"a": "1"}, {"b": "2"})
    seen = []

    def run_job(values, data_url, folder):
        seen.append(read_record(folder / "split.json"))
        return measured(0.5)

    place = Options("m", "d", str(tmp_path), tune=1)
    tune(place, Setting(), FOUND, run_job, record)
    assert [(one.rule, one.train, one.eval) for one in seen] == [
        (GIVEN, {"a": "1"}, {"b": "2"})
    ] * 2


def test_where_tuning_cannot_be(monkeypatch):
    with pytest.raises(ArgumentError, match="expected a local --output"):
        tune(Options("m", "d", "obs://b/o", tune=1), Setting(), FOUND, lambda *_: measured(0.0))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match="expected the whole package"):
        tune(options(), Setting(), FOUND, lambda *_: measured(0.0))


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


def resampled_figures(ap, spread):
    """Figures with the resamples of AP, AP50 and the class."""
    one = measured(ap, spread).resampled.values["AP"]
    values = {"AP": one, "AP50": one + 0.1, "AP of cat": one, "AP50 of cat": one}
    points = {name: float(row.mean()) for name, row in values.items()}
    kept = Resampled(40, "s", values, points).as_dict(classes=True)
    return {**figures(ap, ap / 4), "resampled": kept}


def test_a_difference_inside_the_noise_is_neither_better_nor_worse():
    before, after = resampled_figures(0.4, 0.03), resampled_figures(0.42, 0.03)
    rows = {row.name[0]: row for row in compare(before, after)}
    assert rows["AP, IoU 0.5 to 0.95 (COCO)"].interval[0] < 0
    assert {row.better for row in rows.values()} == {None}
    assert verdict(before, after)[0].startswith("No difference can be seen with 40 pictures")
    assert verdict(before, after)[1].startswith("用 40 张图片看不出差别")


def test_a_difference_outside_the_noise_is_told():
    before, after = resampled_figures(0.4, 0.003), resampled_figures(0.5, 0.003)
    rows = {row.name[0]: row for row in compare(before, after)}
    assert rows["AP of cat"].better is True and rows["AP of cat"].interval[0] > 0.08
    assert rows["cost of wrong place"].better is False  # without an interval, AP being another
    assert verdict(before, after)[0].startswith("AP is better: it changed by +0.100")
    assert verdict(after, before)[0].startswith("AP is worse")


def test_resamples_of_other_objects_are_no_pair():
    before, after = resampled_figures(0.4, 0.003), resampled_figures(0.5, 0.003)
    after["resampled"]["truths"] = "other"
    assert not_comparable(before, after) and verdict(before, after) is None
    assert verdict(figures(0.4, 0.1), after) is None  # of an older version, which kept none


def test_an_earlier_assessment_is_read(tmp_path):
    (tmp_path / "assessment.json").write_text(json.dumps(figures(0.4, 0.1)))
    assert read_assessment(tmp_path)["metrics"]["AP"] == 0.4
    (tmp_path / "assessment.json").write_text('{"metrics": {}}')
    with pytest.raises(DataError, match="figures are missing"):
        read_assessment(tmp_path)
