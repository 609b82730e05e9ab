"""The class predictor is fitted to a detector's features before the first step."""

from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from algorithm.data import Sample
from algorithm.data.feeding.pipeline import eval_batches
from algorithm.models import build_detector
from algorithm.models.heads import CLASS_BIAS
from algorithm.ops.anchor_matching import match_anchors
from algorithm.ops.image import network_input
from algorithm.ops.losses import LossConfig
from algorithm.training import linear_probe
from algorithm.training.linear_probe import (
    Features,
    chosen_samples,
    features_of,
    fit,
    has_linear_part,
    room_for,
)

BACKGROUND, CROWD = -1, -2


def picture(path, labels, boxes=None, crowd=None):
    boxes = [[8, 8, 40, 40]] * len(labels) if boxes is None else boxes
    return Sample(
        image_id=path.name,
        path=str(path),
        source=path.name,
        width=128,
        height=128,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int32),
        is_crowd=np.array(crowd or [False] * len(labels)),
        usage="train",
    )


def test_the_first_picture_of_every_class_comes_before_the_second_of_any(tmp_path):
    """Nine pictures of class 0 and one of class 1, which chance alone would often leave out."""
    samples = [picture(tmp_path / f"{n}.png", [0]) for n in range(9)]
    samples += [picture(tmp_path / "empty.png", []), picture(tmp_path / "rare.png", [1, 0])]
    for seed in range(5):
        names = [sample.image_id for sample in chosen_samples(samples, [0, 1], 2, seed)]
        assert "rare.png" in names
        assert "empty.png" not in names
        everyone = chosen_samples(samples, [0, 1], 100, seed)
        assert len(everyone) == 11
        assert everyone[-1].image_id == "empty.png"


def test_only_objects_of_the_classes_that_are_fitted_count(tmp_path):
    """Class 1 stands in one picture; class 0 is known, and of 2 there are crowds besides."""
    samples = [picture(tmp_path / f"{n}.png", [0, 2], crowd=[False, True]) for n in range(9)]
    samples += [picture(tmp_path / "one.png", [1]), picture(tmp_path / "two.png", [2])]
    for seed in range(5):
        names = {sample.image_id for sample in chosen_samples(samples, [1, 2], 2, seed)}
        assert names == {"one.png", "two.png"}


@pytest.fixture(scope="module")
def lite0():
    """With statistics and rows that tell positions, channels and levels apart."""
    detector = build_detector("efficientdet-lite0", 2, 64)
    random = np.random.default_rng(0)
    for variable in detector.variables:
        if variable.name in ("gamma", "moving_variance", "pointwise_kernel"):
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
        elif variable.name in ("beta", "moving_mean"):
            variable.assign(random.normal(0, 0.1, variable.shape))
    predictor = detector.get_layer("class_net.class-predict")
    predictor.pointwise_kernel.assign(random.normal(0, 0.3, predictor.pointwise_kernel.shape))
    return detector


def test_the_linear_part_of_the_features_are_the_detectors_logits(lite0, tmp_path):
    """Eleven pictures, shown at half their size. What fills up the second batch is left out."""
    random = np.random.default_rng(0)
    samples = []
    for number in range(11):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), random.integers(0, 255, (128, 128, 3), np.uint8))
        boxes = [[8, 8, 72, 72], [0, 0, 128, 128]]
        samples.append(picture(path, [number % 2, 1], boxes, [False, True]))
    predictor = lite0.get_layer("class_net.class-predict")
    features = features_of(lite0, np.array(predictor.depthwise_kernel), samples, 8)
    kernel, bias = np.array(predictor.pointwise_kernel)[0, 0], np.array(predictor.bias)
    logits = (features.values @ kernel + bias).reshape(11, -1, 2)
    batch = next(iter(eval_batches(samples, image_size=(64, 64), batch_size=11)))
    images = network_input(batch["images"], batch["extent"], lite0.preset.mean, lite0.preset.std)
    expected = lite0(images, training=False)["class_logits"].numpy()
    assert expected.std() > 0.01
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4 * expected.std())
    box = [[[4, 4, 36, 36], [0, 0, 64, 64]]]
    for sample, targets in zip(samples, features.targets.reshape(11, -1), strict=True):
        labels = np.array([[sample.labels[0], CROWD]], np.int32)
        matched = match_anchors(tf.constant(lite0.anchors), tf.constant(box, tf.float32), labels)
        np.testing.assert_array_equal(targets, matched["class_targets"][0])


def test_few_features_are_taken_where_they_are_large(lite0, monkeypatch):
    assert room_for(lite0) == 256
    positions, channels = len(lite0.anchors) // 9, 64
    monkeypatch.setattr(linear_probe, "BYTES", 2 * positions * channels * 4 + 1)
    assert room_for(lite0) == 2
    monkeypatch.setattr(linear_probe, "BYTES", 0)
    assert room_for(lite0) == 1


def test_what_can_be_told_apart_is_told_apart():
    """Channel 0 is an object of class 2, channel 1 one of class 0; class 1 is known, 3 unseen."""
    random = np.random.default_rng(1)
    truth = random.choice([2, 0, 1, BACKGROUND], (24, 50), p=[0.1, 0.1, 0.1, 0.7])
    values = random.normal(0, 0.1, (24, 50, 3)).astype(np.float32)
    values[..., 0] += 5 * (truth == 2)
    values[..., 1] += 5 * (truth == 0)
    targets = np.repeat(truth[..., None], 2, axis=2)  # two anchors at a position
    targets[0, :, 0] = CROWD
    kernel, bias = fit(Features(values, targets), [0, 2, 3], LossConfig(), seed=0)
    assert kernel.shape == (3, 2, 3)
    logits = np.einsum("npc,cak->npak", values, kernel) + bias
    for place, label in enumerate([0, 2]):
        own = targets == label
        others = (targets != label) & (targets != CROWD)
        assert logits[..., place][own].min() > 0 > logits[..., place][others].max()
    np.testing.assert_array_equal(kernel[..., 2], 0)
    np.testing.assert_array_equal(bias[..., 2], np.float32(CLASS_BIAS))


def test_the_weight_of_a_class_follows_it_among_the_fitted_ones():
    """Label 2 is the second that is fitted; with a weight of 0 its objects teach nothing."""
    targets = np.full((4, 10, 1), BACKGROUND)
    targets[:, 0], targets[:, 1] = 0, 2
    values = np.zeros((4, 10, 2), np.float32)
    values[:, 0, 0] = values[:, 1, 1] = 3.0
    loss = LossConfig(class_weights=(1.0, 1.0, 0.0))
    kernel, _ = fit(Features(values, targets), [0, 2], loss, seed=0)
    assert kernel[0, 0, 0] > 0.5
    assert kernel[1, 0, 1] <= 0


def test_a_predictor_that_is_one_convolution_cannot_be_fitted(lite0):
    """As RetinaNet's: nothing in it is linear in a few channels."""
    plain = SimpleNamespace(get_layer={"class_net.class-predict": keras.layers.Conv2D(9, 3)}.get)
    assert has_linear_part(lite0)
    assert not has_linear_part(plain)
