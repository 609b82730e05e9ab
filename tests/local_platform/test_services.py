"""Services are processes: deployed, asked, restarted, limited; two versions share the requests."""

import http.client
import os
import signal
from collections import Counter

import pytest
from platform_process import wait_for
from platform_services import HANDLER, deployed, model, request, wait_until


def asked(platform, service: dict, **data):
    return platform.call("POST", f"/v1/infers/{service['id']}", {"ask": 1, **data})


def removed(platform, *services: dict) -> None:
    body = {"service_ids": [each["id"] for each in services]}
    assert platform.call("POST", "/v2/local/services/delete", body)[0] == 200


def test_the_sdk_deploys_stops_starts_and_deletes(platform, client, sdk):
    body = request(model(platform, "one"))
    made = client.create_infer_service(sdk.CreateInferServiceRequest(body=body))
    assert made.status in ("DEPLOYING", "RUNNING")
    name = made.id
    wait_until(platform, name, "RUNNING")
    shown = client.show_infer_service(sdk.ShowInferServiceRequest(service_id=name))
    assert shown.predict_url[0].urls == [f"{platform.keys['ENDPOINT']}/v1/infers/{name}"]
    assert shown.version.instance_groups[0].weight == 100
    listed = client.list_infer_services(sdk.ListInferServicesRequest())
    assert [(each.id, each.status) for each in listed.data] == [(name, "RUNNING")]
    service = {"id": name}
    assert asked(platform, service)[1]["model"] == "one"
    assert "serving" in platform.call("GET", f"/v2/local/services/{name}/log")[1]["content"]
    stopped = client.stop_infer_service(sdk.StopInferServiceRequest(service_id=name))
    assert stopped.status == "STOPPED"
    status, answer = asked(platform, service)
    assert (status, answer["error_code"]) == (503, "ModelArts.4503")
    assert "found it STOPPED" in answer["error_msg"]
    client.start_infer_service(sdk.StartInferServiceRequest(service_id=name))
    wait_until(platform, name, "RUNNING")
    assert asked(platform, service)[0] == 200
    gone = client.batch_delete_infer_services(
        sdk.BatchDeleteInferServicesRequest(body={"service_ids": [name]})
    )
    assert [each.id for each in gone.service_responses] == [name]
    assert client.list_infer_services(sdk.ListInferServicesRequest()).total == 0


def test_two_versions_share_the_requests_by_their_weights(platform):
    places = model(platform, "old"), model(platform, "new")
    service = deployed(platform, request(*places, weights=(90, 10)))
    counts = Counter(asked(platform, service)[1]["model"] for _ in range(200))
    assert sum(counts.values()) == 200
    assert 2 <= counts["new"] <= 50  # 20 expected; five standard deviations are 21
    removed(platform, service)


def test_body_and_time_are_limited_as_the_request_says(platform):
    body = request(model(platform, "limited"), request_size_limit=1, request_timeout=1)
    service = deployed(platform, body)
    status, answer = asked(platform, service, picture="x" * (1 << 20))
    assert (status, answer["error_code"]) == (413, "ModelArts.4104")
    status, answer = asked(platform, service, sleep=2)
    assert (status, answer["error_code"]) == (504, "ModelArts.4104")
    assert "no answer within 1 s" in answer["error_msg"]
    assert asked(platform, service)[0] == 200
    removed(platform, service)


def test_a_server_that_crashes_is_started_again(platform):
    service = deployed(platform, request(model(platform, "crash")))
    before = asked(platform, service)[1]["process"]
    status, answer = asked(platform, service, die=1)
    assert (status, answer["error_code"]) == (502, "ModelArts.4503")
    wait_for(lambda: asked(platform, service)[0] == 200)
    assert asked(platform, service)[1]["process"] != before
    log = platform.call("GET", f"/v2/local/services/{service['id']}/log")[1]["content"]
    assert "the server ended with exit code 3; start 2" in log
    removed(platform, service)


def test_a_server_that_hangs_is_started_again(platform):
    service = deployed(platform, request(model(platform, "hang")))
    before = asked(platform, service)[1]["process"]
    os.kill(before, signal.SIGSTOP)
    wait_for(lambda: platform.call("GET", f"/v2/local/services/{service['id']}/log")[1]["content"].count("start 2"), 60)  # fmt: skip
    wait_until(platform, service["id"], "RUNNING")
    assert asked(platform, service)[1]["process"] != before
    removed(platform, service)


