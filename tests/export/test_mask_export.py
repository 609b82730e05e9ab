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

from algorithm.data.outlines import RunLengths, compressed_masks
from algorithm.errors import AlgorithmError, ArgumentError
from algorithm.evaluation.inference import detection_function
from algorithm.export import package_model
from algorithm.export.formats import export_model, formats
from algorithm.export.formats.mask_overlap import overlap_of_masks
from algorithm.export.formats.runtimes import has_masks, open_exported
from algorithm.export.saved_model import MASKS, export_saved_model
from algorithm.extras import OF_FORMAT
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
        thin = dataclasses.replace(zoo.BACKBONES[row.backbone], width=0.3, depth=0.1)
        patch.setitem(zoo.BACKBONES, row.backbone, thin)
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
    last = detector.get_layer("proto_net.proto-predict").kernel.numpy()
    (damaged,) = [
        variable
        for variable in loaded._weights
        if variable.shape == last.shape and np.array_equal(variable, last)
    ]
    damaged.assign(np.full(last.shape, np.nan))
    after = loaded.signatures["serving_default"](images=images)
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name])
    with pytest.raises(tf.errors.InvalidArgumentError, match="mask_coefficients"):
        loaded.signatures[MASKS](images=images, mask_above=tf.constant(0.0))
    damaged.assign(last)


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


def test_classes_with_a_threshold_below_the_common_one_have_masks(service, monkeypatch):
    """The graph was asked for masks from the common threshold on: theirs came back empty."""
    monkeypatch.setattr(service, "confidence", 1.0)
    monkeypatch.setattr(service, "of_classes", [1.0, 0.0, 1.0])
    reply = asked(service, score_threshold=None, masks="rle")
    assert reply["detection_masks"] and set(reply["detection_classes"]) == {"dog"}
    assert coco_mask.area(reply["detection_masks"]).max() > 20


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
    assert (np.abs(one - other).max(axis=2) > 20).mean() > 0.05


def calibration(size):
    rng = np.random.default_rng(1)
    return [rng.uniform(0, 255, (*size, 3)).astype(np.float32) for _ in range(4)]


# The share of their pixels that the masks of the best detections have in common with those of the
# model folder, at least.
OVERLAPS = {
    "saved_model": 1,
    "frozen": 0.999,
    "onnx": 0.999,
    "openvino": 0.999,
    "tflite": 0.999,
    "tflite_fp16": 0.97,
    "tflite_int8": 0.6,
}


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore")  # the converters' own
@pytest.mark.parametrize("name", OVERLAPS)
def test_formats_give_the_masks_of_the_model_folder(model, tmp_path, name):
    for package in OF_FORMAT[name]:
        pytest.importorskip(
            package, reason=f"{name} needs an extra: pip install '.[export,openvino]'"
        )
    path = export_model(model, tmp_path / "out", name, calibration=calibration)
    assert has_masks(path) and has_masks(tmp_path / "out")
    picture = pixels(50, 70).numpy()
    expected, found = (
        open_exported(each, masks=True)(picture) for each in (model, tmp_path / "out")
    )
    areas = coco_mask.area([mask_of(mask) for mask in expected["masks"]])
    assert (areas > 20).sum() >= 3
    assert overlap_of_masks(expected, found) >= OVERLAPS[name]
    alone = open_exported(tmp_path / "out")(picture)
    assert sorted(alone) == ["boxes", "labels", "scores"]
    np.testing.assert_array_equal(alone["scores"], found["scores"])


def mask_of(mask):
    return {"size": [mask.height, mask.width], "counts": mask.counts}


def test_an_export_with_other_masks_is_not_published(model, tmp_path, monkeypatch):
    """The export answers with masks turned inside out."""
    real = formats.open_exported

    def opened(path, *, masks):
        def answer(picture):
            found = dict(real(path, masks=masks)(picture))
            if path != model:
                runs = [coco_mask.decode(mask_of(mask)) == 0 for mask in found["masks"]]
                encoded = coco_mask.encode(np.asfortranarray(np.stack(runs, 2), np.uint8))
                found["masks"] = np.array(
                    [RunLengths(*picture.shape[:2], each["counts"]) for each in encoded]
                )
            return found

        return answer

    monkeypatch.setattr(formats, "open_exported", opened)
    with pytest.raises(AlgorithmError, match="100% of their pixels otherwise.*nothing was pub"):
        export_model(model, tmp_path / "out", "frozen")
    assert not list(tmp_path.iterdir())


def test_masks_asked_of_boxes_alone_are_refused_with_the_fix(model, tmp_path):
    path = export_model(model, tmp_path / "out", "frozen")
    described = tmp_path / "out" / "export.json"
    described.write_text(described.read_text().replace('"masks": true', '"masks": false'))
    with pytest.raises(
        ArgumentError, match=r"masks: .*train with masks=True, or leave out .*--save_"
    ):
        load(path, masks=True)
    assert load(path).predict(pixels(50, 70).numpy()).masks is None


def test_the_share_of_masks_counts_the_best_partner_of_the_class():
    """Two of 2 x 4 pixels: a whole pair, and one whose partner has 2 of its 4 pixels."""
    boxes = np.array([[0, 0, 2, 4], [0, 0, 2, 2]], np.float32)
    runs = np.array([[0, 8, 0], [0, 4, 4]])
    expected = {"boxes": boxes, "labels": np.array([0, 1]), "masks": compressed_masks(runs, 2, 4)}
    found = {
        "boxes": boxes[[1, 0, 0]],
        "labels": np.array([1, 1, 0]),
        "masks": compressed_masks(np.array([[0, 2, 6], [8, 0, 0], [0, 8, 0]]), 2, 4),
    }
    assert overlap_of_masks(expected, found) == 10 / 12
    assert overlap_of_masks(expected, {**found, "labels": np.array([2, 2, 0])}) == 8 / 12


@pytest.mark.parametrize("form", ["png", "", 1])
def test_an_unknown_form_is_a_bad_request(service, form):
    with pytest.raises(TypeError, match="masks: expected none, rle, polygon"):
        asked(service, masks=form)
