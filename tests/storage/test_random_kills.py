"""kill -9 of a real job whose data and train_url are in a store, at many random moments of all it does."""

import hashlib
import os
import random
import re
import shutil
import time
from collections import Counter

import pytest
from forked_job import SmallJob

from algorithm import storage
from algorithm.data.synthetic.scenes import write_sample_dataset

FLAGS = (
    "--mode=train_and_eval",
    "--model_name=efficientdet-lite0",
    "--train_batch_size=4",
    "--eval_batch_size=2",
    "--num_epochs=2",
    "--pretrained=none",
    "--do_data_cleaning=False",
    "--hparams=moving_average_decay=0.9,image_size=64,learning_rate=0.32,log_every_steps=1,keep_checkpoint_max=2",
)
PHASES = {"data:": "loading", "train epoch": "training", "eval epoch": "evaluating"}
PLACES = {"step": "training", "bundle": "checkpointing", "list": "checkpointing", "evaluate": "evaluating", "archive": "checkpointing",
          "export": "exporting", "package": "exporting", "copy": "exporting", "finish": "exporting", "send": "uploading",
          "manifest": "uploading"}  # fmt: skip
STRIKES = ("step:1", "step:3", "bundle:1", "list:1", "evaluate:1", "archive:1", "export:1", "package:1", "copy:2", "finish:1",
           "send:1", "send:4", "manifest:1", "manifest:3")  # fmt: skip
LONGEST = 600  # seconds of a job: one that hangs is a failure, and no kill that was planned
TIMED = int(os.environ.get("TIMED_KILLS", "0"))  # at any moment


def run(data, url, machine, strike="", limit=None):
    """Exit code and log of the job, killed after `limit` seconds."""
    machine.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(machine), "SMALL_JOB": "eager,busy"}
    with SmallJob(strike, [f"--data_url={data}", f"--train_url={url}", *FLAGS], environment) as job:
        log, in_time = job.read(limit or LONGEST)
    assert limit or in_time, (strike, log[-3000:])
    return job.returncode, log


def fingerprints(url):
    """SHA-256 of all that was learned and measured, by name."""
    wanted = re.compile(
        r"(archive/)?model\.ckpt-\d+\.data.*|model/variables/variables\.data.*|metrics\.json"
    )
    found = {each.url.removeprefix(f"{url}/"): each.url for each in storage.list_files(url)}
    return {
        name: hashlib.sha256(storage.read_bytes(place)).hexdigest()
        for name, place in found.items()
        if wanted.fullmatch(name)
    }


def phase(log, strike):
    """What the job was about when it was killed, as far as its log tells."""
    if f"{strike.replace('@', ' at ')}\n" in log and strike:
        return PLACES[strike.partition("@")[2].partition(":")[0]]
    told = [
        name
        for line in log.splitlines()
        for start, name in PHASES.items()
        if line.startswith(start)
    ]
    return told[-1] if told else "starting"


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.skipif(not TIMED, reason="a soak of many minutes: TIMED_KILLS=16 makes it 30 kills")
def test_a_job_killed_at_many_moments_ends_with_the_bits_of_one_left_alone(plain, tmp_path):
    """Case 36 and 31. A job goes on until it ends in spite of the next kill; then another begins. Every other job goes on on
    another machine: all it has is what is in the store."""
    chance, phases, machine = random.Random(36), Counter(), tmp_path / "machine"
    storage.sync(
        str(write_sample_dataset(tmp_path / "data", count=15, seed=1, size=96).parent),
        f"{plain}/data",
    )
    begun = time.monotonic()
    code, log = run(f"{plain}/data", f"{plain}/alone", machine)
    assert code == 0, log[-3000:]
    alone, whole = fingerprints(f"{plain}/alone"), time.monotonic() - begun
    assert len(alone) == 5
    plan = [(f"KILL@{place}", None) for place in STRIKES] + [
        ("", chance.uniform(0.3, 0.9) * whole) for _ in range(TIMED)
    ]
    chance.shuffle(plan)
    job, fresh = 1, True
    while plan or not fresh:
        code, log = run(f"{plain}/data", f"{plain}/job {job}", machine, *(plan[0] if plan else ()))
        if code == 0:
            assert not (fresh and plan[0][0]), f"a whole job never comes to {plan[0][0]}"
            assert fingerprints(f"{plain}/job {job}") == alone, f"job {job}"
            job, fresh = job + 1, True
            continue
        assert code == -9, log[-3000:]
        strike, limit = plan.pop(0)
        phases[phase(log, strike)] += 1
        print(
            f"job {job}: {strike or f'KILL after {limit:.1f} s'}, while {phase(log, strike)}",
            flush=True,
        )
        fresh = False
        if job % 2:
            shutil.rmtree(machine)
    assert phases.total() == len(STRIKES) + TIMED
    print(f"{phases.total()} kills over {job - 1} jobs: {dict(phases)}")
