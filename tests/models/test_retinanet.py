"""RetinaNet: names, shapes and counts as documented, the same arithmetic as keras.applications, and every way to its weights."""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections import Counter

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from algorithm.errors import ArgumentError, DataError
from algorithm.hyperparameters import parse
from algorithm.jobs.freezing import freeze, frozen_names
from algorithm.models import PRESETS, build_detector, resnet
from algorithm.models.detector import Detector
from algorithm.models.mobilenet import mobilenet_features
from algorithm.models.resnet import RESNETS, resnet_features
from algorithm.models.variable_names import published_variables
from algorithm.models.weights import load_weights, open_weights
from algorithm.models.weights.warm_start import Start
from algorithm.models.zoo import BatchNormSpec


def value_by_name(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values that follow from the name, small enough for fifty layers on one another."""
    draw = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    leaf = name.rpartition("/")[2]
    scale = {"gamma": 0.1, "moving_variance": 0.1}.get(leaf) or (
        0.1 if len(shape) == 1 else np.prod(shape[:-1]) ** -0.5
    )
    return (scale * draw + (leaf in ("gamma", "moving_variance"))).astype(np.float32)


@pytest.fixture(scope="module")
def built() -> Detector:
    return build_detector("retinanet-resnet50", 90, 64)


@pytest.fixture
def thin(monkeypatch) -> None:
    """RetinaNets with a ResNet of four thin blocks."""
    monkeypatch.setattr(resnet, "_STEM_FILTERS", 8)
    monkeypatch.setitem(RESNETS, "resnet50", resnet.ResNetSpec((1, 1, 1, 1)))
    row = PRESETS["retinanet-resnet50"]
    monkeypatch.setitem(
        PRESETS, row.name, dataclasses.replace(row, fpn_channels=16, head_repeats=1)
    )


def shapes_of(detector: Detector) -> dict[str, tuple[int, ...]]:
    return {name: tuple(variable.shape) for name, variable in published_variables(detector).items()}


def test_the_names_and_shapes_of_the_tutorial(built):
    shapes = shapes_of(built)
    for name, shape in {
        "resnet50/conv2d/kernel": (7, 7, 3, 64),
        "resnet50/conv2d_1/kernel": (1, 1, 64, 256),
        "resnet50/conv2d_2/kernel": (1, 1, 64, 64),
        "resnet50/conv2d_11/kernel": (1, 1, 256, 512),
        "resnet50/conv2d_52/kernel": (1, 1, 512, 2048),
        "resnet50/batch_normalization/gamma": (64,),
        "resnet50/batch_normalization_52/moving_variance": (2048,),
        "fpn/l3/kernel": (1, 1, 512, 256),
        "fpn/l5/bias": (256,),
        "fpn/post_hoc_d4/kernel": (3, 3, 256, 256),
        "fpn/p6/kernel": (3, 3, 256, 256),
        "fpn/p7/bias": (256,),
        "fpn/p3-bn/gamma": (256,),
        "fpn/p7-bn/moving_mean": (256,),
        "class_net/class-0/kernel": (3, 3, 256, 256),
        "class_net/class-3/bias": (256,),
        "class_net/class-3-7/beta": (256,),
        "class_net/class-predict/kernel": (3, 3, 256, 810),
        "box_net/box-0-3/gamma": (256,),
        "box_net/box-predict/bias": (36,),
    }.items():
        assert shapes[name] == shape, name
    assert Counter(name.split("/")[0] for name in shapes) == {
        "resnet50": 53 + 53 * 4,
        "fpn": 8 * 2 + 5 * 4,
        "class_net": 5 * 2 + 20 * 4,
        "box_net": 5 * 2 + 20 * 4,
    }


def test_where_the_parameters_are(built):
    """34.07 M trainable at 90 classes, published as 34.0 M: the same network counted without the last digit."""
    shapes = {name: shape for name, shape in shapes_of(built).items() if "moving" not in name}
    counts = Counter()
    for name, shape in shapes.items():
        counts[name.split("/")[0]] += int(np.prod(shape))
    laterals = (512 + 1024 + 2048) * 256 + 3 * 256
    three_by_three = 9 * 256 * 256 + 256
    tower = 4 * three_by_three + 20 * 512
    assert counts == {
        "resnet50": 23_508_032,
        "fpn": laterals + 5 * three_by_three + 5 * 512,
        "class_net": tower + 9 * 256 * 810 + 810,
        "box_net": tower + 9 * 256 * 36 + 36,
    }


def test_it_begins_as_published(built):
    first = {name: np.asarray(variable) for name, variable in published_variables(built).items()}
    assert not first["resnet50/batch_normalization_4/gamma"].any()  # the last of a block
    assert first["resnet50/batch_normalization_3/gamma"].all()
    assert first["class_net/class-0/kernel"].std() == pytest.approx(0.01, rel=0.02)
    assert first["box_net/box-predict/kernel"].std() == pytest.approx(1e-5, rel=0.05)
    np.testing.assert_allclose(first["class_net/class-predict/bias"], -4.59512, atol=1e-5)
    norm = built.get_layer("class_net.class-0-3")
    assert (norm.momentum, norm.epsilon) == (0.997, 1e-4)


def test_the_pretrained_stem_is_kept_unless_it_is_random_or_none_is_asked_for():
    hp = parse(["--data_url=d", "--train_url=t", "--model_name=retinanet-resnet50"])
    pattern = frozen_names(hp, warm=True)
    matched = {
        name
        for number in range(53)
        if re.match(pattern, name := f"resnet50/conv2d{f'_{number}' if number else ''}/kernel")
    }
    assert len(matched) == 11 and "resnet50/conv2d_10/kernel" in matched
    assert frozen_names(hp, warm=False) == ""
    assert frozen_names(dataclasses.replace(hp, freeze="none"), warm=True) == ""
    assert frozen_names(dataclasses.replace(hp, freeze="fpn/"), warm=True) == "fpn/"
    assert frozen_names(dataclasses.replace(hp, model_name="efficientdet-d0"), warm=True) == ""


def test_the_frozen_stem_is_not_trained():
    detector = build_detector("retinanet-resnet50", 2, 64)
    before = len(detector.trainable_variables)
    assert (
        before - freeze(detector, PRESETS["retinanet-resnet50"].frozen, batch_norm=False) == 11 * 3
    )


def test_stochastic_depth_is_refused_where_there_is_none():
    with pytest.raises(
        ArgumentError, match="survival_prob: retinanet-resnet50 has no stochastic depth"
    ):
        build_detector("retinanet-resnet50", 2, 64, survival_probability=0.8)


@pytest.mark.parametrize("image_size", [(64, 96), (100, 132)])
def test_sizes_that_are_no_multiples_of_the_strides(thin, image_size):
    detector = build_detector("retinanet-resnet50", 3, image_size)
    outputs = detector(np.zeros((2, *image_size, 3), np.float32))
    assert outputs["class_logits"].shape == (2, len(detector.anchors), 3)
    assert outputs["box_deltas"].shape == (2, len(detector.anchors), 4)


def application(kind, size=64):
    model = kind(include_top=False, weights=None, input_shape=(size, size, 3))
    for layer in model.layers:
        for variable in layer.weights:
            leaf = (
                "depthwise_kernel"
                if isinstance(layer, keras.layers.DepthwiseConv2D)
                else variable.name
            )
            variable.assign(value_by_name(f"{layer.name}/{leaf}", tuple(variable.shape)))
    return model


def write_application_h5(path, model):
    """As keras.applications publishes: a group for each layer, inside it the layer's name and the weight's."""
    with h5py.File(path, "w") as file:
        for layer in model.layers:
            for variable in layer.weights:
                leaf = (
                    "depthwise_kernel"
                    if isinstance(layer, keras.layers.DepthwiseConv2D)
                    else variable.name
                )
                file[f"{layer.name}/{layer.name}/{leaf}:0"] = variable.numpy()
    return path


def weights_like(model, detector):
    """The detector's values for a model that shares its layer names, in the model's order."""
    named = published_variables(detector)
    return [named[name].numpy() for name in published_variables(model)]


def close(ours, theirs, tolerance=1e-3):
    """Within a part of the standard deviation."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert np.abs(ours - theirs).max() < tolerance * theirs.std()


def test_the_resnet_of_keras_applications_gives_the_same_features(monkeypatch, tmp_path):
    """With the strides and the pool that network has; then bias, epsilon, channel order and means are all that differ."""
    monkeypatch.setitem(RESNETS, "resnet50", dataclasses.replace(RESNETS["resnet50"], classic=True))
    theirs = application(keras.applications.ResNet50)
    detector = build_detector("retinanet-resnet50", 2, 64)
    report = load_weights(
        detector, write_application_h5(tmp_path / "resnet50_notop.h5", theirs), "classification"
    )
    assert len(report.matched) == 53 * 5 and not report.unused
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    pixels[:, :8], pixels[:, -8:], pixels[:, :, :8], pixels[:, :, -8:] = (
        [123.675, 116.28, 103.53],
    ) * 4
    images = keras.Input((64, 64, 3))
    features = keras.Model(
        images, resnet_features(images, "resnet50", BatchNormSpec(0.997, 1e-4), [])
    )
    features.set_weights(weights_like(features, detector))
    given = (pixels - PRESETS["retinanet-resnet50"].mean) / PRESETS["retinanet-resnet50"].std
    expected = keras.Model(
        theirs.input,
        [
            theirs.get_layer(f"conv{stage}_block{last}_out").output
            for stage, last in ((2, 3), (5, 3))
        ],
    )(pixels[..., ::-1] - [103.939, 116.779, 123.68])
    found, inner = (
        features(given),
        slice(5, -5),
    )  # the border of the picture is padded with other means
    close(found[2][:, inner, inner], expected[0][:, inner, inner], 1e-4)
    close(found[5], expected[1], 1e-2)


def test_the_mobilenet_of_keras_applications_gives_the_same_features(tmp_path):
    theirs = application(keras.applications.MobileNetV2)
    detector = build_detector("retinanet-mobilenet-v2", 2, 64)
    report = load_weights(
        detector, write_application_h5(tmp_path / "mobilenet.h5", theirs), "classification"
    )
    assert not report.missing and {name.split("/")[0] for name in report.matched} == {
        "mobilenet-v2"
    }
    images = keras.Input((64, 64, 3))
    features = keras.Model(images, mobilenet_features(images, "mobilenet-v2", 0.997, []))
    features.set_weights(weights_like(features, detector))
    given = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
    found, expected = (
        features(given),
        keras.Model(theirs.input, theirs.get_layer("block_16_project_BN").output)(given),
    )
    close(found[5], expected)


def values(detector):
    return {name: value_by_name(name, shape) for name, shape in shapes_of(detector).items()}


def test_the_published_classifier_has_no_root_and_gives_the_backbone(built, write_bundle):
    own = {name: value for name, value in values(built).items() if name.startswith("resnet50/")}
    bare = {name.removeprefix("resnet50/"): value for name, value in own.items()}
    slots = {f"{name}/Momentum": value for name, value in bare.items()}
    folder = write_bundle(
        {
            **bare,
            **slots,
            "dense/kernel": np.zeros((2048, 1000), np.float32),
            "global_step": np.int64(112590),
        }
    )
    report = load_weights(built, folder, "classification")
    assert len(report.matched) == 53 * 5
    np.testing.assert_array_equal(
        published_variables(built)["resnet50/conv2d_52/kernel"].numpy(),
        own["resnet50/conv2d_52/kernel"],
    )


def test_a_published_retinanet_loads_whole(built, tmp_path):
    """An object checkpoint, as the tutorial's training writes it: keyed by layers, with the names beside."""
    root = tf.Module()
    root.variables_by_name = [
        tf.Variable(value, name=name) for name, value in values(built).items()
    ]
    prefix = tf.train.Checkpoint(model=root).save(str(tmp_path / "ctl_step_22500.ckpt"))
    report = load_weights(built, prefix, "full")
    assert (report.kind, len(report.matched), report.missing) == ("TF2 object checkpoint", 481, ())
    with open_weights(prefix) as source:
        assert (source.backbone, source.num_classes, source.has_detector) == ("resnet50", 90, True)
        assert source.fitting_models == ("retinanet-resnet50",)


def test_another_depth_is_named(built, write_bundle):
    tensors = {
        f"conv2d{f'_{number}' if number else ''}/kernel": np.zeros((1, 1, 1, 1), np.float32)
        for number in range(104)
    }
    with pytest.raises(DataError, match="expected resnet50.*found resnet101.*retinanet-resnet101"):
        load_weights(built, write_bundle(tensors), "classification")


def test_a_file_of_91_outputs_brings_the_labels_of_coco_after_one_that_is_not_used(
    thin, write_bundle
):
    detector = build_detector("retinanet-resnet50", 91, 64)
    names = Start(write_bundle(values(detector)), "full", "").label_names()
    assert (len(names), names[:2], names[90]) == (91, ("(background)", "person"), "toothbrush")
