"""Whatever is sent as a picture gets 200 or 400, never 500, and a bad one does not cost more than a good one."""

from __future__ import annotations

import importlib.util
import io
import json
import random
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from algorithm.serving.http_app import app_around
from algorithm.serving.model_handler import load_service
from algorithm.serving.service_state import Standing


def _hostile():
    spec = importlib.util.spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["hostile"] = module
    spec.loader.exec_module(module)
    return module


hostile = _hostile()
GOOD, BAD = list(hostile.good()), list(hostile.bad())
pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # as in service: what a decoder warns of is no error


@pytest.fixture
def ask(platform, model_dir):
    """ask(content, name) gives the status and the parsed body."""
    service = load_service(model_dir)
    app = app_around(Standing(service))

    def answer(content, name="图.jpg"):
        response = app.test_client().post("/", data={"images": (io.BytesIO(content), name)})
        return response.status_code, json.loads(response.data)

    answer.service = service
    return answer


def test_what_people_send_is_answered(ask):
    refused = {
        name: body.get("reason")
        for name, content in GOOD
        for status, body in [ask(content)]
        if status != 200
    }
    assert not refused and len(GOOD) > 60


def test_what_is_no_picture_is_refused_by_name(ask):
    wrong = {}
    for name, content in BAD:
        status, body = ask(content, f"{name}.jpg")
        if (
            status != 400
            or body["erno"] != "MR.0105"
            or not body["reason"].startswith(f"{name}.jpg: ")
        ):
            wrong[name] = status, body
    assert not wrong and len(BAD) > 45


def test_large_claims_cost_no_memory(ask):
    ask(hostile.png(20_000, 20_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    claims = (
        hostile.png(12_000, 12_000),
        hostile.png(20_000, 20_000),
        hostile.lying_jpeg(65_500, 65_500),
        hostile.tiff(60_000, 60_000),
    )
    for content in claims:
        with ThreadPoolExecutor(20) as crowd:
            assert [status for status, _ in crowd.map(ask, [content] * 20)] == [400] * 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_large_pictures_of_many_requests_share_a_number_of_pixels(
    ask, encode, platform, monkeypatch
):
    """16 threads with 50 million pixels each would need gigabytes."""
    handler = sys.modules[type(ask.service).__module__]
    monkeypatch.setattr(handler, "DECODED", handler.pictures.PixelBudget(2 * 40 * 20))
    inside, most, outputs = [], [], platform.outputs

    def slow(images):
        inside.append(images)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return outputs(images)

    platform.outputs = slow
    damaged = encode()[:-40]
    with ThreadPoolExecutor(12) as crowd:
        answers = list(crowd.map(ask, [encode(), damaged] * 6))
    assert [status for status, _ in answers] == [
        200,
        400,
    ] * 6  # a damaged one gives its pixels back
    assert max(most) == 2
    monkeypatch.setattr(platform, "outputs", lambda images: 1 / 0)
    assert [ask(encode())[0] for _ in range(3)] == [500] * 3  # and so does a model that fails
    for _ in range(3):  # and one that is never asked
        assert ask.service._preprocess({"images": {"a": io.BytesIO(encode())}})["images"].shape == (
            1,
            20,
            40,
            3,
        )


@pytest.mark.parametrize("kind", hostile.KINDS)
def test_mutated_pictures_get_200_or_400(ask, kind):
    chance, contents = random.Random(8), [hostile.encoded(kind), hostile.encoded(kind, mode="L")]
    seen = {}
    for number in range(60):
        content = hostile.mutated(contents[number % 2], chance)
        status, body = ask(content)
        seen[status] = seen.get(status, 0) + 1
        assert status in (200, 400) and (status == 200 or body["reason"].startswith("图.jpg: ")), (
            number,
            body,
        )
    assert seen[400] > 5


NAMES = (
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\a.jpg",
    "猫 狗.jpg",
    "a" * 300 + ".jpg",
    'a"b.jpg',
    "é.png",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_only_a_name(ask, name):
    assert ask(hostile.encoded("PNG"), name)[0] == 200
    status, body = ask(b"text", name)
    assert status == 400 and ": expected a JPEG" in body["reason"]
