"""The exported graph of a model with masks: boxes as without them, masks only when asked for."""

import dataclasses
import io
import json

import numpy as np
import pytest
import tensorflow as tf
from distinct_scores import with_distinct_scores
from PIL import Image
from pycocotools import mask as coco_mask

from algorithm.data.outlines import compressed_masks
from algorithm.evaluation.inference import detection_function
from algorithm.export import package_model
from algorithm.export.formats.runtimes import open_exported
from algorithm.export.saved_model import MASKS, export_saved_model
from algorithm.models import build_detector, zoo
from algorithm.ops.detections import NmsConfig
from algorithm.prediction.model import load
from algorithm.serving.model_handler import load_service

NMS = NmsConfig(max_detections=9)
SIZE = (64, 96)


@pytest.fixture(scope="module")
def detector():
    row = zoo.PRESETS["efficientdet-lite0"]
    with pytest.MonkeyPatch.context() as patch:
        small = dataclasses.replace(row, fpn_channels=16, fpn_cells=1, head_repeats=1)
        patch.setitem(zoo.PRESETS, row.name, small)
        tf.keras.utils.set_random_seed(3)
        built = build_detector("efficientdet-lite0", 3, SIZE, masks=True)
        with_distinct_scores(built)
        yield built


@pytest.fixture(scope="module")
def folder(detector, tmp_path_factory):
    return export_saved_model(detector, tmp_path_factory.mktemp("export") / "saved", NMS)


@pytest.fixture(scope="module")
def loaded(folder):
    return tf.saved_model.load(str(folder))


def pixels(*shape):
    return tf.constant(np.random.default_rng(5).integers(0, 256, (*shape, 3), dtype=np.uint8))


def test_the_box_signature_is_that_of_a_box_model(loaded):
    assert sorted(loaded.signatures) == [MASKS, "serving_default"]
    assert sorted(loaded.signatures["serving_default"].structured_outputs) == [
        "detection_boxes",
        "detection_classes",
        "detection_scores",
        "num_detections",
    ]


def test_boxes_alone_need_nothing_of_the_mask_head(loaded, detector):
    """The mask head's weights are damaged: boxes are answered, masks fail instead of being wrong."""
    images = pixels(1, 50, 70)
    before = loaded.signatures["serving_default"](images=images)
    kept = {}
    for variable in loaded._weights:
        if variable.shape[-1:] == [32] and variable.shape[0] == 1 and len(variable.shape) == 4:
            kept[id(variable)] = variable, variable.numpy()
            variable.assign(np.full(variable.shape, np.nan))
    assert kept
    after = loaded.signatures["serving_default"](images=images)
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name])
    with pytest.raises(tf.errors.InvalidArgumentError, match="prototypes"):
        loaded.signatures[MASKS](images=images, mask_above=tf.constant(0.0))
    for variable, value in kept.values():
        variable.assign(value)


def test_masks_are_those_of_evaluation(loaded, detector):
    """The pictures are of the network's size, so that both see the same pixels."""
    images = pixels(2, *SIZE)
    answer = loaded.signatures[MASKS](images=images, mask_above=tf.constant(0.0))
    boxes = loaded.signatures["serving_default"](images=images)
    for name, value in boxes.items():
        np.testing.assert_allclose(value, answer[name], atol=1e-4)
    sizes = tf.constant([SIZE] * 2)
    found = detection_function(detector, NMS)(
        images, sizes, tf.ones([2]), tf.cast(sizes, tf.float32)
    )
    assert answer["num_detections"].numpy().tolist() == [9, 9]
    ours, theirs = (
        [
            {"size": list(SIZE), "counts": mask.counts}
            for mask in compressed_masks(runs.numpy()[0], *SIZE)
        ]
        for runs in (answer["detection_masks"], found["masks"])
    )
    areas = coco_mask.area(ours)
    assert (areas > 20).sum() >= 3
    overlaps = np.diag(coco_mask.iou(ours, theirs, [0] * 9))
    assert (overlaps[areas > 20] > 0.98).all()


