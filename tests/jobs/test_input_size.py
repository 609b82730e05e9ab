"""The size of the network's input where image_size leaves it to the job."""

import logging

import numpy as np
import pytest

from algorithm.data import Dataset, Sample
from algorithm.hyperparameters import parse
from algorithm.jobs.input_size import input_size
from algorithm.training import checkpoints


def wide(usage, count=3):
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool)
    return tuple(Sample(f"{usage}{i}", "", "", 640, 480, *none, usage=usage) for i in range(count))


DATASET = Dataset(wide("train"), wide("eval"), ("cat",), (1,))


def hyperparameters(*more):
    return parse(["--data_url=d", "--train_url=t", "--model_name=efficientdet-lite0", *more])


def test_the_shape_of_the_training_pictures(caplog):
    with caplog.at_level(logging.INFO):
        assert input_size(hyperparameters(), DATASET, None) == (288, 384)
    assert "288x384 (height x width)" in caplog.text and "20 % larger" in caplog.text
    assert "image_size=320 in hparams takes the square" in caplog.text


@pytest.mark.parametrize(
    ("flags", "trained", "size"),
    [
        (("--hparams=image_size=256",), None, (256, 256)),
        (("--hparams=image_size=256",), {"image_size": [288, 384]}, (256, 256)),
        ((), {"image_size": [384, 288]}, (384, 288)),  # a job goes on as it began
        ((), {}, (320, 320)),  # begun by a version that knew the square only
        (("--mode=eval",), {"image_size": [384, 288]}, (384, 288)),
        (("--mode=eval",), None, (320, 320)),  # published weights
        (("--use_online_kd=True",), None, (320, 320)),
        (("--export_teacher_model=True",), None, (320, 320)),
        (("--use_offline_kd=True", "--teacher_model_url=t"), None, (320, 320)),
    ],
)
def test_what_comes_before_the_shape(flags, trained, size, caplog):
    with caplog.at_level(logging.INFO):
        assert input_size(hyperparameters(*flags), DATASET, trained) == size
    assert "shape" not in caplog.text


def test_the_state_beside_weights_that_a_job_wrote(tmp_path):
    state = {"image_size": [288, 384]}
    checkpoints.save(tmp_path, 7, {"a": np.zeros(2, np.float32)}, state, keep=1)
    assert checkpoints.state_at(tmp_path) == state
    assert checkpoints.state_at(tmp_path / "model.ckpt-7") == state


def test_weights_of_others_have_no_state(tmp_path):
    assert checkpoints.state_at(tmp_path) is None
    (tmp_path / "model.h5").write_bytes(b"none of ours")
    assert checkpoints.state_at(tmp_path / "model.h5") is None
