"""Keras `.h5` files: the published detectors' and keras.applications' backbones."""

from __future__ import annotations

import h5py
import keras
import numpy as np
import pytest

from algorithm.errors import DataError
from algorithm.models import build_detector
from algorithm.models.weights import load_weights, open_weights

BACKBONE_TENSORS = 304


def write_published_h5(path, values):
    """The layout Keras gives a subclassed model's weights: a group per part, each weight's whole name inside."""
    with h5py.File(path, "w") as file:
        parts = list(dict.fromkeys(name.split("/")[0] for name in values)) + ["resample_p7"]
        file.attrs["layer_names"] = [part.encode() for part in parts]
        for part in parts:
            group = file.create_group(part)
            names = [f"{name}:0" for name in values if name.startswith(f"{part}/")]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name in names:
                group.create_dataset(name, data=values[name.removesuffix(":0")])
    return path


def write_application_h5(path, model):
    """The layout of keras.applications' own files: a group per layer."""
    with h5py.File(path, "w") as file:
        for layer in model.layers:
            group = file.create_group(layer.name)
            for weight in layer.weights:
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                leaf = "depthwise_kernel" if depthwise else weight.name
                group.create_dataset(f"{layer.name}/{leaf}:0", data=weight.numpy())
    return path


def test_a_published_detector_loads_number_for_number(d0, values_of, weights_in, tmp_path):
    values = values_of(d0)
    report = load_weights(d0, write_published_h5(tmp_path / "efficientdet-d0.h5", values), "full")
    assert (report.kind, len(report.matched), report.unused) == ("Keras .h5 of a detector", 709, ())
    found = weights_in(d0)
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.fixture(scope="module")
def application() -> keras.Model:
    """EfficientNet-B0 of keras.applications for 64 x 75 pixels, with every weight and statistic away from its start."""
    model = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(64, 96, 3)
    )
    draw = np.random.default_rng(3)
    for weight in model.weights:
        if weight.name in ("gamma", "beta", "moving_mean", "moving_variance", "bias"):
            value = weight.numpy()
            weight.assign(value + draw.uniform(0.0, 0.2, value.shape))
    return model


def test_a_keras_applications_backbone_computes_the_same_features(application, tmp_path):
    """Up to rounding: strides are padded explicitly there and by "same" here, which places pixels alike."""
    detector = build_detector("efficientdet-d0", 2, (64, 96))
    path = write_application_h5(tmp_path / "efficientnetb0_notop.h5", application)
    report = load_weights(detector, path, "classification")
    assert (report.kind, len(report.matched)) == ("keras.applications .h5", BACKBONE_TENSORS)
    assert {name.rpartition("/")[0] for name in report.unused} == {
        "efficientnet-b0/head/conv2d",
        "efficientnet-b0/head/tpu_batch_normalization",
    }
    pixels = np.random.default_rng(4).uniform(0, 255, (1, 64, 96, 3)).astype(np.float32)
    normalised = keras.Model(application.input, application.get_layer("stem_conv_pad").input)(
        pixels
    )
    for theirs, ours in (
        ("block1a_project_bn", "blocks_0.tpu_batch_normalization_1"),
        ("block3b_add", "blocks_4.add"),
        ("block5c_add", "blocks_10.add"),
        ("block7a_project_bn", "blocks_15.tpu_batch_normalization_2"),
    ):
        expected = np.asarray(
            keras.Model(application.input, application.get_layer(theirs).output)(pixels)
        )
        layer = detector.get_layer(f"efficientnet-b0.{ours}")
        found = np.asarray(keras.Model(detector.inputs, layer.output)(normalised))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max(), theirs


def test_a_whole_saved_model_holds_its_weights_one_group_down(d0, values_of, tmp_path):
    inner, outer = write_published_h5(tmp_path / "inner.h5", values_of(d0)), tmp_path / "outer.h5"
    with h5py.File(inner) as source, h5py.File(outer, "w") as target:
        source.copy(source["/"], target, "model_weights")
    with open_weights(outer) as source:
        assert (len(source.tensors), source.fitting_models) == (709, ("efficientdet-d0",))


def test_other_keras_weights_are_refused_by_what_they_hold(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_dataset("conv1/conv1/kernel:0", data=np.ones((3, 3, 3, 8), np.float32))
    with (
        pytest.raises(DataError, match=r"found 1 datasets named otherwise \(conv1/kernel\)"),
        open_weights(tmp_path / "other.h5"),
    ):
        pass


@pytest.mark.parametrize("kind", ["external link", "soft link", "external storage"])
def test_numbers_of_other_files_are_not_read(kind, tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file.create_dataset("kernel:0", data=np.ones(4, np.float32))
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        group = file.create_group("class_net/class_net/class-0")
        group.create_dataset("bias:0", data=np.ones(4, np.float32))
        if kind == "external storage":
            group.create_dataset("kernel:0", (4,), np.float32, external=[(str(secret), 0, 16)])
        else:
            links = {
                "external link": h5py.ExternalLink(str(secret), "/kernel:0"),
                "soft link": h5py.SoftLink("/x"),
            }
            group["kernel:0"] = links[kind]
    if kind == "external storage":
        with (
            pytest.raises(DataError, match="keeps them in another"),
            open_weights(tmp_path / "weights.h5"),
        ):
            pass
    else:
        with open_weights(tmp_path / "weights.h5") as source:
            assert list(source.tensors) == ["class_net/class-0/bias"]


def test_a_file_cut_short_is_refused(d0, values_of, tmp_path):
    path = write_published_h5(tmp_path / "cut.h5", values_of(d0))
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(DataError, match="damaged one"):
        load_weights(d0, path, "full")
