"""Jobs are processes: what they are given, and what becomes of what they leave."""

import json
import signal

import pytest
from platform_process import job_request, processes_of, wait_for

# Prints as JSON what it was given, and writes it as the output.
TELL = """
import json, os, sys
from pathlib import Path
flags = dict(word[2:].split("=", 1) for word in sys.argv[1:])
told = {"flags": flags, "environment": dict(os.environ), "home": os.getcwd()}
told["input"] = (Path(flags.get("data_url") or os.environ["data_url"]) / "a.txt").read_text()
print(json.dumps(told))
output = Path(flags.get("train_url") or os.environ["train_url"])
(output / "model").mkdir()
(output / "model" / "told.json").write_text(json.dumps(told))
"""
# Writes an output, then waits for SIGTERM, at which it writes its checkpoint.
WAIT = """
import os, signal, sys, time
from pathlib import Path
output = Path(next(word for word in sys.argv if word.startswith("--train_url=")).split("=")[1])
def stop(number, frame):
    (output / "checkpoint").write_text("saved")
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
(output / "first").write_text("early")
print("waits", flush=True)
while True:
    time.sleep(0.05)
"""


def told_by(platform, identifier: str, task: str = "worker-0") -> dict:
    lines = platform.log(identifier, task).splitlines()
    return json.loads(next(line for line in lines if line.startswith("{")))


def test_a_job_gets_its_inputs_flags_and_environment_and_its_output_is_copied(platform):
    command = platform.script(TELL)
    parameters = [{"name": "hparams", "value": "a=0,b=1"}, {"name": "empty", "value": ""}]
    identifier = platform.submit(job_request(command, parameters=parameters))
    job = platform.ended(identifier)
    assert job["status"]["phase"] == "Completed"
    told = told_by(platform, identifier)
    home = told["home"]
    assert told["flags"] == {
        "data_url": f"{home}/modelarts/inputs/data_url_0",
        "train_url": f"{home}/modelarts/outputs/train_url_0",
        "hparams": "a=0,b=1",
        "empty": "",
    }
    assert told["input"] == "an input"
    environment = told["environment"]
    assert environment["MA_JOB_DIR"] == f"{home}/modelarts/user-job-dir"
    assert (environment["MA_NUM_HOSTS"], environment["VC_TASK_INDEX"]) == ("1", "0")
    copied = platform.bucket / "output" / "model" / "told.json"
    assert json.loads(copied.read_text()) == told
    log = platform.bucket / "log" / f"modelarts-job-{identifier}-worker-0.log"
    assert log.read_text() == platform.log(identifier)
    assert "the image is not pulled" in log.read_text()
    assert job["status"]["duration"] > 0
    assert job["status"]["start_time"] >= job["metadata"]["create_time"]


def test_places_stand_in_the_environment_where_the_request_asks_for_it(platform):
    places = {
        kind: [{**row, "access_method": "env"} for row in rows]
        for kind, rows in job_request("x")["algorithm"].items()
        if kind in ("inputs", "outputs")
    }
    identifier = platform.submit(job_request(platform.script(TELL), **places))
    assert platform.ended(identifier)["status"]["phase"] == "Completed"
    told = told_by(platform, identifier)
    assert told["flags"] == {}
    assert told["environment"]["train_url"] == f"{told['home']}/modelarts/outputs/train_url_0"


def test_terminate_is_sigterm_and_the_checkpoint_is_copied(platform):
    identifier = platform.submit(job_request(platform.script(WAIT)))
    platform.printed(identifier, "waits")
    status, job = platform.terminate(identifier)
    assert (status, job["status"]["phase"]) == (202, "Terminating")
    job = platform.ended(identifier)
    assert job["status"]["phase"] == "Terminated"
    assert job["status"]["task_statuses"][0]["exit_code"] == 143
    assert (platform.bucket / "output" / "checkpoint").read_text() == "saved"
    assert platform.terminate(identifier)[0] == 400


