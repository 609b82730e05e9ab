"""Grades, advice tied to knobs that exist, the next job."""

import json

import numpy as np
import pytest

from algorithm.assessment.advice.advice_rows import ALL_ADVICE, ERROR_ADVICE, FEATURE_ADVICE
from algorithm.assessment.advice.finding import MAJOR, MEDIUM, SLIGHT, grade_of
from algorithm.assessment.advice.graded_findings import (
    LEAST_NMS_GAIN,
    findings,
    next_changes,
    worth_suppressing,
)
from algorithm.assessment.advice.next_job import changed_values, next_job, parameters, read_job
from algorithm.assessment.advice.setting_steps import (
    LARGER_MODEL,
    LARGER_PICTURE,
    LONGER_TRAINING,
    MORE_MINUTES,
    MORE_STEPS,
    Change,
    Setting,
)
from algorithm.assessment.analysis import analyse_records
from algorithm.assessment.errors.error_costs import COST_KINDS
from algorithm.assessment.sensitivity.features import FEATURES
from algorithm.errors import DataError
from algorithm.evaluation.records import make_records
from algorithm.hyperparameters import ROWS, parse, read_value

KNOBS = [(row.key, knob) for row in ALL_ADVICE for knob in row.knobs]


@pytest.mark.parametrize(("key", "knob"), KNOBS, ids=lambda value: getattr(value, "name", value))
def test_every_knob_is_a_hyperparameter_and_every_turn_is_allowed(key, knob):
    assert knob.name in ROWS
    turns = 0
    lengths = (
        ("gaussian", "0", "0"),
        ("hard", "0", "0"),
        ("hard", "10", "0"),
        ("hard", "0", "100"),
    )
    for method, minutes, steps in lengths:
        values = {
            "nms_method": method,
            "train_minutes": minutes,
            "num_steps": steps,
            "image_size": "512",
            "jitter_min": "0.8",
            "jitter_max": "1.2",
            "num_epochs": "3",
        }
        while (change := knob.change(Setting(values))) and turns < 20:
            read_value(ROWS[change.name], change.after)
            assert change.after != change.before
            values[change.name], turns = change.after, turns + 1
    assert turns, f"{key}: {knob.name} is never turned"


def test_every_kind_of_error_and_every_feature_has_its_advice():
    assert {row.key for row in ERROR_ADVICE} == set(COST_KINDS)
    assert {row.key for row in FEATURE_ADVICE} == {row.key for row in FEATURES}
    assert all(row.do[0] and row.do[1] for row in ALL_ADVICE)


def test_grades():
    assert [grade_of(number, (0.1, 0.2)) for number in (0.074, 0.1, 0.143, 0.2, 0.343, 0.383)] == [
        SLIGHT,
        MEDIUM,
        MEDIUM,
        MAJOR,
        MAJOR,
        MAJOR,
    ]


def test_the_model_larger_than_t1_is_t0_not_the_smaller_t2():
    larger = {
        small: LARGER_MODEL.change(Setting({"model_name": f"efficientdet-{small}"}))
        for small in ("t2", "t1", "t0")
    }
    assert larger["t2"].after == "efficientdet-t1"
    assert larger["t1"].after == "efficientdet-t0"
    assert larger["t0"] is None


def test_knobs_turn_from_where_they_are():
    assert (
        LARGER_MODEL.change(Setting({"model_name": "efficientdet-lite0"})).after
        == "efficientdet-lite1"
    )
    assert LARGER_MODEL.change(Setting({"model_name": "efficientdet-d7x"})) is None
    assert LARGER_PICTURE.change(Setting({"image_size": "512x640"})).after == "640x832"
    assert LARGER_PICTURE.change(Setting({})) is None
    assert (
        LARGER_PICTURE.change(
            Setting({"model_name": "efficientdet-d0"}, {"efficientdet-d0": (512, 512)})
        ).after
        == "640x640"
    )


def small_objects_missed(offset=0, pictures=10):
    """100 objects; the smaller half is missed, the others are found, shifted by `offset` pixels."""
    boxes = [[0, 200 * i, 20 + i, 200 * i + 20 + i] for i in range(100)]
    found = [[y, x + offset, bottom, right + offset] for y, x, bottom, right in boxes[50:]]
    shares = [slice(place, None, pictures) for place in range(pictures)]
    return make_records(
        ["猫"],
        [f"p{place}" for place in range(pictures)],
        [(boxes[share], [0] * len(boxes[share])) for share in shares],
        [(found[share], [0] * len(found[share]), [0.9] * len(found[share])) for share in shares],
        [(1000, 20000)] * pictures,
    )


