"""A hundred jobs stopped and killed at random, and a real job from its dataset to its assessment."""

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from platform_process import job_request, new_platform, processes_of, wait_for
from platform_services import deployed, request

from algorithm.data.synthetic.scenes import write_sample_dataset

pytestmark = [pytest.mark.slow, pytest.mark.soak]
SECONDS = 600
ENDED = {"Completed", "Terminated", "Abnormal"}


@pytest.mark.parametrize("seed", [1])
def test_of_a_hundred_jobs_stopped_and_killed_at_random_none_is_lost(tmp_path, seed):
    chance = random.Random(seed)
    platform = new_platform(tmp_path, "--slots=4")
    command = platform.script("import sys, time; time.sleep(float(sys.argv[-1].split('=')[1]))")
    names, stopped, killed = [], set(), set()
    for number in range(100):
        rows = [{"name": "seconds", "value": f"{chance.choice((0, 0.1, 0.5, 1)):g}"}]
        output = {"name": "train_url", "remote": {"obs": {"obs_url": f"/my-bucket/{number}/"}}}
        body = job_request(command, parameters=rows, outputs=[output])
        names.append(platform.submit(body))
        blow = chance.random()
        victim = chance.choice(names[-8:])
        if blow < 0.2:
            if platform.terminate(victim)[0] == 202:
                stopped.add(victim)
        elif blow < 0.7:
            for process in processes_of(victim, "job_runner"):
                os.kill(process, signal.SIGKILL)
                killed.add(victim)
        elif blow < 0.75:
            platform.end(signal.SIGKILL)
            platform.start()
        time.sleep(chance.random() * 0.4)
    wait_for(lambda: {platform.phase(name) for name in names} <= ENDED, SECONDS)
    phases = {name: platform.phase(name) for name in names}
    found = platform.call("POST", "/v2/local/training-job-searches", {"limit": 1000})[1]
    assert sorted(each["metadata"]["id"] for each in found["items"]) == sorted(names)
    assert {phases[name] for name in set(names) - stopped - killed} == {"Completed"}
    # One that ended by itself just before it was told to stop, or was killed, is Completed.
    assert {phases[name] for name in stopped - killed} <= {"Terminated", "Completed"}
    assert {phases[name] for name in killed - stopped} <= {"Abnormal", "Completed"}
    assert min(Counter(phases.values())[phase] for phase in ENDED) > 0
    assert not [each for name in names for each in processes_of(name)]
    platform.end()


def test_a_real_job_is_trained_deployed_asked_and_assessed(tmp_path):
    platform = new_platform(tmp_path)
    shutil.rmtree(platform.bucket / "dataset")
    write_sample_dataset(platform.bucket / "dataset", count=15, seed=1, size=96)
    manifests = Path(__file__).resolve().parents[2] / "manifests"
    body = json.loads((manifests / "job-v2.json").read_text("utf-8"))
    body["algorithm"]["parameters"] = [
        {"name": name, "value": value}
        for name, value in {
            "model_name": "efficientdet-t0",
            "train_batch_size": "4",
            "num_epochs": "1",
            "pretrained": "none",
            "hparams": "moving_average_decay=0,image_size=64",
        }.items()
    ]
    job = platform.ended(platform.submit(body), SECONDS)
    assert job["status"]["phase"] == "Completed", platform.log(job["metadata"]["id"])
    progress = platform.call("GET", f"/v2/local/training-jobs/{job['metadata']['id']}/progress")[1]
    assert progress["percent"] == 100
    assert {"loss", "AP"} <= progress["curves"].keys()
    path = f"/v2/local/training-jobs/{job['metadata']['id']}/pictures"
    names = [each["name"] for each in platform.call("GET", path)[1]["pictures"]]
    assert "eval/picture_0" in names
    assert platform.raw_call("GET", f"{path}/{names[0]}")[1].startswith(b"\x89PNG")

    service = deployed(
        platform, request("obs://my-bucket/efficientdet/output/model/"), seconds=SECONDS
    )
    picture = next((platform.bucket / "dataset").rglob("*.jpg")).read_bytes()
    head = b'--b\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
    status, answer = platform.call(
        "POST",
        f"/v1/infers/{service['id']}",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
        raw=head + picture + b"\r\n--b--\r\n",
    )
    assert status == 200
    assert {"detection_boxes", "detection_classes", "detection_scores"} <= answer.keys()

    model = {"obs": {"obs_url": "/my-bucket/efficientdet/output/model/"}}
    report = {"obs": {"obs_url": "/my-bucket/efficientdet/assessment/"}}
    told = body["algorithm"] | {
        "command": "/opt/venv/bin/python /home/ma-user/modelarts/inputs/model_url_0/model_assessment.py",
        "parameters": [],
        "inputs": [*body["algorithm"]["inputs"], {"name": "model_url", "remote": model}],
        "outputs": [{"name": "train_url", "remote": report}],
    }
    job = platform.ended(platform.submit({**body, "algorithm": told}), SECONDS)
    assert job["status"]["phase"] == "Completed", platform.log(job["metadata"]["id"])
    path = f"/v2/local/training-jobs/{job['metadata']['id']}/assessment"
    assert {"zh-cn", "en-us"} <= platform.call("GET", path)[1].keys()
    assert (platform.bucket / "efficientdet" / "assessment" / "report.html").is_file()
    platform.end()
