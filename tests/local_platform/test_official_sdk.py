"""The official SDK, unchanged, as the client."""

import json
from pathlib import Path

import pytest
from platform_process import job_request

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"


def manifest(name: str) -> dict:
    return json.loads((MANIFESTS / f"{name}.json").read_text("utf-8"))


def test_algorithms(client, sdk):
    made = client.create_algorithm(sdk.CreateAlgorithmRequest(body=manifest("algorithm")))
    name = made.metadata.id
    assert (made.metadata.name, made.metadata.version_num) == ("object-detection-EfficientDet", 0)
    shown = client.show_algorithm_by_uuid(sdk.ShowAlgorithmByUuidRequest(algorithm_id=name))
    assert shown.job_config.command == manifest("algorithm")["job_config"]["command"]
    assert shown.resource_requirements[0].value == ["CPU", "GPU"]
    assert shown.job_config.parameters[0].i18n_description.language == "zh-cn"
    listed = client.list_algorithms(sdk.ListAlgorithmsRequest())
    assert name in [each.metadata.id for each in listed.items]
    changed = client.change_algorithm(
        sdk.ChangeAlgorithmRequest(algorithm_id=name, body=manifest("algorithm"))
    )
    assert changed.metadata.version_num == 1
    client.delete_algorithm(sdk.DeleteAlgorithmRequest(algorithm_id=name))
    assert client.list_algorithms(sdk.ListAlgorithmsRequest()).total == 0


def test_a_job_from_its_submission_to_its_deletion(platform, client, sdk):
    body = job_request(platform.script("import time; print('hello'); time.sleep(1.5)"))
    made = client.create_training_job(sdk.CreateTrainingJobRequest(body=body))
    name = made.metadata.id
    assert (made.kind, made.status.phase) == ("job", "Pending")
    platform.ended(name)
    shown = client.show_training_job_details(
        sdk.ShowTrainingJobDetailsRequest(training_job_id=name)
    )
    assert shown.status.phase == "Completed"
    assert shown.status.task_statuses[0].exit_code == 0
    assert shown.algorithm.inputs[0].remote.obs.obs_url == "/my-bucket/dataset/"
    assert "not pulled" in shown.metadata.annotations["image"]
    log = client.show_training_job_logs_preview(
        sdk.ShowTrainingJobLogsPreviewRequest(training_job_id=name, task_id="worker-0")
    )
    assert "hello\n" in log.content
    assert log.current_size == log.full_size == len(log.content)
    metrics = client.show_training_job_metrics(
        sdk.ShowTrainingJobMetricsRequest(training_job_id=name, task_id="worker-0")
    ).metrics
    assert [each.metric for each in metrics] == ["cpuUsage", "memUsage"]
    events = client.list_training_job_events(
        sdk.ListTrainingJobEventsRequest(training_job_id=name)
    ).events
    assert [each.message for each in events][-2:] == ["the job starts", "Completed"]
    found = client.list_training_jobs(sdk.ListTrainingJobsRequest(body={"offset": 0, "limit": 5}))
    assert found.items[0].metadata.id == name
    client.delete_training_job(sdk.DeleteTrainingJobRequest(training_job_id=name))
    assert name not in [
        each.metadata.id
        for each in client.list_training_jobs(sdk.ListTrainingJobsRequest(body={})).items
    ]


def test_the_manifest_of_a_job_is_taken_as_it_is(platform, client, sdk):
    algorithm = client.create_algorithm(sdk.CreateAlgorithmRequest(body=manifest("algorithm")))
    body = manifest("job-v2")
    body["algorithm"]["id"] = algorithm.metadata.id
    made = client.create_training_job(sdk.CreateTrainingJobRequest(body=body))
    client.stop_training_job(
        sdk.StopTrainingJobRequest(
            training_job_id=made.metadata.id, body={"action_type": "terminate"}
        )
    )
    assert platform.ended(made.metadata.id)["status"]["phase"] == "Terminated"


def test_engines_and_flavors(client, sdk):
    assert client.show_training_job_engines(sdk.ShowTrainingJobEnginesRequest()).items == []
    flavors = client.show_training_job_flavors(sdk.ShowTrainingJobFlavorsRequest()).flavors
    assert [each.flavor_type for each in flavors] == ["CPU"]
    assert flavors[0].flavor_info.cpu.core_num >= 1


def test_a_refusal_reaches_the_sdk_with_code_and_reason(client, sdk):
    from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

    body = job_request("x")
    body["metadata"]["name"] = "two words"
    with pytest.raises(ClientRequestException) as caught:
        client.create_training_job(sdk.CreateTrainingJobRequest(body=body))
    assert caught.value.error_code == "ModelArts.0104"
    assert "metadata.name: expected 1 to 64" in caught.value.error_msg
