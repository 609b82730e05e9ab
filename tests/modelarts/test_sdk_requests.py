"""Each request under manifests/ fits the types of the platform's own SDK, and arrives unchanged."""

import functools
import json
import operator
import re
import sys
import threading
from pathlib import Path

import pytest
from flask import Flask, request
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.utils.http_utils import sanitize_for_serialization
from huaweicloudsdkmodelarts import v1 as sdk
from werkzeug.serving import make_server

PROJECT = Path(__file__).parents[2]
MANIFESTS = PROJECT / "manifests"
PAGES = [PROJECT / "docs" / "use" / name for name in ("platform.md", "platform.zh-CN.md")]
SCALARS = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}
# manifest, the client's method, its request, the path. The SDK has no jobs of the first generation.
CALLS = [
    ("algorithm", "create_algorithm", sdk.CreateAlgorithmRequest, "/v2/project/algorithms"),
    ("job-v2", "create_training_job", sdk.CreateTrainingJobRequest, "/v2/project/training-jobs"),
    ("service-v2", "create_infer_service", sdk.CreateInferServiceRequest, "/v2/project/services"),
]


def manifest(name):
    return json.loads((MANIFESTS / f"{name}.json").read_text("utf-8"))


def load(value, kind, where):
    """value as the SDK's type `kind`; ValueError at a key or a type that the SDK does not know."""
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        check(value, (list,), kind, where)
        return [load(each, inner[1], f"{where}[{number}]") for number, each in enumerate(value)]
    if inner := re.fullmatch(r"dict\(str, (.+)\)", kind):
        check(value, (dict,), kind, where)
        return {key: load(each, inner[1], f"{where}.{key}") for key, each in value.items()}
    if kind in SCALARS:
        check(value, SCALARS[kind], kind, where)
        return value
    check(value, (dict,), kind, where)
    model = getattr(sdk, kind)
    names = {key: name for name, key in model.attribute_map.items()}
    if unknown := sorted(set(value) - set(names)):
        raise ValueError(f"{where}: {kind} does not know {', '.join(unknown)}")
    fields = {}
    for key, each in value.items():
        name = names[key]
        fields[name] = load(each, model.openapi_types[name], f"{where}.{key}")
    return model(**fields)


def check(value, types, kind, where):
    if type(value) not in types:
        raise ValueError(f"{where}: expected {kind}, found {value!r}")


@pytest.fixture(scope="module")
def platform():
    """The SDK's client of a server on this machine, and what arrives there."""
    arrived = []
    app = Flask("platform")

    @app.route("/<path:path>", methods=["POST"])
    def answer(path):
        arrived.append((f"/{path}", request.headers["Authorization"], request.get_json()))
        return {}, 201

    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    builder = sdk.ModelArtsClient.new_builder().with_endpoint(endpoint)
    client = builder.with_credentials(BasicCredentials("key", "secret", "project")).build()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")  # where tests run behind a proxy
        yield client, arrived, endpoint
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("name", "call", "kind", "path"), CALLS, ids=[name for name, *_ in CALLS])
def test_a_manifest_is_the_request_of_the_sdk(name, call, kind, path):
    written = manifest(name)
    body = load(written, kind.openapi_types["body"], name)
    assert sanitize_for_serialization(body) == written


@pytest.mark.parametrize(("name", "call", "kind", "path"), CALLS, ids=[name for name, *_ in CALLS])
def test_a_manifest_arrives_over_http_as_it_is_written(platform, name, call, kind, path):
    client, arrived, _ = platform
    getattr(client, call)(kind(body=load(manifest(name), kind.openapi_types["body"], name)))
    at, signature, body = arrived.pop()
    assert (at, body) == (path, manifest(name))
    assert signature.startswith("SDK-HMAC-SHA256 Access=key")


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, *_, path in CALLS])
def test_the_script_of_the_page_submits_it(platform, monkeypatch, name, path):
    _, arrived, endpoint = platform
    english, chinese = (
        re.search(r"```python\n(.+?)```", page.read_text("utf-8"), re.DOTALL)[1] for page in PAGES
    )
    assert english == chinese
    for key in ("ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(key, "key")
    monkeypatch.setenv("PROJECT_ID", "project")
    monkeypatch.setenv("ENDPOINT", endpoint)
    monkeypatch.setattr(sys, "argv", ["submit.py", str(MANIFESTS / f"{name}.json")])
    exec(compile(english, "submit.py", "exec"), {})
    at, _, body = arrived.pop()
    assert (at, body) == (path, manifest(name))


# What the manifests said before, and values of other types.
FAULTS = [
    ("algorithm", "i18n", [], "Algorithm does not know i18n"),
    ("algorithm", "metadata version_num", "0.1.0", "AlgorithmMetadata does not know version_num"),
    ("algorithm", "job_config parameters 0 i18n_description", [], "expected I18nDescription"),
    ("algorithm", "job_config inputs 0 remote_constraints 0 attributes", [{"data_format": []}],
     r"attributes\[0\].data_format: expected str, found \[\]"),
    ("job-v2", "algorithm outputs 0 period", 30, r"outputs\[0\]: Output does not know period"),
    ("job-v2", "algorithm parameters 0 value", 8, "value: expected str, found 8"),
    ("service-v2", "custom_metrics_path", ["http"], "custom_metrics_path: expected str"),
    ("service-v2", "group_configs 0 weight", True, "weight: expected int, found True"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "place", "value", "message"), FAULTS)
def test_a_fault_is_found(name, place, value, message):
    written = manifest(name)
    *keys, last = [int(key) if key.isdigit() else key for key in place.split()]
    functools.reduce(operator.getitem, keys, written)[last] = value
    kind = next(kind for each, _, kind, _ in CALLS if each == name)
    with pytest.raises(ValueError, match=message):
        load(written, kind.openapi_types["body"], name)
