"""The exported graph: pixels in, boxes in the original picture's pixels out."""

import importlib.util

import numpy as np
import pytest
import small_job
import tensorflow as tf

from algorithm.errors import AlgorithmError
from algorithm.export import saved_model
from algorithm.export.model_folder import package_model
from algorithm.export.saved_model import export_saved_model
from algorithm.models import build_detector
from algorithm.models.variable_names import published_variables
from algorithm.ops.detections import NmsConfig

SIZE = (64, 96)


def _spread(detector):
    """Kernels that keep the signal's size: a fresh network scores every anchor alike, and order would be chance."""
    rng = np.random.default_rng(0)
    for name, variable in published_variables(detector).items():
        if name.endswith("kernel"):
            fan_in = np.prod(variable.shape[:2] if "depthwise" in name else variable.shape[:3])
            variable.assign(rng.normal(0, fan_in**-0.5, variable.shape))


@pytest.fixture(scope="module")
def detector():
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin_layers(patch.setitem)
        tf.keras.utils.set_random_seed(3)
        built = build_detector("efficientdet-lite0", 3, SIZE)
    _spread(built)
    return built


@pytest.fixture(scope="module")
def saved(detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "saved"
    return export_saved_model(detector, folder, NmsConfig(max_detections=7))


@pytest.fixture(scope="module")
def local(saved):
    """The carried stand-in's model, on a network whose scores and boxes mean nothing but differ."""
    folder = package_model(saved, saved.parent / "model", label_names=["a", "b", "c"], metrics={})
    spec = importlib.util.spec_from_file_location("local_model_here", folder / "local_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.LocalModel(folder)


@pytest.fixture(scope="module")
def exported(saved):
    """The signatures of the model, by TensorFlow's own loader."""
    model = tf.saved_model.load(str(saved))
    yield model.signatures
    del model  # the signatures alone would drop the weights


def pixels(*shape):
    return tf.constant(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))


def test_one_signature_with_the_platforms_names(exported):
    assert list(exported) == ["serving_default"]
    signature = exported["serving_default"]
    spec = signature.structured_input_signature[1]["images"]
    assert (spec.dtype, spec.shape.as_list()) == (tf.uint8, [None, None, None, 3])
    assert sorted(signature.structured_outputs) == [
        "detection_boxes",
        "detection_classes",
        "detection_scores",
        "num_detections",
    ]


@pytest.mark.parametrize("shape", [(40, 50), (300, 120), (64, 96), (1, 1), (7, 500)])
def test_any_size_in_and_boxes_inside_the_picture(exported, shape):
    found = exported["serving_default"](images=pixels(1, *shape))
    assert found["detection_boxes"].shape == (1, 7, 4)
    boxes = found["detection_boxes"].numpy()
    assert (boxes >= 0).all()
    assert (boxes[..., [0, 2]] <= shape[0]).all()
    assert (boxes[..., [1, 3]] <= shape[1]).all()
    count = int(found["num_detections"][0])
    classes = found["detection_classes"].numpy()[0]
    assert set(classes[:count]) <= {1.0, 2.0, 3.0}
    assert not classes[count:].any()


def test_each_picture_of_a_batch_gets_its_own_result(exported):
    batch = pixels(3, 80, 70)
    together = exported["serving_default"](images=batch)
    for i in range(3):
        alone = exported["serving_default"](images=batch[i : i + 1])
        for name in alone:
            np.testing.assert_allclose(together[name][i], alone[name][0], rtol=1e-4, atol=1e-3)


def test_a_damaged_model_fails_instead_of_finding_nothing(exported):
    weight = next(v for v in exported["serving_default"].variables if v.shape == (27,))
    before = weight.numpy()
    weight.assign(np.full(27, np.nan))
    try:
        with pytest.raises(tf.errors.InvalidArgumentError, match="class_logits"):
            exported["serving_default"](images=pixels(1, 20, 20))
    finally:
        weight.assign(before)


def test_an_export_that_answers_differently_is_not_published(detector, tmp_path, monkeypatch):
    real_save = tf.saved_model.save

    def damaged(module, *args, **kwargs):
        weight = detector.get_layer("class_net.class-predict").bias
        weight.assign_add(np.full(weight.shape, 2.0))
        real_save(module, *args, **kwargs)
        weight.assign_sub(np.full(weight.shape, 2.0))

    monkeypatch.setattr(saved_model.tf.saved_model, "save", damaged)
    with pytest.raises(AlgorithmError, match="different by"):
        export_saved_model(detector, tmp_path / "saved", NmsConfig(max_detections=7))


def test_pictures_of_all_sizes_share_a_batch_and_are_answered_as_alone(local, exported):
    pictures = [pixels(*shape).numpy() for shape in ((40, 50), (300, 120), (1, 1))]
    together = local.run([local.prepare(picture) for picture in pictures])
    for picture, answer in zip(pictures, together, strict=True):
        alone = exported["serving_default"](images=picture[None])
        for name, value in alone.items():
            np.testing.assert_allclose(answer[name], value[0], rtol=1e-4, atol=1e-3)


def test_each_picture_of_a_batch_chooses_its_suppression(local):
    picture = pixels(80, 70).numpy()
    soft, none, hard = local.run([local.prepare(picture, choice) for choice in (-1.0, 1.0, 0.0)])
    plain = local.run([local.prepare(picture)])[0]
    np.testing.assert_allclose(soft["detection_scores"], plain["detection_scores"], rtol=1e-5)
    assert not np.array_equal(none["detection_boxes"], hard["detection_boxes"])
    assert (none["detection_scores"] >= soft["detection_scores"] - 1e-6).all()
