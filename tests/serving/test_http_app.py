"""The platform's HTTP, spoken by the local container."""

import base64
import io
import json

import pytest

from algorithm.serving.http_app import app_around, create_app
from algorithm.serving.limits import BODY_LIMIT
from algorithm.serving.model_title import model_title
from algorithm.serving.service_state import Standing

PLATFORM_BODIES = {
    "MR.0101": {"erno": "MR.0101", "msg": "The input parameter is invalid", "words_result": {}},
    "MR.0105": {"erno": "MR.0105", "msg": "Recognition failed", "words_result": {}},
}


class Recorder:
    """A service that answers with what it was given, or raises."""

    def __init__(self, error=None, reply=None):
        self.error, self.reply, self.data = error, reply, None

    def inference(self, data):
        self.data = data
        if self.error:
            raise self.error
        return self.reply


@pytest.fixture
def client(platform, model_dir):
    return create_app(model_dir).test_client()


def post(client, content, name="a.png", field="images"):
    return client.post("/", data={field: (io.BytesIO(content), name)})


def parsed(response):
    assert response.content_type == "application/json"
    return json.loads(response.data)


def test_a_picture_gets_its_detections_in_plain_utf8(client, encode):
    response = post(client, encode(), "我的 猫.png")
    assert response.status_code == 200
    assert parsed(response)["detection_classes"] == ["dog", "猫"]
    assert "猫".encode() in response.data


def test_health(client):
    response = client.get("/health")
    assert response.status_code == 200 and parsed(response) == {"status": "OK", "health": "true"}


BAD_PICTURES = {
    "empty": b"",
    "text": b"hello",
    "html": b"<html></html>",
    "pdf": b"%PDF-1.7",
    "only a signature": b"\x89PNG\r\n\x1a\n",
    "jpeg head": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "lying size": b"BM"
    + bytes(8)
    + b"\x36\0\0\0\x28\0\0\0"
    + b"\xff\xff\0\0" * 2
    + b"\1\0\x18\0"
    + bytes(24),
}


@pytest.mark.parametrize("content", BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_a_bad_picture_is_400_and_named(client, content):
    response = post(client, content, "坏图.jpg")
    body = parsed(response)
    assert response.status_code == 400
    assert "坏图.jpg" in body.pop("reason") and body == PLATFORM_BODIES["MR.0105"]


def test_the_wrong_field_is_400_and_names_the_right_one(client, encode):
    response = post(client, encode(), field="image")
    assert response.status_code == 400 and "'images'" in parsed(response)["reason"]


def test_several_pictures_get_a_result_each_in_their_order(client, encode):
    sizes = {"b.png": (40, 20), "猫.png": (60, 30), "a.png": (40, 20)}
    response = client.post(
        "/", data={"images": [(io.BytesIO(encode(*size)), name) for name, size in sizes.items()]}
    )
    results = parsed(response)["results"]
    assert [(result["image"], result["detection_boxes"][1]) for result in results] == [
        (name, [0, 0, height, width]) for name, (width, height) in sizes.items()
    ]


def test_two_pictures_of_one_name_are_400(client, encode):
    response = client.post(
        "/", data={"images": [(io.BytesIO(encode()), "a.png") for _ in range(2)]}
    )
    assert response.status_code == 400 and "same name" in parsed(response)["reason"]


def test_too_many_pictures_are_400(client, encode):
    response = client.post(
        "/", data={"images": [(io.BytesIO(encode()), f"{i}.png") for i in range(9)]}
    )
    assert response.status_code == 400 and "1 to 8 pictures" in parsed(response)["reason"]


def test_base64_in_json_is_a_picture_too(client, encode):
    text = base64.b64encode(encode()).decode()
    assert parsed(client.post("/", json={"images": text})) == parsed(post(client, encode()))
    several = parsed(client.post("/", json={"images": [text, "data:image/png;base64," + text]}))[
        "results"
    ]
    assert [result["image"] for result in several] == ["images[0]", "images[1]"]
    bad = client.post("/", json={"images": [text, "%%%"]})
    assert bad.status_code == 400 and parsed(bad)["reason"].startswith(
        "images[1]: expected a picture as base64"
    )


@pytest.mark.parametrize(
    "query, classes",
    [
        ("score_threshold=0.6", ["dog"]),
        ("score_threshold=0", ["dog", "猫", "dog"]),
        ("max_detections=1", ["dog"]),
        ("class_names=猫", ["猫"]),
        ("class_names=猫,dog", ["dog", "猫"]),
        ("score_threshold=0.1&class_names=dog", ["dog", "dog"]),
        ("nms_iou_threshold=0", ["dog", "猫"]),
        ("unknown=1", ["dog", "猫"]),
        ("score=0.6", ["dog"]),
        ("conf=0.6&max=2", ["dog"]),
        ("classes=猫", ["猫"]),
        ("score=0.6&score_threshold=0.6", ["dog"]),
    ],
)
def test_the_query_chooses_what_is_answered(client, encode, query, classes):
    response = client.post(f"/?{query}", data={"images": (io.BytesIO(encode()), "a.png")})
    assert parsed(response)["detection_classes"] == classes


@pytest.mark.parametrize(
    "query, words",
    [
        ("score_threshold=1.5", "score_threshold: expected a number from 0 to 1, found '1.5'"),
        ("score_threshold=x", "found 'x'"),
        ("score_threshold=nan", "found 'nan'"),
        ("max_detections=0", "max_detections: expected a whole number"),
        ("max_detections=2.5", "found '2.5'"),
        ("class_names=bird", "class_names: expected some of 猫, dog"),
        ("nms=none", "nms: expected soft or hard"),
        ("nms=hard", "suppresses in one way only"),
        ("nms_iou_threshold=-1", "found '-1'"),
        ("score_treshold=0.6", "score_treshold: a request has no such field: did you mean score_t"),
        ("score=0.6&score_threshold=0.5", "score_threshold: expected one value, found score"),
        ("class_names=猫&class_names=dog", "with '猫' and 'dog': expected one value"),
    ],
)
def test_a_setting_out_of_range_is_400(client, encode, query, words):
    response = client.post(f"/?{query}", data={"images": (io.BytesIO(encode()), "a.png")})
    assert response.status_code == 400 and words in parsed(response)["reason"]


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"data": b"raw"},
        {"json": {}},
        {"data": b"{broken", "content_type": "application/json"},
        {"data": b"--x", "content_type": "multipart/form-data"},
        {"data": b"nothing of it", "content_type": "multipart/form-data; boundary=x"},
    ],
)
def test_neither_json_nor_form_is_mr_0101(client, request_):
    response = client.post("/", **request_)
    body = parsed(response)
    assert response.status_code == 400
    assert body.pop("reason") and body == PLATFORM_BODIES["MR.0101"]


