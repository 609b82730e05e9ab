"""What the shipped handler answers on the platform's base class."""

import importlib.util
import inspect
import io
import json
import sys
from collections import OrderedDict

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import DataError
from algorithm.serving.model_handler import load_service


def picture_form(content, name="a.png"):
    return {"images": OrderedDict([(name, io.BytesIO(content))])}


EXPECTED = {
    "detection_classes": ["dog", "猫"],
    "detection_boxes": [[0, 0, 10, 20], [0, 0, 20, 40]],
    "detection_scores": [pytest.approx(0.9), pytest.approx(0.5)],
}


@pytest.mark.parametrize("batched", [True, False])
def test_lists_with_or_without_batch_dimension_give_the_same_reply(
    platform, service, encode, batched
):
    platform.batched = batched
    reply = service.inference(picture_form(encode()))
    assert reply == EXPECTED
    json.dumps(reply)  # plain Python numbers


def test_the_documented_list_form_is_understood(service, encode):
    assert service.inference([picture_form(encode()), {"comment": "x"}]) == EXPECTED


def test_the_graph_gets_raw_upright_rgb(service, encode):
    images = service._preprocess(picture_form(encode(30, 10)))["images"]
    assert images.shape == (1, 10, 30, 3) and images.dtype == np.uint8
    assert (images[0] == np.random.default_rng(0).integers(0, 256, (10, 30, 3), np.uint8)).all()


def test_16_bit_pictures_are_read_as_in_training(platform, model_dir):
    """`bit_depth` of the job stands in the index of its model folder."""
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 1600, 4095]], np.uint16)).save(stream, "PNG")
    for said, grey in (({}, [0, 6, 15]), ({"bit_depth": 12}, [0, 100, 255])):
        (model_dir / "index").write_text(json.dumps({"labels_list": ["dog"], **said}), "utf-8")
        images = load_service(model_dir)._preprocess(picture_form(stream.getvalue()))["images"]
        assert images[0, 0, :, 0].tolist() == grey


@pytest.mark.parametrize("batched", [True, False])
def test_nothing_found_gives_three_empty_lists(platform, service, encode, batched):
    platform.batched = batched
    platform.outputs = lambda images: {
        "detection_boxes": np.zeros((1, 0, 4)),
        "detection_classes": np.zeros((1, 0)),
        "detection_scores": np.zeros((1, 0)),
        "num_detections": np.zeros(1),
    }
    assert service.inference(picture_form(encode())) == {
        "detection_classes": [],
        "detection_boxes": [],
        "detection_scores": [],
    }


BAD_REQUESTS = {
    "no field images": {"picture": OrderedDict([("a.png", io.BytesIO(b"x"))])},
    "nothing": {},
    "text in the field": {"images": "base64..."},
    "no file in the field": {"images": {}},
    "two fields": [picture_form(b"x"), picture_form(b"y")],
    "JSON text as file": {"images": {"a.png": "text"}},
    "JSON list": [1, 2],
    "JSON string": "images",
    "numbers in a list": {"images": [1]},
    "no picture in a list": {"images": []},
    "not a picture": picture_form(b"<svg/>", "图.svg"),
    "empty file": picture_form(b""),
}


