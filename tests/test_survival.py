"""Real processes struck down while they train, save, evaluate and export, and run again: nothing may be lost."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from forked_job import SmallJob

from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.training import checkpoints

pytestmark = [pytest.mark.slow, pytest.mark.soak]
HERE = Path(__file__).resolve().parent
HPARAMS = "moving_average_decay=0.9,image_size=64,learning_rate=0.32,log_every_steps=1,keep_checkpoint_max=2,max_detections=10"
KILLED, STOPPED, RESOURCE = -9, 143, 6
FAILING_RUNS = int(os.environ.get("FAILING_RUNS", "3"))
# Where, and how the process ends. Each goes on from what the ones before it left, in the same folder.
STRIKES = (
    ("KILL@step:2", KILLED), ("TERM@step:2", STOPPED), ("KILL@list:1", KILLED), ("TERMTERM@evaluate:1", STOPPED),
    ("KILL@archive:1", KILLED), ("TERMTERM@bundle:1", STOPPED), ("KILL@bundle:1", KILLED), ("TERM@export:1", STOPPED),
    ("KILL@copy:2", KILLED), ("KILL@finish:1", KILLED),
)  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_sample_dataset(tmp_path_factory.mktemp("data"), count=15, seed=1, size=96)


def run(
    dataset,
    output,
    strikes="",
    *more,
    epochs=2,
    hparams=HPARAMS,
    mode="train_and_eval",
    environment=None,
    group=None,
):
    """Exit code and log of the small job, without graphs: tests/jobs/test_job.py stops and goes on with one that has them. group: of
    processes, in the file system of control groups, that it is to be in."""
    flags = [
        f"--data_url={dataset}",
        f"--train_url={output}",
        f"--mode={mode}",
        "--model_name=efficientdet-lite0",
        "--train_batch_size=4",
        "--eval_batch_size=2",
        f"--num_epochs={epochs}",
        "--pretrained=none",
        "--do_data_cleaning=False",
        f"--hparams={hparams}",
        *more,
    ]
    whole = {**os.environ, "SMALL_JOB": "eager", **(environment or {})}
    if not (environment or group):
        with SmallJob(strikes, flags, whole) as job:
            log, in_time = job.read(600)
        assert in_time, log[-3000:]
        return job.returncode, log
    enter = (lambda: (group / "cgroup.procs").write_text(str(os.getpid()))) if group else None
    done = subprocess.run(
        [sys.executable, str(HERE / "small_job.py"), strikes, *flags],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        preexec_fn=enter,
        env=whole,
    )
    return done.returncode, done.stdout + done.stderr


def fingerprints(output):
    """SHA-256 of everything that was learned and measured: last checkpoint, best one, exported weights, metrics."""
    files = [
        *output.glob("model.ckpt-*.data*"),
        *output.glob("archive/model.ckpt-*.data*"),
        output / "model/variables/variables.data-00000-of-00001",
        output / "metrics.json",
    ]
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def finish(dataset, output, **options):
    code, log = run(dataset, output, **options)
    assert code == 0, log[-3000:]
    return log


@pytest.fixture(scope="module")
def uninterrupted(dataset, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole") / "out"
    finish(dataset, output)
    return fingerprints(output)


def test_a_job_killed_and_stopped_everywhere_ends_as_one_that_was_left_alone(
    dataset, uninterrupted, tmp_path
):
    output = tmp_path / "out"
    for strikes, expected in STRIKES:
        code, log = run(dataset, output, strikes)
        assert code == expected, (strikes, log[-3000:])
        assert strikes.replace("@", " at ") in log
        if expected == STOPPED:
            assert log.splitlines()[-1].startswith("ERROR STOPPED: stopped on request"), log[-2000:]
    finish(dataset, output)
    assert fingerprints(output) == uninterrupted
    assert not [path for path in output.rglob(".*") if path.name != ".cache"]
    assert "nothing to do" in finish(dataset, output)


def test_a_job_that_stopped_early_and_was_killed_before_it_said_so_does_not_train_on(
    dataset, tmp_path
):
    patient = {"epochs": 9, "hparams": HPARAMS + ",early_stop_patience=1"}
    code, log = run(dataset, tmp_path, "KILL@finish:1", **patient)
    trained = [int(step) for step in re.findall(r"train epoch=\d/9 step=(\d+)/27", log)]
    assert code == KILLED
    assert trained[-1] < 27, "it was to stop early"
    log = finish(dataset, tmp_path, **patient)
    assert "train epoch" not in log
    job = json.loads((tmp_path / "job.json").read_text())
    assert (job["status"], job["stopped_early"]) == ("finished", True)
    assert "nothing to do" in finish(dataset, tmp_path, **patient)


def test_a_broken_weight_heals_from_the_last_checkpoint_with_half_the_rate_also_across_a_kill(
    dataset, tmp_path
):
    alone, struck = tmp_path / "alone", tmp_path / "struck"
    log = finish(dataset, alone, strikes="BREAK@step:5", epochs=4)
    bad = re.findall(
        r"step (\d+): loss is nan at learning rate [\d.e-]+; this step changes nothing \((\d) in a row.*\.jpg",
        log,
    )
    assert bad == [("5", "1"), ("6", "2"), ("7", "3"), ("8", "4"), ("9", "5")]
    assert "no checkpoint at step 6" in log
    assert "back to the last good state, of step 3, with 0.5 times the learning rate" in log
    rates = [
        float(rate)
        for rate in re.findall(r"train epoch=2/4 step=4/12 .*learning_rate=([\d.e-]+)", log)
    ]
    assert len(rates) == 2 and rates[1] == pytest.approx(rates[0] / 2, rel=1e-4)
    code, log = run(dataset, struck, "BREAK@step:5,KILL@step:15", epochs=4)
    assert code == KILLED, log[-3000:]
    log = finish(dataset, struck, epochs=4)
    assert "back to the last good state" not in log and "resumed at step 6" in log
    assert fingerprints(struck) == fingerprints(alone)


def test_out_of_memory_names_the_sizes_and_auto_batch_goes_on(dataset, tmp_path):
    code, log = run(dataset, tmp_path / "plain", "OOM@step:1")
    assert code == 6
    assert log.splitlines()[-1] == (
        "ERROR RESOURCE: expected memory for a step with train_batch_size=4 at image_size=64x64, found too little; use a "
        "smaller train_batch_size or image_size, or add --auto_batch=True, which sees them in several passes"
    )
    code, log = run(dataset, tmp_path / "auto", "OOM@step:1,KILL@step:6", "--auto_batch=True")
    assert code == KILLED, log[-3000:]
    assert (
        "out of memory with 4 pictures of 64x64 at a time: auto_batch goes on from step 0 with 2 at a time, 2 times for "
        "each step, so that a step still learns from 4"
    ) in log
    code, log = run(dataset, tmp_path / "auto", "", "--auto_batch=True")
    assert code == 0, log[-3000:]
    state = json.loads((tmp_path / "auto/job.json").read_text())
    assert state["status"] == "finished"


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory):
    """A library that makes writes to a folder fail at random, where a C compiler makes it."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler (cc) to make a disk that fails with")
    library = tmp_path_factory.mktemp("disk") / "failing_disk.so"
    subprocess.run(
        ["cc", "-O1", "-shared", "-fPIC", "-o", library, HERE / "failing_disk.c", "-ldl"],
        check=True,
    )
    return library