def test_a_job_that_ignores_sigterm_is_killed(platform):
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(60)"
    identifier = platform.submit(job_request(platform.script(script, "deaf.py")))
    platform.printed(identifier, "deaf\n")
    platform.terminate(identifier)
    status = platform.ended(identifier)["status"]
    assert (status["phase"], status["task_statuses"][0]["exit_code"]) == ("Terminated", 137)


def test_what_a_command_leaves_running_ends_with_the_job(platform):
    script = (
        "import subprocess; print(subprocess.Popen(['sleep', '60'], start_new_session=True).pid)"
    )
    identifier = platform.submit(job_request(platform.script(script, "leaves.py")))
    assert platform.ended(identifier)["status"]["phase"] == "Completed"
    assert not processes_of(identifier, "sleep")


def test_outputs_are_copied_while_the_job_runs(platform):
    output = f"/my-bucket/{test_outputs_are_copied_while_the_job_runs.__name__}/"
    rows = [{"name": "train_url", "remote": {"obs": {"obs_url": output}}}]
    identifier = platform.submit(job_request(platform.script(WAIT), outputs=rows))
    wait_for(lambda: (platform.buckets / output[1:] / "first").is_file())
    assert platform.phase(identifier) == "Running"
    platform.terminate(identifier)
    platform.ended(identifier)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; print('ERROR DATA: no picture'); sys.exit(3)", "exit code 3: ERROR DATA: no picture"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code 137: killed with SIGKILL"),
        ("import sys; sys.exit(5)", "exit code 5: see the log"),
    ],
)  # fmt: skip
def test_an_exit_code_makes_the_job_failed_and_says_why(platform, script, message):
    identifier = platform.submit(job_request(platform.script(script, "fails.py")))
    status = platform.ended(identifier)["status"]
    assert status["phase"] == "Failed"
    assert status["task_statuses"][0]["message"].startswith(message)
    assert status["running_records"][0]["end_reason"].startswith(message)


def test_a_program_that_is_not_there_is_127(platform):
    identifier = platform.submit(job_request("/opt/none/tool --x"))
    status = platform.ended(identifier)["status"]
    assert status["task_statuses"][0]["exit_code"] == 127
    assert "cannot start /opt/none/tool" in status["task_statuses"][0]["message"]


@pytest.mark.parametrize(("first", "phase"), [("0", "Completed"), ("4", "Failed")])
def test_commands_follow_one_another_while_they_end_well(platform, first, phase):
    ends = platform.script(f"import sys; print('first'); sys.exit({first})", "first.py")
    last = platform.script("print('last')", "last.py")
    identifier = platform.submit(job_request(f"{ends} && {last}"))
    assert platform.ended(identifier)["status"]["phase"] == phase
    words = platform.log(identifier).splitlines()
    assert "first" in words
    assert ("last" in words) == (phase == "Completed")


def test_two_nodes_are_two_processes_that_know_each_other(platform):
    request = job_request(platform.script(TELL))
    request["spec"]["resource"]["node_count"] = 2
    identifier = platform.submit(request)
    job = platform.ended(identifier)
    assert [each["exit_code"] for each in job["status"]["task_statuses"]] == [0, 0]
    first, second = (told_by(platform, identifier, f"worker-{index}") for index in (0, 1))
    assert first["home"] != second["home"]
    hosts = [each["environment"]["VC_WORKER_HOSTS"] for each in (first, second)]
    assert hosts[0] == hosts[1]
    assert len(set(hosts[0].split(","))) == 2
    assert [each["environment"]["VC_TASK_INDEX"] for each in (first, second)] == ["0", "1"]


def test_when_one_node_fails_the_other_is_stopped(platform):
    script = "import os, sys, time\nsys.exit(3) if os.environ['VC_TASK_INDEX'] == '1' else time.sleep(60)"
    request = job_request(platform.script(script, "one_fails.py"))
    request["spec"]["resource"]["node_count"] = 2
    status = platform.ended(platform.submit(request))["status"]
    codes = [each["exit_code"] for each in status["task_statuses"]]
    assert (status["phase"], codes) == ("Failed", [128 + signal.SIGTERM, 3])


