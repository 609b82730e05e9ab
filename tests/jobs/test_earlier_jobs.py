"""The pictures that the weights of another job know, held against the EVAL pictures of this one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from algorithm.data import Dataset, Sample
from algorithm.data.recorded_usages import recorded_usages, trained_before
from algorithm.data.split_record import SplitRecord, content_of, known_pictures, read_record
from algorithm.hyperparameters import parse
from algorithm.jobs.earlier_jobs import held_against_earlier, record_beside


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """Two pictures that train, a and b, and two that evaluate, c and d."""

    def sample(name: str, usage: str) -> Sample:
        path = tmp_path / f"{name}.jpg"
        path.write_text(name)
        nothing = np.zeros(0, bool)
        boxes, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
        return Sample(name, str(path), name, 1, 1, boxes, labels, nothing, usage)

    train = tuple(sample(name, "train") for name in "ab")
    return Dataset(train, tuple(sample(name, "eval") for name in "cd"), ("cat",), (1,))


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """archive/ of a job that trained on c, under the name x, and evaluated d."""
    (tmp_path / "job/archive").mkdir(parents=True)
    contents = {name: content_of(_written(tmp_path / f"{name}.txt", name)) for name in "cd"}
    record = {"rule": "seed 0", "train": {"x": contents["c"]}, "eval": {"y": contents["d"]}}
    (tmp_path / "job/split.json").write_text(json.dumps(record))
    return tmp_path / "job/archive"


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def hyperparameters(tmp_path: Path, *flags: str):
    return parse([f"--data_url={tmp_path}", f"--train_url={tmp_path}/out", *flags])


def test_a_warm_start_from_weights_that_know_eval_pictures_is_told(
    data, earlier, tmp_path, caplog
) -> None:
    hp = hyperparameters(tmp_path, f"--pretrained={earlier}")
    held = held_against_earlier(hp, data, tmp_path)
    assert held.before == {"x": content_of(tmp_path / "c.jpg")}
    assert "1 of 2 EVAL pictures may be among those" in caplog.text
    assert f"{tmp_path}/job/split.json" in caplog.text


def test_published_weights_and_a_split_that_is_kept_are_no_warning(
    data, earlier, tmp_path, caplog
) -> None:
    assert not held_against_earlier(hyperparameters(tmp_path), data, tmp_path).before
    (tmp_path / "job/split.json").write_text(
        json.dumps({"rule": "", "train": {"a": content_of(tmp_path / "a.jpg")}, "eval": {}})
    )
    held_against_earlier(hyperparameters(tmp_path, f"--pretrained={earlier}"), data, tmp_path)
    assert not caplog.text


def test_a_teacher_that_knows_eval_pictures_is_told(data, earlier, tmp_path, caplog) -> None:
    flags = ("--use_offline_kd=True", f"--teacher_model_url={earlier.parent}")
    held_against_earlier(hyperparameters(tmp_path, *flags), data, tmp_path)
    assert "1 of 2 EVAL pictures" in caplog.text


def test_a_record_in_a_bucket_is_found_above_the_weights(earlier, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("OBS_ROOT", str(tmp_path))
    for place in ("obs://job/archive/", "obs://job/archive/model.ckpt-1.index"):
        record = record_beside(place, tmp_path / "scratch")
        assert record is not None and sorted(record.train) == ["x"]


def test_what_weights_know_goes_on_to_the_jobs_after_them(data, tmp_path: Path) -> None:
    first = SplitRecord("1", "", {"c": content_of(tmp_path / "c.jpg")}, {})
    second = SplitRecord.of(data.train, data.eval, "seed 0", known_pictures([first]))
    (tmp_path / "split.json").write_text(json.dumps(second.as_dict()))
    record = read_record(tmp_path / "split.json")
    assert trained_before(record.before, list(record.eval), list(record.eval.values())) == {0}
    assert sorted(known_pictures([record])) == ["a", "b", "c"]
    ids = [sample.image_id for sample in data.eval]
    found = recorded_usages(record, ids, list(record.eval.values()), [None, None], ("eval",))
    assert (found.usages, found.seen) == (("eval", "eval"), {0})
    assert "1 of the 2 pictures that evaluate may have been trained on" in found.lines[-1]


def test_two_pictures_of_one_name_are_both_known() -> None:
    records = [SplitRecord(place, "", {"a": place}, {}) for place in "12"]
    assert known_pictures(records) == {"a": "1", "2/a": "2"}
