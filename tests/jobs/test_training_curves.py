"""Curves from event files."""

import tensorflow as tf

from algorithm.jobs.outputs.training_curves import read_curves


def write(folder, suffix, points, tag="train/loss"):
    writer = tf.summary.create_file_writer(str(folder), filename_suffix=suffix)
    with writer.as_default():
        for step, value in points.items():
            tf.summary.scalar(tag, value, step)
        tf.summary.image("data/picture_0", tf.zeros((1, 4, 4, 3), tf.uint8), 0)
    writer.close()


def test_a_resumed_run_goes_on_where_its_later_points_stand(tmp_path):
    write(tmp_path, ".1", {1: 4.0, 2: 3.0, 3: 9.0})
    write(tmp_path, ".2", {3: 2.0, 4: 1.0})
    write(tmp_path, ".3", {4: 0.5}, "eval/AP")
    assert read_curves(tmp_path) == {
        "train/loss": {1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0},
        "eval/AP": {4: 0.5},
    }


def test_no_events_no_curves(tmp_path):
    assert read_curves(tmp_path) == {}