def test_query_and_fields_are_merged_as_on_the_platform():
    service = Recorder(reply={})
    form = {"who": "form", "f": (io.BytesIO(b"1"), "../甲.bin")}
    app_around(Standing(service)).test_client().post("/?top=3&who=form", data=form)
    files = service.data.pop("f")
    assert service.data == {"top": "3", "who": "form"}
    assert {name: file.read() for name, file in files.items()} == {"../甲.bin": b"1"}


@pytest.mark.parametrize("body", [{"data": {"who": "form"}}, {"json": {"who": "form"}}])
def test_a_field_that_differs_in_query_and_body_is_400(body):
    client = app_around(Standing(Recorder(reply={}))).test_client()
    response = client.post("/?who=url", **body)
    assert response.status_code == 400
    assert "'who' is 'url' in the query and another in the body" in parsed(response)["reason"]


def test_the_query_counts_beside_a_json_list_too():
    service = Recorder(reply={})
    app_around(Standing(service)).test_client().post("/?top=3", json=[{"a": 1}])
    assert service.data == [{"a": 1}, {"top": "3"}]


def test_json_is_passed_as_it_is():
    service = Recorder(reply=[1])
    response = app_around(Standing(service)).test_client().post("/", json={"a": [1]})
    assert service.data == {"a": [1]} and parsed(response) == [1]


@pytest.mark.parametrize(
    "error, status",
    [
        (KeyError("secret"), 400),
        (TypeError("secret"), 400),
        (ValueError("secret"), 500),
        (MemoryError("secret"), 500),
    ],
)
def test_errors_of_the_service_have_the_documented_code_and_tell_nothing(error, status, caplog):
    response = app_around(Standing(Recorder(error))).test_client().post("/", json={"a": 1})
    body, identifier = parsed(response), response.headers["X-Request-Id"]
    assert body.pop("request_id", identifier if status == 400 else None) == identifier
    assert response.status_code == status and body == PLATFORM_BODIES["MR.0105"]
    assert "Traceback" in caplog.text and "secret" in caplog.text and identifier in caplog.text


