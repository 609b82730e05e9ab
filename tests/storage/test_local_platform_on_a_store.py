"""The local platform on a real store, as everywhere else in the package: by its endpoint."""

import json

from platform_process import LocalPlatform, job_request
from platform_services import deployed, model, request

from algorithm import storage

COPY = """
import sys
from pathlib import Path
flags = dict(word[2:].split("=", 1) for word in sys.argv[1:])
content = (Path(flags["data_url"]) / "a.txt").read_text("utf-8")
(Path(flags["train_url"]) / "结果.txt").write_text(content * 2, "utf-8")
"""


def test_a_job_and_a_service_on_a_real_store(plain, tmp_path):
    bucket = plain.removeprefix("obs://")
    storage.write_bytes(f"{plain}/dataset/a.txt", "猫".encode())
    storage.write_bytes(f"{plain}/code/job.py", COPY.encode())
    platform = LocalPlatform(tmp_path, store=plain)
    platform.start()
    try:
        command = "/opt/venv/bin/python ${MA_JOB_DIR}/code/job.py"
        body = json.loads(json.dumps(job_request(command)).replace("my-bucket", bucket))
        job = platform.ended(platform.submit(body))
        assert job["status"]["phase"] == "Completed", job
        assert storage.read_bytes(f"{plain}/output/结果.txt").decode() == "猫猫"
        name = f"modelarts-job-{job['metadata']['id']}-worker-0.log"
        assert "the image is not pulled" in storage.read_bytes(f"{plain}/log/{name}").decode()

        platform.bucket.mkdir(parents=True)
        model(platform, "one")
        storage.sync(str(platform.bucket / "one"), f"{plain}/one")
        service = deployed(platform, request(f"{plain}/one/"))
        answer = platform.call("POST", f"/v1/infers/{service['id']}", {"ask": 1})
        assert answer[1]["model"] == "one"
        body["algorithm"]["inputs"][0]["remote"]["obs"]["obs_url"] = f"/{bucket}/none/"
        status, refusal = platform.call("POST", "/v2/local/training-jobs", body)
        assert (status, refusal["error_code"]) == (400, "ModelArts.0104")
        assert "found none; upload them there first" in refusal["error_msg"]
    finally:
        platform.end()
