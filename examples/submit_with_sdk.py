"""The platform's loop with its official SDK: algorithm, job, log, service, prediction, assessment.

    python examples/submit_with_sdk.py --picture PICTURE --set model_name=efficientdet-lite0

ENDPOINT, PROJECT_ID, ACCESS_KEY and SECRET_KEY are read from the environment; a local platform
prints them when it starts. The dataset lies in /BUCKET/dataset/; results go to
/BUCKET/efficientdet/.
Needs `pip install huaweicloudsdkmodelarts`, and nothing of this repository but manifests/.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import requests
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdkmodelarts import v1 as modelarts

MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
ENDED = ("Completed", "Failed", "Terminated", "Abnormal")
ASSESS = "/opt/venv/bin/python /home/ma-user/modelarts/inputs/model_url_0/model_assessment.py"
POLL_SECONDS = 1


def main() -> int:
    """Do all steps and return an exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bucket", default="my-bucket", help="(default: %(default)s)")
    parser.add_argument("--picture", required=True, help="what the deployed model is asked about")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a hyperparameter"
    )
    arguments = parser.parse_args()
    given = dict(each.split("=", 1) for each in arguments.set)
    keys = BasicCredentials(
        os.environ["ACCESS_KEY"], os.environ["SECRET_KEY"], os.environ["PROJECT_ID"]
    )
    builder = modelarts.ModelArtsClient.new_builder().with_credentials(keys)
    client = builder.with_endpoint(os.environ["ENDPOINT"]).build()

    algorithm = client.create_algorithm(
        modelarts.CreateAlgorithmRequest(body=manifest("algorithm", arguments.bucket))
    )
    print(f"algorithm {algorithm.metadata.id}")
    job = manifest("job-v2", arguments.bucket)
    job["algorithm"]["id"] = algorithm.metadata.id
    rows = {row["name"]: row for row in job["algorithm"]["parameters"]}
    rows |= {name: {"name": name, "value": value} for name, value in given.items()}
    job["algorithm"]["parameters"] = list(rows.values())
    if follow(client, job) != "Completed":
        return 1
    service = deploy(client, manifest("service-v2", arguments.bucket))
    print(predict(keys, service.predict_url[0].urls[0], Path(arguments.picture)))
    return 0 if follow(client, assessment(job, arguments.bucket)) == "Completed" else 1


def manifest(name: str, bucket: str) -> dict:
    """Return a request of manifests/ with this bucket in its addresses."""
    text = (MANIFESTS / f"{name}.json").read_text("utf-8")
    return json.loads(text.replace("/my-bucket/", f"/{bucket}/"))


def assessment(job: dict, bucket: str) -> dict:
    """Return a job that assesses the model which `job` left, with the script in its folder."""
    output = f"/{bucket}/efficientdet"
    model = {"name": "model_url", "remote": {"obs": {"obs_url": f"{output}/output/model/"}}}
    report = {"name": "train_url", "remote": {"obs": {"obs_url": f"{output}/assessment/"}}}
    told = {
        "command": ASSESS,
        "engine": job["algorithm"]["engine"],
        "inputs": [*job["algorithm"]["inputs"], model],
        "outputs": [report],
    }
    return {**job, "metadata": {"name": "efficientdet-assessment"}, "algorithm": told}


def follow(client: modelarts.ModelArtsClient, body: dict) -> str:
    """Submit a job, print its log until it ends, and return its phase."""
    made = client.create_training_job(modelarts.CreateTrainingJobRequest(body=body))
    name, shown = made.metadata.id, 0
    print(f"job {name}: {made.status.phase}")
    while True:
        status = client.show_training_job_details(
            modelarts.ShowTrainingJobDetailsRequest(training_job_id=name)
        ).status
        log = client.show_training_job_logs_preview(
            modelarts.ShowTrainingJobLogsPreviewRequest(training_job_id=name, task_id="worker-0")
        ).content
        print(log[shown:], end="", flush=True)
        shown = len(log)
        if status.phase in ENDED:
            print(f"job {name}: {status.phase} after {status.duration / 1000:.1f} s")
            for task in status.task_statuses or []:
                if task.exit_code:
                    print(f"{task.task}: {task.message}", file=sys.stderr)
            return status.phase
        time.sleep(POLL_SECONDS)


def deploy(client: modelarts.ModelArtsClient, body: dict) -> modelarts.ShowInferServiceResponse:
    """Create a service, wait until it runs, and return it."""
    made = client.create_infer_service(modelarts.CreateInferServiceRequest(body=body))
    while True:
        service = client.show_infer_service(modelarts.ShowInferServiceRequest(service_id=made.id))
        if service.status == "RUNNING":
            print(f"service {service.id} answers at {service.predict_url[0].urls[0]}")
            return service
        if service.status == "FAILED":
            raise SystemExit(f"service {service.id}: {service.failure_reason}")
        time.sleep(POLL_SECONDS)


def predict(keys: BasicCredentials, url: str, picture: Path) -> str:
    """Return what a service says of a picture; the request is signed as the SDK signs its own."""
    files = {"images": (picture.name, picture.read_bytes())}
    prepared = requests.Request("POST", url, files=files).prepare()
    place = requests.utils.urlparse(url)
    signed = Signer(keys).sign(
        SdkRequest(
            method="POST",
            schema=place.scheme,
            host=place.netloc,
            resource_path=place.path,
            query_params=[],
            header_params={"Content-Type": prepared.headers["Content-Type"]},
            body=prepared.body,
        )
    )
    answer = requests.post(url, data=prepared.body, headers=signed.header_params, timeout=60)
    answer.raise_for_status()
    return answer.text


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServiceResponseException as error:
        sys.exit(f"{error.error_code}: {error.error_msg}")
    except KeyError as error:
        sys.exit(f"expected {error} in the environment; a local platform prints it at its start")