def test_a_model_that_cannot_be_loaded_makes_the_service_failed(platform):
    address = model(platform, "broken", "import nothing_of_that_name")
    service = deployed(platform, request(address), "FAILED")
    assert "the server ended with exit code 3, 4 times in a row" in service["failure_reason"]
    removed(platform, service)


def test_another_version_takes_the_place_of_the_first(platform):
    service = deployed(platform, request(model(platform, "first")))
    body = {"group_configs": request(model(platform, "second"))["group_configs"]}
    path = f"/v2/local/services/{service['id']}"
    assert platform.call("PUT", path, body)[0] == 202
    assert wait_until(platform, service["id"], "RUNNING")["version"]["version"] == "2"
    assert asked(platform, service)[1]["model"] == "second"
    removed(platform, service)


def test_models_and_services_of_the_first_generation(platform):
    names = []
    for name in ("v1-a", "v1-b"):
        body = {"model_name": name, "source_location": model(platform, name)}
        names.append(platform.call("POST", "/v1/local/models", body)[1]["model_id"])
    config = [
        {"model_id": name, "weight": weight, "instance_count": 1}
        for name, weight in zip(names, (100, 0), strict=True)
    ]
    body = {"service_name": "older", "infer_type": "real-time", "config": config}
    path = (
        f"/v1/local/services/{platform.call('POST', '/v1/local/services', body)[1]['service_id']}"
    )
    wait_for(lambda: platform.call("GET", path)[1]["status"] == "running")
    shown = platform.call("GET", path)[1]
    url = shown["access_address"].removeprefix(platform.keys["ENDPOINT"])
    assert platform.call("POST", url, {"ask": 1})[1]["model"] == "v1-a"
    assert platform.call("PUT", path, {"status": "stopped"})[0] == 200
    assert platform.call("GET", path)[1]["status"] == "stopped"
    assert platform.call("GET", "/v1/local/models")[1]["total_count"] == 2
    for each in (path, *(f"/v1/local/models/{name}" for name in names)):
        assert platform.call("DELETE", each)[0] == 200
        assert platform.call("GET", each)[0] == 404


REFUSED = [
    ("name", "a b", "name: expected 1 to 64"),
    ("type", "ASYNC_REAL_TIME", "REAL_TIME only"),
    ("group_configs 0 weight", 90, "weights that add up to 100"),
    ("group_configs 0 unit_configs 0 cmd", "python x", "not here"),
    ("group_configs 0 unit_configs 0 files 0 address", "obs://my-bucket/none/", "lacks config.json"),
    ("group_configs 0 unit_configs 0 files 0 address", "/my-bucket/../x", "expected /BUCKET/FOLDER/"),
    ("group_configs 0 unit_configs 0 files 0 mount_path", "/x", "begins and ends with '/'"),
    ("runtime_config service_limit request_timeout", 7201, "request_timeout: expected 1 to 7200"),
    ("runtime_config service_limit request_size_limit", 51, "expected 1 to 50"),
    ("runtime_config service_invoke auth_type", "", "auth_type: expected text"),
    ("group_configs 0 name", "../x", "group_configs.name"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value", "reason"), REFUSED)
def test_a_service_is_refused(platform, place, value, reason):
    body = request(model(platform, "good"))
    *keys, last = [int(key) if key.isdigit() else key for key in place.split()]
    parent = body
    for key in keys:
        parent = parent[key]
    parent[last] = value
    status, answer = platform.call("POST", "/v2/local/services", body)
    assert (status, answer["error_code"]) == (400, "ModelArts.0104")
    assert reason in answer["error_msg"]


def test_a_form_with_a_picture_passes_through(platform):
    """As `curl -F images=@picture` sends it, to a path below the service, too."""
    handler = HANDLER.replace(
        'return {"model"',
        'return {"sizes": [len(f.read()) for f in data["images"].values()], "model"',
    )
    service = deployed(platform, request(model(platform, "form", handler)))
    content = (
        b'--b\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
        + bytes(5000)
        + b"\r\n--b--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    path = f"/v1/infers/{service['id']}/"
    status, answer = platform.call("POST", path, headers=kind, raw=content)
    assert (status, answer["sizes"]) == (200, [5000])
    assert platform.raw_call("GET", f"{path}health")[0] == 200
    host = platform.keys["ENDPOINT"].removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("POST", path, content, kind | {"X-Auth-Token": platform.token})
    assert connection.getresponse().getheader("X-Service-Group") == "form"
    connection.close()
    removed(platform, service)
