"""A job fits the rows of new classes to the training pictures before its first step."""

import re
from pathlib import Path

import numpy as np
import pytest
import small_job
import tensorflow as tf

from algorithm.data import load_dataset
from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.errors import ArgumentError, DataError
from algorithm.hyperparameters import parse
from algorithm.jobs import first_class_predictor
from algorithm.jobs.job_network import network_of
from algorithm.models import build_detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.checkpoint_writer import write_checkpoint
from algorithm.models.weights.warm_start import find_start
from algorithm.training import linear_probe
from algorithm.training.devices.devices import open_devices

PREDICTOR = "class_net/class-predict/"
FILTER, KERNEL, BIAS = (
    f"{PREDICTOR}{part}" for part in ("depthwise_kernel", "pointwise_kernel", "bias")
)
KNOWN = ("person", "ball")


@pytest.fixture(scope="module", autouse=True)
def thin_network():
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin_layers(patch.setitem)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures of ball, box, ring and star."""
    return write_sample_dataset(tmp_path_factory.mktemp("data"), count=6, seed=1, size=96)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """A checkpoint of the thin network, which knows a person and a ball."""
    detector = build_detector("efficientdet-lite0", len(KNOWN), 64)
    tensors = {name: value.numpy() for name, value in published_variables(detector).items()}
    return write_checkpoint(tensors, tmp_path_factory.mktemp("w") / "known", KNOWN), tensors


def network(data, start, tmp_path, *flags, hparams=""):
    """The job's network as {published name: array}, and the names of what is fresh in it."""
    options = f"image_size=64{hparams}"
    places = [f"--data_url={data}", f"--train_url={tmp_path}", f"--pretrained={start}"]
    hp = parse([*places, "--model_name=efficientdet-lite0", f"--hparams={options}", *flags])
    dataset = load_dataset(data, clean=False, seed=0, work_dir=tmp_path)
    devices = open_devices("one_device", 0, "", None)
    detector, fresh = network_of(hp, dataset, devices, None, find_start(hp, tmp_path))
    values = {name: value.numpy() for name, value in published_variables(detector).items()}
    return values, fresh


def rows(values: np.ndarray, classes: int) -> np.ndarray:
    return values.reshape(*values.shape[:-1], 9, classes)


def test_new_classes_are_fitted_and_known_ones_kept(data, weights, tmp_path, caplog):
    caplog.set_level("INFO")
    path, stored = weights
    values, fresh = network(data, path, tmp_path)
    np.testing.assert_array_equal(values[FILTER], stored[FILTER])
    for name in (KERNEL, BIAS):
        ball = rows(values[name], 4)[..., 0]  # labels in alphabetical order
        np.testing.assert_array_equal(ball, rows(stored[name], 2)[..., 1])
    assert set(fresh) == {FILTER, KERNEL, BIAS}  # they keep a learning rate of their own
    assert "linear_probe: fitting the class predictor to the pretrained features of" in caplog.text
    assert "linear_probe=False in hparams lets it start fresh" in caplog.text
    assert "linear_probe: fitted in" in caplog.text
    unfitted, _ = network(data, path, tmp_path, hparams=",linear_probe=False")
    for name in (KERNEL, BIAS):
        new = rows(values[name], 4)[..., 1:]
        assert np.abs(new - rows(unfitted[name], 4)[..., 1:]).max() > 0.01
    others = [name for name in values if not name.startswith(PREDICTOR)]
    assert all(np.array_equal(values[name], unfitted[name]) for name in others)


@pytest.mark.parametrize(
    ("flags", "hparams"),
    [
        ((), ",linear_probe=False"),
        (("--mode=overfit_check",), ""),
        (("--fine_tune_checkpoint_type=classification",), ""),
    ],
)
def test_nothing_is_fitted_where_it_is_not_wanted(flags, hparams, data, weights, tmp_path, caplog):
    caplog.set_level("INFO")
    network(data, weights[0], tmp_path, *flags, hparams=hparams)
    assert "linear_probe" not in caplog.text


def test_classes_that_are_all_known_are_left_alone(data, tmp_path, caplog):
    caplog.set_level("INFO")
    names = ("star", "ring", "box", "ball")
    detector = build_detector("efficientdet-lite0", 4, 64)
    tensors = {name: value.numpy() for name, value in published_variables(detector).items()}
    values, fresh = network(data, write_checkpoint(tensors, tmp_path / "w", names), tmp_path)
    np.testing.assert_array_equal(rows(values[BIAS], 4), rows(tensors[BIAS], 4)[:, ::-1])
    assert fresh == ()
    assert "linear_probe" not in caplog.text


def test_with_too_little_memory_the_predictor_starts_fresh(
    data, weights, tmp_path, caplog, monkeypatch
):
    """As without the fit, COCO's filter left out too: it does worse under fresh rows."""

    def no_memory(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    monkeypatch.setattr(first_class_predictor, "features_of", no_memory)
    values, _ = network(
        data, weights[0], tmp_path, "--eval_batch_size=3", hparams=",known_classes=False"
    )
    assert "too little memory for 3 pictures at a time" in caplog.text
    assert np.abs(values[FILTER] - weights[1][FILTER]).max() > 0.01


def test_numbers_that_are_not_finite_get_nowhere(data, weights, tmp_path, caplog, monkeypatch):
    """A NaN in the filter made NaN of all rows, with a line that said they were fitted."""
    tensors = {**weights[1], FILTER: np.full_like(weights[1][FILTER], np.nan)}
    path = write_checkpoint(tensors, tmp_path / "nan", ("person",) * len(KNOWN))
    with pytest.raises(DataError, match="expected finite numbers, class_net/class-predict/depth"):
        network(data, path, tmp_path)
    nothing = (np.full((16, 9, 3), np.inf), np.zeros((9, 3)))
    monkeypatch.setattr(first_class_predictor, "fit", lambda *_: nothing)
    values, _ = network(data, weights[0], tmp_path)
    assert "linear_probe: the fit diverged" in caplog.text
    assert np.isfinite(values[KERNEL]).all()


def test_a_class_that_is_not_there_is_an_error_before_the_features(
    data, weights, tmp_path, monkeypatch
):
    monkeypatch.setattr(first_class_predictor, "features_of", None)
    with pytest.raises(ArgumentError, match="class_weights"):
        network(data, weights[0], tmp_path, hparams=",class_weights=nobody:2")


def test_new_classes_without_an_object_in_the_pictures_are_named(
    data, weights, tmp_path, caplog, monkeypatch
):
    caplog.set_level("INFO")
    monkeypatch.setattr(linear_probe, "BYTES", 0)  # room for one picture
    network(data, weights[0], tmp_path)
    assert "pretrained features of 1 training pictures" in caplog.text
    assert re.search(r"classes without an object in these pictures: \w+", caplog.text)
