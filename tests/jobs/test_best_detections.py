"""The detections of the best checkpoint on disk."""

import numpy as np

from algorithm.jobs.outputs.best_detections import FILE, load_detections, save_detections


def found(count):
    return {
        "boxes": np.arange(4 * count, dtype=np.float32).reshape(count, 4),
        "scores": np.linspace(1, 0.5, count, dtype=np.float32),
        "labels": np.arange(count, dtype=np.int32),
    }


def test_they_come_back_picture_by_picture(tmp_path):
    given = [found(2), found(0), found(3)]
    save_detections(tmp_path, 40, given)
    for row, expected in zip(load_detections(tmp_path, 40), given, strict=True):
        for name, values in expected.items():
            assert row[name].dtype == values.dtype
            np.testing.assert_array_equal(row[name], values)


def test_those_of_another_step_or_a_damaged_file_are_not_taken(tmp_path):
    assert load_detections(tmp_path, 40) is None
    save_detections(tmp_path, 40, [found(1)])
    assert load_detections(tmp_path, 41) is None
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[: len(content) // 2])
    assert load_detections(tmp_path, 40) is None


def test_no_picture_and_no_detection(tmp_path):
    save_detections(tmp_path, 1, [])
    assert load_detections(tmp_path, 1) == []
    save_detections(tmp_path, 2, [found(0)])
    assert [len(row["scores"]) for row in load_detections(tmp_path, 2)] == [0]