def test_a_reply_that_json_cannot_hold_is_500():
    response = (
        app_around(Standing(Recorder(reply={"x": float("nan")})))
        .test_client()
        .post("/", json={"a": 1})
    )
    body = parsed(response)
    assert (
        response.status_code == 500
        and body.pop("request_id")
        and body == PLATFORM_BODIES["MR.0105"]
    )


def test_too_large_a_body_is_413(client):
    response = client.post(
        "/", data=bytes(BODY_LIMIT + 1), content_type="multipart/form-data; boundary=x"
    )
    assert response.status_code == 413 and parsed(response)["erno"] == "MR.0101"


@pytest.mark.parametrize("count", [17, 1001])
def test_too_many_parts_are_refused(client, count):
    response = client.post(
        "/", data={f"f{i}": "x" for i in range(count)}, content_type="multipart/form-data"
    )
    assert response.status_code == 413 and parsed(response)["erno"] == "MR.0101"


@pytest.mark.parametrize(
    "method, path, status",
    [("put", "/", 405), ("post", "/health", 405), ("post", "/metrics", 405), ("get", "/x", 404)],
)
def test_other_addresses_and_methods_answer_in_json(client, method, path, status):
    response = getattr(client, method)(path)
    assert response.status_code == status and parsed(response)["erno"] == "MR.0101"
    assert (status == 405) == ("Allow" in response.headers)


def test_while_the_model_is_loading_and_when_it_failed_every_answer_says_so(tmp_path):
    standing = Standing(wait=0.01)
    client = app_around(standing).test_client()
    waiting = client.post("/", json={"a": 1})
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (503, "5")
    assert "still being loaded" in parsed(waiting)["reason"]
    assert (
        parsed(client.get("/health")) == {"status": "loading", "health": "false"}
        and client.get("/health").status_code == 503
    )
    standing.load(tmp_path / "nothing", most=1, wait=0)
    for response in (client.post("/", json={"a": 1}), client.post("/", json={"a": 1})):
        assert response.status_code == 503 and "lacks saved_model.pb" in parsed(response)["reason"]
    assert (
        client.get("/health").status_code == 503
        and "lacks saved_model.pb" in parsed(client.get("/health"))["status"]
    )


def test_what_happened_can_be_scraped_and_read(client, encode, caplog):
    caplog.set_level("INFO", "algorithm.access")
    post(client, encode())
    client.post(
        "/", data={"images": (io.BytesIO(b"x"), "a.png")}, headers={"X-Request-Id": "mine-1"}
    )
    client.get("/surprise", headers={"X-Request-Id": "bad id\u00e9"})
    text = client.get("/metrics").data.decode()
    assert 'detector_requests_total{method="POST",path="/",status="200"} 1.0' in text
    assert 'detector_errors_total{method="POST",path="/",status="400"} 1.0' in text
    assert 'path="other",status="404"' in text and "surprise" not in text
    assert 'detector_request_seconds_count{path="/"} 2.0' in text and "detector_ready 1.0" in text
    lines = [
        json.loads(record.getMessage())
        for record in caplog.records
        if record.name == "algorithm.access"
    ]
    assert [(line["method"], line["path"], line["status"]) for line in lines[:3]] == [
        ("POST", "/", 200),
        ("POST", "/", 400),
        ("GET", "other", 404),
    ]
    assert lines[1]["id"] == "mine-1" and len(lines[2]["id"]) == 16 and lines[0]["bytes"] > 100


def test_the_page_names_its_model_and_escapes_the_name():
    text = app_around(Standing(Recorder()), "<b>m: d0").test_client().get("/").data.decode()
    assert text.count("&lt;b&gt;m: d0") == 2 and "<b>m" not in text


@pytest.mark.parametrize(
    ("job", "title"),
    [
        (None, "trained/model"),
        ("no JSON", "trained/model"),
        ('{"hyperparameters": {}}', "trained/model"),
        (
            '{"hyperparameters": {"model_name": "efficientdet-d0", "data_url": "obs://b/raccoon/"}}',
            "trained/model: efficientdet-d0, trained on raccoon",
        ),
    ],
)
def test_a_model_is_titled_by_its_folder_and_its_job(tmp_path, job, title):
    (tmp_path / "trained").mkdir()
    if job:
        (tmp_path / "trained" / "job.json").write_text(job)
    assert model_title(tmp_path / "trained" / "model") == title


def test_the_page_needs_no_other_network(client):
    response = client.get("/")
    text = response.data.decode()
    assert response.status_code == 200 and response.content_type.startswith("text/html")
    assert (
        "http://" not in text
        and "https://" not in text
        and "//cdn" not in text
        and "src=" not in text
    )
