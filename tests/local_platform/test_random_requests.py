"""Requests changed at random: each is refused with a reason, or is one that can be run and shown."""

import copy
import json
import random
from pathlib import Path

import pytest
from platform_process import job_request

from algorithm.local_platform.api.answers import algorithm_answer, job_answer, service_answer
from algorithm.local_platform.api.first_generation import job_of
from algorithm.local_platform.api.request_checks import (
    Refusal,
    check_algorithm,
    check_job,
    check_service,
)
from algorithm.local_platform.job_plan import plan_of
from algorithm.local_platform.ledger import Record
from algorithm.local_platform.service_instance import probe_of

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
VALUES = (None, "", "x", "/my-bucket/dataset/", 0, -1, 7, 1.5, True, [], ["x"], [None], {}, {"x": 1}, "a && b", "..")  # fmt: skip


@pytest.fixture
def buckets(tmp_path, monkeypatch):
    monkeypatch.setenv("OBS_ROOT", str(tmp_path))
    for name in ("dataset", "code", "efficientdet/output/model"):
        (tmp_path / "my-bucket" / name).mkdir(parents=True)
    for name in ("config.json", "customize_service.py", "saved_model.pb"):
        (tmp_path / "my-bucket" / "efficientdet/output/model" / name).write_text("x")


def places_in(body, path=()):
    """The path of every value in a body."""
    rows = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()  # fmt: skip
    for key, value in rows:
        yield (*path, key)
        yield from places_in(value, (*path, key))


def changed(body, chance: random.Random):
    """A copy with one to three values replaced or removed."""
    body = copy.deepcopy(body)
    for _ in range(chance.randint(1, 3)):
        *keys, last = chance.choice(list(places_in(body)))
        parent = body
        for key in keys:
            parent = parent[key]
        if chance.random() < 0.3:
            del parent[last]
        else:
            parent[last] = copy.deepcopy(chance.choice(VALUES))
        if not body:
            break
    return body


def record(kind: str, body) -> Record:
    return Record(
        1, "id", kind, "local", "Pending", 0.0, {"request": body, "events": [[0, "", ""]]}
    )


def run_job(body, algorithm=None) -> None:
    check_job(body, algorithm)
    plan_of(body)
    json.dumps(job_answer(record("job", body)))


def run_algorithm(body) -> None:
    check_algorithm(body)
    json.dumps(algorithm_answer(record("algorithm", body)))
    request = job_request("x", parameters=[{"name": "num_epochs", "value": "3"}])
    try:
        run_job(request, body)
    except Refusal as error:
        assert "parameter" in str(error)


def run_service(body) -> None:
    check_service(body)
    for group in body["group_configs"]:
        assert probe_of(group["unit_configs"][0]).period > 0
        assert range(group.get("count") or 1)
    json.dumps(service_answer(record("service", body), ("RUNNING", ""), "http://x"))


CASES = {
    "algorithm": (run_algorithm, None),
    "job-v1": (lambda body: run_job(job_of(body)), None),
    "job-v2": (run_job, None),
    "service-v2": (run_service, None),
    "job": (run_job, job_request("python x", environments={"A": "b"})),
}


@pytest.mark.parametrize("name", CASES)
def test_a_random_request_is_refused_or_can_be_run(buckets, name):
    run, body = CASES[name]
    body = body or json.loads((MANIFESTS / f"{name}.json").read_text("utf-8"))
    run(copy.deepcopy(body))
    chance, refused = random.Random(1), 0
    for _ in range(1500 if name != "algorithm" else 150):
        other = changed(body, chance)
        try:
            run(copy.deepcopy(other))
        except Refusal as error:
            assert str(error)
            refused += 1
        except Exception as error:
            raise AssertionError(json.dumps(other)) from error
    assert refused > 20