@pytest.mark.parametrize("data", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_bad_request_is_a_type_error_with_a_reason(service, data):
    with pytest.raises(TypeError, match="expected") as caught:
        service.inference(data)
    assert caught.value.reason == str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF"])
def test_a_truncated_picture_is_named(service, encode, kind):
    content = encode(400, 300, kind)
    with pytest.raises(TypeError, match="残.jpg"):
        service.inference(picture_form(content[: len(content) // 2], "残.jpg"))


def damaged(**changed):
    def outputs(images):
        good = {
            "detection_boxes": np.zeros((1, 1, 4)),
            "detection_classes": np.ones((1, 1)),
            "detection_scores": np.ones((1, 1)),
            "num_detections": np.ones(1),
        }
        return {name: value for name, value in {**good, **changed}.items() if value is not None}

    return outputs


DAMAGES = {
    "NaN score": (
        damaged(detection_scores=np.full((1, 1), np.nan)),
        "detection_scores .* not finite",
    ),
    "NaN box beyond the count": (
        damaged(detection_boxes=np.full((1, 1, 4), np.nan), num_detections=np.zeros(1)),
        "detection_boxes .* not finite",
    ),
    "class beyond the index": (
        damaged(detection_classes=np.full((1, 1), 3.0)),
        "class 3.0, .* 1 to 2",
    ),
    "class 0": (damaged(detection_classes=np.zeros((1, 1))), "class 0.0"),
    "count beyond the rows": (damaged(num_detections=np.full(1, 2.0)), "for 2 detections"),
    "no scores": (damaged(detection_scores=None), "no output detection_scores"),
}


@pytest.mark.parametrize("outputs, message", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_model_is_an_error_and_no_empty_answer(
    platform, service, encode, outputs, message
):
    platform.outputs = outputs
    with pytest.raises(RuntimeError, match=message):
        service.inference(picture_form(encode()))


def test_the_platforms_own_loader_finds_one_service(platform, model_dir, encode):
    spec = importlib.util.spec_from_file_location(
        "customize_service", model_dir / "customize_service.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    base = module.TfServingBaseService
    services = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, base) and not member.__subclasses__()
    ]
    assert [member.__name__ for member in services] == ["ObjectDetectionService"]
    assert services[0]("serve", str(model_dir)).inference(picture_form(encode())) == EXPECTED


def test_a_broken_platform_package_is_not_taken_for_its_absence(platform, model_dir, monkeypatch):
    monkeypatch.delitem(sys.modules, "model_service.tfserving_model_service")
    broken = model_dir.parent / "path" / "model_service"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("")
    (broken / "tfserving_model_service.py").write_text("import grpc_that_is_not_there\n")
    monkeypatch.delitem(sys.modules, "model_service")
    monkeypatch.syspath_prepend(str(broken.parent))
    with pytest.raises(Exception, match="grpc_that_is_not_there"):
        load_service(model_dir)


def test_an_index_of_another_form_is_named(platform, model_dir):
    (model_dir / "index").write_text('["cat"]')
    with pytest.raises(Exception, match="labels_list.*index"):
        load_service(model_dir)


def with_thresholds(model_dir, thresholds):
    content = json.loads((model_dir / "index").read_text(encoding="utf-8"))
    (model_dir / "index").write_text(
        json.dumps({**content, "thresholds": thresholds}), encoding="utf-8"
    )
    return model_dir


def test_the_confidence_that_an_assessment_applied_is_used(platform, model_dir, encode):
    strict = load_service(with_thresholds(model_dir, {"confidence": 0.6}))
    assert strict.inference(picture_form(encode()))["detection_classes"] == ["dog"]
    lenient = load_service(with_thresholds(model_dir, {"confidence": 0.1}))
    assert lenient.inference(picture_form(encode()))["detection_scores"] == [
        pytest.approx(each) for each in (0.9, 0.5, 0.2)
    ]


def test_an_applied_overlap_suppresses_worse_boxes_of_the_same_class(platform, model_dir, encode):
    # 20 x 40 against its left half: IoU 0.5; the same boxes of another class stay.
    boxes = [[0, 0, 20, 40], [0, 0, 20, 20], [0, 0, 20, 20], [5, 5, 5, 5]]
    platform.outputs = lambda images: {
        "detection_boxes": np.array([boxes], np.float32),
        "detection_classes": np.array([[2, 2, 1, 2]], np.float32),
        "detection_scores": np.array([[0.9, 0.8, 0.7, 0.6]], np.float32),
        "num_detections": np.array([4], np.float32),
    }
    for most, kept in ((0.49, [0.9, 0.7, 0.6]), (0.5, [0.9, 0.8, 0.7, 0.6])):
        service = load_service(
            with_thresholds(model_dir, {"confidence": 0.3, "nms_iou_threshold": most})
        )
        assert service.inference(picture_form(encode()))["detection_scores"] == [
            pytest.approx(each) for each in kept
        ]


@pytest.mark.parametrize(
    "thresholds",
    [{"confidence": 30}, {"confidence": "0.3"}, {"confidence": 0.3, "nms_iou_threshold": -1}],
)
def test_thresholds_that_are_none_are_refused_at_the_start(platform, model_dir, thresholds):
    with pytest.raises(DataError, match="expected thresholds between 0 and 1 in .*index"):
        load_service(with_thresholds(model_dir, thresholds))


def test_masks_of_a_graph_that_has_none_are_a_bad_request(service, encode):
    assert service.inference({**picture_form(encode()), "masks": "none"}) == EXPECTED
    with pytest.raises(TypeError, match="masks: this service answers with boxes only"):
        service.inference({**picture_form(encode()), "masks": "rle"})


def test_each_class_has_its_threshold_unless_the_request_names_one(platform, model_dir, encode):
    own = {"confidence": 0.3, "per_class": {"dog": 0.95}}
    service = load_service(with_thresholds(model_dir, own))
    assert service.inference(picture_form(encode()))["detection_classes"] == ["猫"]
    asked = {**picture_form(encode()), "score_threshold": "0.3"}
    assert service.inference(asked) == EXPECTED


@pytest.mark.parametrize("own", [{"bird": 0.5}, {"dog": 2}, {"dog": "x"}, [0.5]])
def test_class_thresholds_that_are_none_are_refused_at_the_start(platform, model_dir, own):
    with pytest.raises(DataError, match="expected thresholds between 0 and 1 by class name"):
        load_service(with_thresholds(model_dir, {"confidence": 0.5, "per_class": own}))