def test_a_job_of_the_first_generation_copies_by_itself(platform):
    script = (
        "import os, sys; from algorithm import storage; "
        "content = storage.read_bytes(os.environ['DLS_DATA_URL'] + 'a.txt'); "
        "storage.write_bytes(sys.argv[1].split('=')[1] + 'copy.txt', content); "
        "print(os.environ['colour'], os.environ['DLS_TASK_NUMBER'])"
    )
    platform.script(script, "older.py")
    config = {
        "user_image_url": "my-organization/image:1",
        "user_command": f"/opt/venv/bin/python {platform.bucket}/code/older.py --train_url=obs://my-bucket/older/",
        "data_url": "/my-bucket/dataset/",
        "train_url": "/my-bucket/older/",
        "log_url": "/my-bucket/log/",
        "parameter": [{"label": "colour", "value": "red"}],
        "spec_id": 1,
        "worker_server_num": 1,
    }
    status, made = platform.call(
        "POST", "/v1/local/training-jobs", {"job_name": "older", "config": config}
    )
    assert (status, made["is_success"]) == (200, True)
    path = f"/v1/local/training-jobs/{made['job_id']}/versions/{made['version_id']}"
    wait_for(lambda: platform.call("GET", path)[1]["status"] >= 10)
    assert platform.call("GET", path)[1]["status"] == 10
    assert "red 1" in platform.log(str(made["job_id"]))
    assert (platform.bucket / "older" / "copy.txt").read_text() == "an input"
    assert platform.call("DELETE", f"/v1/local/training-jobs/{made['job_id']}")[1]["is_success"]
    assert platform.call("GET", path)[1]["error_code"] == "ModelArts.2755"


def test_progress_curves_outputs_and_assessment_are_read_from_what_a_job_leaves(platform):
    script = """
import sys
from pathlib import Path
output = Path(next(word for word in sys.argv if word.startswith("--train_url=")).split("=")[1])
print("train epoch=1/2 step=5/20 loss=2.5 cls_loss=1 samples/s=3.00 eta=0:00:09")
print("train epoch=2/2 step=15/20 loss=1.5 cls_loss=0.5 samples/s=3.00 eta=0:00:02")
print("eval epoch=1/2 step=10 AP=0.250000 AP50=nan")
(output / "display.json").write_text('{"zh-cn": {"op": {}}}')
"""
    job = (
        f"/v2/local/training-jobs/{platform.submit(job_request(platform.script(script, 'log.py')))}"
    )
    platform.ended(job.rpartition("/")[2])
    progress = platform.call("GET", f"{job}/progress")[1]
    assert (progress["percent"], progress["eta"], progress["epoch"]) == (75, "0:00:02", 2)
    assert progress["curves"] == {
        "loss": [[5, 2.5], [15, 1.5]],
        "cls_loss": [[5, 1], [15, 0.5]],
        "AP": [[1, 0.25]],
    }
    assert platform.call("GET", f"{job}/outputs")[1]["files"] == [
        {"name": "train_url/display.json", "size": 21}
    ]
    assert platform.raw_call("GET", f"{job}/outputs/train_url/display.json")[0] == 200
    assert platform.call("GET", f"{job}/assessment")[1] == {"zh-cn": {"op": {}}}


@pytest.mark.parametrize(
    "name", ["train_url/../../../runner.log", "train_url/%2e%2e/x", "train_url//etc/passwd", "other/x", "train_url"]
)  # fmt: skip
def test_an_output_never_leads_out_of_its_folder(platform, name):
    identifier = platform.submit(job_request(platform.script("print('done')", "done.py")))
    platform.ended(identifier)
    status, content = platform.raw_call(
        "GET", f"/v2/local/training-jobs/{identifier}/outputs/{name}"
    )
    assert status in (308, 404), content