def test_a_job_on_a_disk_that_fails_at_random_ends_with_6_and_later_as_one_left_alone(
    dataset, uninterrupted, failing_disk, tmp_path
):
    """Case 39. Every write, flush and rename below the output folder may fail; each run goes on from what the last one left."""
    output, codes = tmp_path / "run/out", []
    for seed in range(1, FAILING_RUNS + 1):
        code, log = run(
            dataset,
            output,
            environment={
                "LD_PRELOAD": str(failing_disk),
                "FAILING_FOLDER": f"{tmp_path}/run/",
                "FAILING_PER_MILLE": "50",
                "FAILING_SEED": str(seed),
            },
        )
        codes.append(code)
        assert code in (0, RESOURCE), log[-3000:]
        if code:
            assert re.match(
                f"ERROR RESOURCE: .*{tmp_path}.*Input/output error", log.splitlines()[-1]
            ), log[-2000:]
            assert "Traceback" not in log, log
        else:
            assert fingerprints(output) == uninterrupted
            shutil.rmtree(output)
    assert RESOURCE in codes
    finish(dataset, output)
    assert fingerprints(output) == uninterrupted


MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def small_memory():
    """A group of processes that the system kills when they hold more than 1.2 GB, also where there is swap; only root can make one."""
    group = MEMORY_GROUPS / f"survival-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("1200000000")
        (group / "memory.swappiness").write_text("0")
    except OSError as error:
        pytest.skip(f"needs root and control groups of memory ({error})")
    yield group
    group.rmdir()


def test_a_job_killed_for_its_memory_goes_on_in_the_same_folder_with_fewer_pictures_at_a_time(
    dataset, tmp_path, small_memory
):
    """Case 41. The system's own kill: 137 in a shell, no message. The checkpoint before is whole and is gone on from."""
    large = HPARAMS.replace("image_size=64", "image_size=384") + ",num_steps=2"
    batch = "--train_batch_size=12"
    code, log = run(dataset, tmp_path, "KILL@evaluate:1", batch, hparams=large)
    assert (code, checkpoints.steps_in(tmp_path)) == (KILLED, [1]), log[-3000:]
    code, log = run(dataset, tmp_path, "", batch, hparams=large, group=small_memory)
    assert (code, checkpoints.steps_in(tmp_path)) == (KILLED, [1]), log[-3000:]
    code, log = run(
        dataset,
        tmp_path,
        "",
        "--train_batch_size=1",
        "--gradient_accumulation_steps=12",
        hparams=large,
        group=small_memory,
    )
    assert code == 0 and "resumed at step 1" in log, log[-3000:]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4.5 MB, and a function that makes it large; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        return subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0

    if os.geteuid() or not mount("-t", "tmpfs", "-o", "size=4500k", "tmpfs", str(folder)):
        pytest.skip("needs root and the right to mount a tmpfs")
    yield folder, lambda: mount("-o", "remount,size=50m", str(folder))
    subprocess.run(["umount", folder], check=True)


def test_a_job_whose_disk_is_full_ends_with_6_and_goes_on_when_there_is_room(
    dataset, uninterrupted, small_disk
):
    folder, enlarge = small_disk
    code, log = run(dataset, folder / "out")
    assert code == 6, log[-3000:]
    assert re.match(
        r"ERROR RESOURCE: checkpoint .*/out/model.ckpt-6: expected to write \d+ bytes, found \d+ bytes free",
        log.splitlines()[-1],
    )
    assert checkpoints.steps_in(folder / "out") == [3]
    assert not (folder / "out/model").exists()
    assert enlarge()
    assert "resumed at step 3" in finish(dataset, folder / "out")
    assert fingerprints(folder / "out") == uninterrupted