def test_only_detections_above_the_score_have_a_mask(loaded):
    images = pixels(1, 64, 64)
    everything = loaded.signatures[MASKS](images=images, mask_above=tf.constant(0.0))
    scores = everything["detection_scores"].numpy()[0]
    above = float((scores[3] + scores[4]) / 2)
    some = loaded.signatures[MASKS](images=images, mask_above=tf.constant(above))
    areas = some["detection_masks"].numpy()[0].sum(axis=1)
    assert (areas[:4] == 64 * 64).all() and not areas[4:].any()
    none = loaded.signatures[MASKS](images=images, mask_above=tf.constant(2.0))
    assert not none["detection_masks"].numpy().any()


def test_an_exported_folder_is_evaluated_with_its_masks(folder):
    assert "masks" not in open_exported(folder)(pixels(40, 60).numpy())
    found = open_exported(folder, masks=True)(pixels(40, 60).numpy())
    assert len(found["masks"]) == len(found["boxes"]) == 9
    assert {(mask.height, mask.width) for mask in found["masks"]} == {(40, 60)}


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    return package_model(
        folder,
        tmp_path_factory.mktemp("model") / "model",
        label_names=("cat", "dog", "bird"),
        metrics={},
    )


@pytest.fixture(scope="module")
def service(model):
    return load_service(model)


def asked(service, **fields):
    picture = io.BytesIO()
    Image.fromarray(pixels(50, 70).numpy()).save(picture, "PNG")
    picture.seek(0)
    request = {"images": {"a.png": picture}, "score_threshold": "0", **fields}
    return service.inference(request)


def test_the_service_answers_with_masks_when_asked(service, loaded):
    plain, none = asked(service), asked(service, masks="none")
    assert plain == none and "detection_masks" not in plain
    reply = asked(service, masks="rle", max_detections="5")
    json.dumps(reply)
    np.testing.assert_allclose(reply["detection_boxes"], plain["detection_boxes"][:5], atol=1e-3)
    answer = loaded.signatures[MASKS](images=pixels(50, 70)[None], mask_above=tf.constant(0.0))
    expected = compressed_masks(answer["detection_masks"].numpy()[0, :5], 50, 70)
    assert len(reply["detection_masks"]) == 5
    for found, mask in zip(reply["detection_masks"], expected, strict=True):
        assert found["size"] == [50, 70]
        both = [found, {"size": [50, 70], "counts": mask.counts}]
        areas = coco_mask.area(both)
        assert abs(int(areas[0]) - int(areas[1])) <= 0.02 * max(areas)


def test_the_service_gives_polygons_of_the_same_masks(service):
    lengths, parts = (asked(service, masks=form)["detection_masks"] for form in ("rle", "polygon"))
    compared = 0
    for encoded, polygon in zip(lengths, parts, strict=True):
        area = coco_mask.area(encoded)
        if area > 300:
            filled = coco_mask.merge(coco_mask.frPyObjects(polygon, 50, 70))
            shared = coco_mask.area(coco_mask.merge([filled, encoded], intersect=True))
            compared += 1
            assert shared > 0.85 * area
    assert compared


def test_a_model_from_python_gives_masks_when_asked(model):
    picture = pixels(50, 70).numpy()
    plain = load(model).predict(picture, score=0.0)
    masked = load(model, masks=True).predict(picture, score=0.0)
    assert plain.masks is None and "detection_masks" not in plain.to_reply()
    assert len(masked.masks) == len(masked) == 9
    areas = coco_mask.area(masked.to_reply()["detection_masks"])
    assert areas.max() > 300
    one, other = np.asarray(plain.plot(), int), np.asarray(masked.plot(), int)
    assert (np.abs(one - other).max(axis=2) > 20).mean() > 0.1


@pytest.mark.parametrize("form", ["png", "", 1])
def test_an_unknown_form_is_a_bad_request(service, form):
    with pytest.raises(TypeError, match="masks: expected none, rle, polygon"):
        asked(service, masks=form)