def test_missed_small_objects_are_found_out():
    found = findings(
        analyse_records(small_objects_missed(), [None] * 10),
        Setting({"model_name": "efficientdet-d0"}, {"efficientdet-d0": (512, 512)}),
    )
    by_key = {row.key: row for row in found}
    area = by_key["box_area"]
    assert area.grade == MAJOR and area.number == pytest.approx(np.std([0, 0, 0.5, 1, 1]))
    assert area.changes == (Change("image_size", "", "640x640"),)
    assert "major influence on the recall" in area.english and "0% - 20%" in area.english
    assert "重大影响" in area.chinese and "image_size=640x640" in area.chinese
    assert by_key["missed"].number == pytest.approx(1 - 51 / 101)
    assert found[-1].key == "thresholds" and "置信度" in found[-1].chinese


def test_missed_large_objects_ask_for_scales_not_for_pixels():
    boxes = [[0, 200 * i, 20 + i, 200 * i + 20 + i] for i in range(100)]
    records = make_records(
        ["猫"], ["p"], [(boxes, [0] * 100)], [(boxes[:50], [0] * 50, [0.9] * 50)], [(1000, 20000)]
    )
    found = findings(
        analyse_records(records, [None]),
        Setting({"model_name": "efficientdet-d0"}, {"efficientdet-d0": (512, 512)}),
    )
    area = {row.key: row for row in found}["box_area"]
    assert (
        area.grade == MAJOR and "at 60% - 80%" in area.english and "several scales" in area.english
    )
    assert area.changes == (
        Change("jitter_max", "1.5", "2"),
        Change("jitter_min", "0.5", "0.1"),
        Change("mosaic", "0", "0.3"),
    )


def test_misplaced_boxes_ask_for_an_overlap_loss():
    records = small_objects_missed(offset=60)  # IoU from 70 - 60 to 119 - 60: all below 0.5
    setting = Setting({"iou_loss_type": "giou"})
    finding = {row.key: row for row in findings(analyse_records(records, [None] * 10), setting)}[
        "position"
    ]
    assert finding.changes == (Change("iou_loss_type", "giou", "diou"),)


def test_slight_findings_change_nothing():
    found = findings(analyse_records(small_objects_missed(), [None] * 10), Setting())
    assert all(not row.changes and not row.todo[0] for row in found if row.grade == SLIGHT)


def test_no_objects_no_advice():
    records = make_records(["a"], ["p"], [([], [])], [([], [], [])])
    assert findings(analyse_records(records, [None]), Setting()) == []


def test_the_next_job_is_one_the_job_takes():
    setting = Setting(
        {
            "model_name": "efficientdet-lite0",
            "num_epochs": "60",
            "seed": "3",
            "label_smoothing": "0.1",
            "image_size": "",
        },
        {"efficientdet-lite0": (320, 320)},
    )
    found = findings(analyse_records(small_objects_missed(), [None] * 10), setting)
    job = next_job(setting.values, "job.json", next_changes(found))
    values = {row["name"]: row["value"] for row in job["parameters"]}
    hp = parse(
        [f"--{name}={text}" for name, text in values.items()] + ["--data_url=d", "--train_url=t"]
    )
    changed = {row["name"]: row["to"] for row in job["changes"]}
    assert changed["image_size"] == "448x448" and hp.image_size == (448, 448)
    assert (hp.seed, hp.label_smoothing, hp.num_epochs) == (
        3,
        0.1,
        int(changed.get("num_epochs", 60)),
    )
    assert job["command"].startswith(
        "python algorithm/train.py --data_url=DATASET --train_url=OUT --mode=train"
    )
    assert json.loads(json.dumps(job)) == job


def test_a_model_that_was_hardly_trained_is_trained_longer_before_anything_else_is_changed():
    analysis = analyse_records(small_objects_missed(), [None] * 10)
    few, some = (
        findings(analysis, Setting({"image_size": "320", "num_epochs": epochs}))
        for epochs in ("3", "20")
    )
    assert {row.key for row in few if row.changes} > {"epochs", "box_area"}
    assert [(change.name, change.after) for change, _ in next_changes(few)] == [
        ("num_epochs", "15"),
        ("mode", "train_and_eval"),
    ]
    assert {"num_epochs", "image_size"} <= {change.name for change, _ in next_changes(some)}


def test_a_hyperparameter_is_changed_once_by_the_graver_finding():
    found = findings(
        analyse_records(small_objects_missed(), [None] * 10), Setting({"image_size": "320"})
    )
    names = [change.name for change, _ in next_changes(found)]
    assert len(names) == len(set(names)) and "image_size" in names


def test_defaults_make_the_default_job():
    assert parameters(changed_values({}, []))["hparams"] == "moving_average_decay=0"


