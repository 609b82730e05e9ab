"""Nothing that was submitted is lost: kill -9 of the platform, of a job's process, many at once."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from platform_process import job_request, processes_of, wait_for
from platform_services import deployed, model, request, wait_until

SLEEP = "import os, sys, time; print(os.getpid(), flush=True); time.sleep({})"


def test_jobs_survive_the_platform(own_platform):
    platform = own_platform
    running = platform.submit(job_request(platform.script(SLEEP.format(3), "three.py")))
    waiting = platform.submit(job_request(platform.script(SLEEP.format(0), "zero.py")))
    wait_for(lambda: platform.phase(running) == "Running")
    assert platform.phase(waiting) == "Pending"
    platform.end(signal.SIGKILL)
    platform.start()
    assert platform.phase(running) == "Running"
    assert platform.ended(running)["status"]["phase"] == "Completed"
    assert platform.ended(waiting)["status"]["phase"] == "Completed"


def test_a_job_that_ended_while_the_platform_was_away_is_found(own_platform):
    platform = own_platform
    identifier = platform.submit(job_request(platform.script(SLEEP.format(1))))
    wait_for(lambda: platform.phase(identifier) == "Running")
    platform.end()
    wait_for(lambda: not processes_of(identifier))
    platform.start()
    assert platform.phase(identifier) == "Completed"


def test_a_job_whose_process_is_killed_is_abnormal_and_leaves_no_process(own_platform):
    platform = own_platform
    identifier = platform.submit(job_request(platform.script(SLEEP.format(60))))
    platform.printed(identifier, "stands for it\n")
    wait_for(lambda: len(processes_of(identifier)) == 2)
    os.kill(*processes_of(identifier, "job_runner"), signal.SIGKILL)
    job = platform.ended(identifier)
    assert job["status"]["phase"] == "Abnormal"
    assert (
        "it was killed, or the machine restarted"
        in job["status"]["running_records"][0]["end_reason"]
    )
    wait_for(lambda: not processes_of(identifier))
    assert platform.call("DELETE", f"/v2/local/training-jobs/{identifier}")[0] == 202


def test_a_stop_asked_for_before_the_kill_still_holds(own_platform):
    platform = own_platform
    identifier = platform.submit(job_request(platform.script(SLEEP.format(60))))
    platform.printed(identifier, "stands for it\n")
    platform.terminate(identifier)
    platform.end(signal.SIGKILL)
    platform.start()
    assert platform.ended(identifier)["status"]["phase"] == "Terminated"


def test_fifty_jobs_submitted_at_once_wait_for_one_slot(own_platform):
    platform = own_platform
    first = platform.submit(job_request(platform.script(SLEEP.format(60))))
    quick = job_request(platform.script("print('quick')", "quick.py"))
    with ThreadPoolExecutor(10) as pool:
        names = list(pool.map(lambda _: platform.submit(quick), range(50)))
    assert len(set(names)) == 50
    wait_for(lambda: platform.phase(first) == "Running")
    assert {platform.phase(each) for each in names} == {"Pending"}
    assert platform.call("DELETE", f"/v2/local/training-jobs/{names[0]}")[0] == 400
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(platform.terminate, [first, *names[3:]]))
    done = [platform.ended(each)["status"]["phase"] for each in (first, *names)]
    assert done == ["Terminated", *["Completed"] * 3, *["Terminated"] * 47]


def test_a_second_platform_in_the_same_root_is_refused(own_platform):
    root = own_platform.root / "work"
    command = [sys.executable, "-m", "algorithm", "platform", "--port=0", f"--root={root}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 4
    assert "ERROR PLATFORM: expected to be alone in" in ended.stderr


def test_services_end_with_a_platform_that_is_killed_and_are_deployed_again(own_platform):
    platform = own_platform
    service = deployed(platform, request(model(platform, "one")))
    before = processes_of(service["id"])
    assert before
    platform.end(signal.SIGKILL)
    wait_for(lambda: not processes_of(service["id"]))
    platform.start()
    wait_until(platform, service["id"], "RUNNING")
    assert not set(processes_of(service["id"])) & set(before)
    platform.end()
    assert not processes_of(service["id"])
