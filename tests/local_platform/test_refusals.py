"""What the platform would refuse is refused, with a code and a reason; nothing runs in a shell."""

import functools
import json
import operator
from pathlib import Path

import pytest
from platform_process import job_request

from algorithm.errors import ArgumentError
from algorithm.local_platform.job_plan import commands_of, obs_address

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
GONE = object()


def changed(body: dict, place: str, value) -> dict:
    *keys, last = [int(key) if key.isdigit() else key for key in place.split()]
    parent = functools.reduce(operator.getitem, keys, body)
    if value is GONE:
        del parent[last]
    else:
        parent[last] = value
    return body


JOBS = [
    ("algorithm engine", GONE, "found no engine"),
    ("algorithm engine", {"engine_id": "tensorflow_2.1"}, "unknown engine 'tensorflow_2.1'"),
    ("algorithm engine", {"engine_name": "TensorFlow"}, "no preset engines"),
    ("algorithm command", "", "expected the command of the image"),
    ("algorithm command", "python x; rm -rf /", "found ';': no command of a request runs in a shell"),
    ("algorithm command", "python $(touch x)", "runs in a shell"),
    ("algorithm command", "python `touch x`", "runs in a shell"),
    ("algorithm command", "python x > y", "found '>'"),
    ("algorithm command", "python 'x", "No closing quotation"),
    ("metadata name", "a b", "expected 1 to 64 letters"),
    ("metadata name", "a" * 65, "expected 1 to 64 letters"),
    ("kind", "hetero_job", "kind: expected 'job'"),
    ("spec resource node_count", 0, "expected 1 or more"),
    ("spec resource node_count", "1", "expected a whole number, found '1'"),
    ("algorithm inputs 0 remote", {"dataset": {"id": "x"}}, "no datasets service"),
    ("algorithm inputs 0 remote obs obs_url", "/my-bucket/none/", "data_url: expected files at obs://my-bucket/none/, found none"),
    ("algorithm inputs 0 remote obs obs_url", "/my-bucket/../../x", "expected /BUCKET/FOLDER/"),
    ("algorithm inputs 0 remote obs obs_url", "/etc", "found none"),
    ("algorithm inputs 0 remote obs obs_url", "file:///etc/", "expected /BUCKET/FOLDER/"),
    ("algorithm outputs 0 remote obs obs_url", "/no-bucket/x/", "expected the bucket of obs://no-bucket/x/"),
    ("algorithm outputs 0 remote obs obs_url", "obs://my-bucket/../../x", "expected /BUCKET/FOLDER/"),
    ("algorithm outputs 0 local_dir", "/etc", "expected a local_dir under /home/ma-user"),
    ("algorithm outputs 0 local_dir", "/home/ma-user/../../etc", "expected a local_dir under"),
    ("algorithm outputs 0 name", "a/b", "the name of an input or output"),
    ("algorithm code_dir", "/my-bucket/none/", "code_dir: expected files"),
    ("spec log_export_path obs_url", "/no-bucket/x/", "expected the bucket"),
    ("algorithm parameters", [{"name": "x", "value": 8}], "expected text, found 8"),
    ("algorithm policies", {"auto_search": {}}, "no hyperparameter search"),
    ("algorithm working_dir", "/x", "no other working folder"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value", "reason"), JOBS)
def test_a_job_is_refused(platform, place, value, reason):
    body = changed(job_request("python x"), place, value)
    status, answer = platform.call("POST", "/v2/local/training-jobs", body)
    assert (status, answer["error_code"]) == (400, "ModelArts.0104")
    assert reason in answer["error_msg"]


def test_what_was_refused_left_nothing(platform):
    search = platform.call("POST", "/v2/local/training-job-searches", {})[1]
    assert search["total"] == 0
    assert not (platform.root / "work" / "jobs").exists()


PARAMETERS = [
    ("num_epochs", "0", "expected 1 to"),
    ("num_epochs", "ten", "expected a number (Integer)"),
    ("model_name", "efficientdet-d9", "expected one of efficientdet-d0"),
    ("do_data_cleaning", "maybe", "expected True or False"),
    ("train_batch_size", "", "expected a value, as it is required"),
]


@pytest.mark.parametrize(("name", "value", "reason"), PARAMETERS)
def test_a_hyperparameter_out_of_what_the_algorithm_allows_is_refused(
    platform, name, value, reason
):
    algorithm = json.loads((MANIFESTS / "algorithm.json").read_text("utf-8"))
    made = platform.call("POST", "/v2/local/algorithms", algorithm)[1]
    rows = [{"name": name, "value": value}]
    body = job_request("python x", parameters=rows, id=made["metadata"]["id"])
    status, answer = platform.call("POST", "/v2/local/training-jobs", body)
    assert (status, answer["error_code"]) == (400, "ModelArts.0104")
    assert f"parameter {name}: {reason}" in answer["error_msg"]
    path = f"/v2/another/algorithms/{made['metadata']['id']}"
    assert platform.call("GET", path)[0] == 404  # another project does not see it


ALGORITHMS = [
    ("metadata name", "a.b", "metadata.name"),
    ("job_config inputs 0 remote_constraints 0 data_type", "dataset",
     "data_type: expected obs or modelarts_dataset, found 'dataset'"),
    ("job_config engine", GONE, "found no engine"),
    ("job_config engine", {"engine_version": "TensorFlow-2"}, "found no engine"),
    ("job_config outputs", [], "outputs: expected a list"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value", "reason"), ALGORITHMS)
def test_an_algorithm_is_refused(platform, place, value, reason):
    algorithm = json.loads((MANIFESTS / "algorithm.json").read_text("utf-8"))
    status, answer = platform.call("POST", "/v2/local/algorithms", changed(algorithm, place, value))
    assert (status, answer["error_code"]) == (400, "ModelArts.0104")
    assert reason in answer["error_msg"]


CALLS = [
    ("GET", "/v2/local/training-jobs/none", None, 404, "ModelArts.2755"),
    ("GET", "/v2/local/notebooks", None, 404, "APIGW.0101"),
    ("POST", "/v2/local/training-jobs", b"{", 400, "ModelArts.0104"),
    ("POST", "/v2/local/training-jobs", b"[]", 400, "ModelArts.0104"),
    ("POST", "/v1/infers/none", b"{}", 404, "ModelArts.2755"),
    ("POST", "/v1/local/training-jobs", b"{}", 400, "ModelArts.0104"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), CALLS)
def test_a_call_is_refused(platform, method, path, body, status, code):
    found, answer = platform.call(method, path, raw=body)
    assert (found, answer["error_code"]) == (status, code)
    assert ("error_message" in answer) == path.startswith("/v1/")


def test_a_command_is_split_as_by_a_shell_and_without_one():
    assert commands_of("a --x='b c' \"d;e\" && f g=1,h=2") == (
        ("a", "--x=b c", "d;e"),
        ("f", "g=1,h=2"),
    )
    for text in ("", "a &&", "a || b", "a & b"):
        with pytest.raises(ArgumentError, match="command: expected"):
            commands_of(text)


def test_addresses():
    assert obs_address("/bucket/a/") == obs_address("obs://bucket/a/") == "obs://bucket/a/"
    for text in ("bucket/a", "", "/", "//a", "obs://", "obs://b/../c", "https://x/y"):
        with pytest.raises(ArgumentError, match="expected /BUCKET/FOLDER/"):
            obs_address(text)
