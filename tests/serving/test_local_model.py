"""The handler standing alone: it loads in the background, and says so."""

from __future__ import annotations

import importlib.util
import threading
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "customize_service" / "local_model.py"


@pytest.fixture
def local_model():
    spec = importlib.util.spec_from_file_location("local_model_under_test", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Model:
    """Answers a picture with the number of pictures it went through the network with."""

    chooses_nms = True

    def prepare(self, image, hard_above=None, mask_above=None):
        return image, hard_above

    def run(self, pictures):
        return [
            {"n": len(pictures), "image": image, "hard_above": hard_above}
            for image, hard_above in pictures
        ]


def slow_to_load(local_model, monkeypatch, result):
    gate = threading.Event()

    def load(folder):
        assert gate.wait(10)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(local_model, "LocalModel", load)
    return local_model.TfServingBaseService("serve", "/models/1"), gate


def test_requests_wait_for_a_background_load(local_model, monkeypatch):
    service, gate = slow_to_load(local_model, monkeypatch, Model())
    answers = []
    clients = [
        threading.Thread(
            target=lambda i=i: answers.append(
                service._inference({"images": [i, i], "hard_above": 0.4})
            )
        )
        for i in range(4)
    ]
    for client in clients:
        client.start()
    time.sleep(0.05)
    assert service.health() == "loading" and not answers
    gate.set()
    for client in clients:
        client.join(10)
    assert service.health() == "ready"
    assert sorted(answer["image"][0] for answer in answers) == [0, 1, 2, 3]
    assert all(answer["n"] == [2, 2] and answer["hard_above"] == [0.4, 0.4] for answer in answers)


def test_waiting_for_a_load_is_bounded(local_model, monkeypatch):
    service, gate = slow_to_load(local_model, monkeypatch, Model())
    with pytest.raises(local_model.NotReady, match="still being loaded") as caught:
        service.wait_until_loaded(0.02)
    assert (caught.value.http_status, caught.value.retry_after) == (503, 5)
    gate.set()


def test_a_failed_load_is_in_every_answer_and_in_the_log(local_model, monkeypatch, caplog):
    service, gate = slow_to_load(local_model, monkeypatch, OSError("bad sector"))
    gate.set()
    for _ in range(2):
        with pytest.raises(local_model.NotReady, match="/models/1 cannot be loaded: bad sector"):
            service._inference({"images": [1]})
    assert service.health() == "the SavedModel in /models/1 cannot be loaded: bad sector"
    assert "bad sector" in caplog.text and "Traceback" in caplog.text