def test_the_former_job_is_read_from_beside_the_model(tmp_path):
    assert read_job(tmp_path / "model") == {}
    (tmp_path / "job.json").write_text(
        json.dumps({"hyperparameters": {"seed": "5", "future": "x"}})
    )
    assert read_job(tmp_path / "model") == {"seed": "5"}
    (tmp_path / "job.json").write_text(
        json.dumps({"hyperparameters": {"model_name": "efficientdet-x"}})
    )
    with pytest.raises(
        DataError,
        match="expected the hyperparameters of a training job in .*expected one of efficientdet-d0",
    ):
        read_job(tmp_path / "model")
    (tmp_path / "job.json").write_text("[]")
    with pytest.raises(DataError, match="expected the hyperparameters of a training job in"):
        read_job(tmp_path / "model")


def test_a_knob_whose_value_is_not_known_is_named_without_one():
    area = {
        row.key: row
        for row in findings(analyse_records(small_objects_missed(), [None] * 10), Setting())
    }["box_area"]
    assert (
        area.changes == ()
        and area.todo[0] == "To do: let the network see more pixels (image_size)."
    )


def test_another_model_looks_for_its_own_weights():
    values = {"model_name": "efficientdet-lite0", "pretrained": "/weights/lite0"}
    assert (
        changed_values(values, [Change("model_name", "", "efficientdet-lite1")])["pretrained"]
        == "auto"
    )
    assert changed_values(values, [Change("seed", "0", "1")])["pretrained"] == "/weights/lite0"


@pytest.mark.parametrize(
    ("epochs", "grade", "after"),
    [("3", MAJOR, "15"), ("14", MAJOR, "15"), ("15", MEDIUM, "50"), ("50", None, "")],
)
def test_a_short_training_comes_first(epochs, grade, after):
    first, *_ = findings(
        analyse_records(small_objects_missed(), [None] * 10), Setting({"num_epochs": epochs})
    )
    assert (first.key == "epochs") == (grade == MAJOR)
    found = {
        row.key: row
        for row in findings(
            analyse_records(small_objects_missed(), [None] * 10), Setting({"num_epochs": epochs})
        )
    }
    assert (found["epochs"].grade if grade else None) == grade and ("epochs" in found) == bool(
        grade
    )
    assert not grade or found["epochs"].changes[0] == Change("num_epochs", epochs, after)


def test_what_a_single_picture_costs_is_no_advice():
    """Errors of one picture among many may be chance: they are told, and nothing is to turn."""
    analysis = analyse_records(small_objects_missed(pictures=1), [None])
    missed = {row.key: row for row in findings(analysis, Setting())}["missed"]
    assert analysis.costs["missed"] > 0.4 and missed.grade == SLIGHT and missed.changes == ()
    assert (
        "which with 1 pictures may be chance" in missed.english and "可能为偶然" in missed.chinese
    )


def test_suppression_that_helps_in_one_picture_is_not_applied():
    """AP50 rises by the duplicates of a single picture; another draw may not have it."""
    box = [0, 0, 10, 10]
    once, twice = ([box], [0], [0.5]), ([box] * 9, [0] * 9, [0.9] * 9)
    for lucky, worth in ((1, False), (10, True)):
        records = make_records(
            ["a"],
            [str(place) for place in range(20)],
            [([box], [0])] * 20,
            [twice] * lucky + [once] * (20 - lucky),
        )
        analysis = analyse_records(records, [None] * 20)
        assert analysis.nms_gain > LEAST_NMS_GAIN and worth_suppressing(analysis) is worth
        assert ("Suppression" in findings(analysis, Setting())[-1].english) is worth


def test_a_job_with_a_time_is_trained_longer_by_its_time():
    """num_epochs was raised, which such a job does not use."""
    timed = Setting({"num_epochs": "5", "train_minutes": "30.0"})
    assert LONGER_TRAINING.change(timed) is None
    assert MORE_MINUTES.change(timed) == Change("train_minutes", "30", "45")
    assert MORE_MINUTES.change(Setting({"num_epochs": "5"})) is None
    found = findings(analyse_records(small_objects_missed(), [None] * 10), timed)
    assert "epochs" not in {each.key for each in found}


def test_a_job_of_num_steps_is_told_of_steps_not_of_epochs():
    steps = Setting({"num_epochs": "5", "num_steps": "301"})
    assert LONGER_TRAINING.change(steps) is None and MORE_MINUTES.change(steps) is None
    assert MORE_STEPS.change(steps) == Change("num_steps", "301", "452")
    assert MORE_STEPS.change(Setting({"num_epochs": "5"})) is None
