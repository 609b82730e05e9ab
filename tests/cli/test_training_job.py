"""How a training job begins: places from the environment, and what is said before TensorFlow."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from algorithm import train
from algorithm.cli.verbs.training_job import with_places
from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.training.devices import onednn

PROJECT = Path(__file__).parents[2]
# Runs a job in a process that may not wait for TensorFlow nor look for weights.
QUICK = """
import sys
class Refuse:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise AssertionError(f"{name} was imported")
        if name.startswith("algorithm.models"):
            raise AssertionError(f"{name} was imported: weights were looked up")
sys.meta_path.insert(0, Refuse())
from algorithm.train import main
code = main(sys.argv[1:])
assert "tensorflow" not in sys.modules
sys.exit(code)
"""


def quick(*argv: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", QUICK, *argv],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    print(f"{time.monotonic() - begun:.2f} s: {done.stderr.splitlines()[-1]}")
    return done


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_sample_dataset(tmp_path_factory.mktemp("data"), count=4, seed=1, size=64)


@pytest.fixture
def no_folder(tmp_path):
    """A train_url that no user can write, root included: a folder inside a file."""
    (tmp_path / "file").write_text("x")
    return tmp_path / "file" / "out"


def test_what_is_wrong_is_said_before_anything_slow_in_this_order(dataset, no_folder, tmp_path):
    good, bad = f"--data_url={dataset}", "--data_url=nowhere/set"
    usable, unusable = f"--train_url={tmp_path / 'out'}", f"--train_url={no_folder}"
    wrong = "--num_epochs=three"
    for flags, code, words in (
        ((bad, unusable, wrong), 3, "ERROR DATA: data_url: expected a dataset, found nothing at "),
        ((bad, usable), 3, "ERROR DATA: data_url: expected a dataset, found nothing at "),
        ((good, unusable, wrong), 4, "ERROR STORAGE: train_url: expected a folder that can be"),
        ((good, unusable), 4, "ERROR STORAGE: train_url: expected a folder that can be written"),
        ((good, usable, wrong), 2, "ERROR ARGUMENT: --num_epochs: "),
        ((usable,), 2, "ERROR ARGUMENT: --data_url: expected a value, found none"),
        ((good,), 2, "ERROR ARGUMENT: --train_url: expected a value, found none"),
    ):
        done = quick(*flags, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        assert done.stderr.splitlines()[-1].startswith(words)


def test_a_wrong_place_is_told_with_the_nearest_that_exists(tmp_path):
    (tmp_path / "set").mkdir()
    done = quick("--data_url=set/train/pictures", "--train_url=out", cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == (
        "ERROR DATA: data_url: expected a dataset, found nothing at set/train/pictures; check the "
        f"path (the nearest folder that exists is {tmp_path / 'set'})"
    )
    assert json.loads((tmp_path / "out/failure.json").read_text("utf-8"))["exit_code"] == 3


def test_an_empty_folder_is_no_dataset(tmp_path):
    (tmp_path / "set").mkdir()
    done = quick("--data_url=set", "--train_url=out", cwd=tmp_path)
    assert done.returncode == 3
    assert "found the empty folder set; check the path" in done.stderr


def test_places_come_from_the_variables_of_their_names(dataset, tmp_path):
    done = quick(
        "--num_epochs=three", cwd=tmp_path, data_url=str(dataset), train_url=str(tmp_path / "out")
    )
    assert done.returncode == 2
    assert f"data_url={dataset}, from the environment variable data_url" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ERROR ARGUMENT: --num_epochs: ")
    assert (tmp_path / "out/failure.json").is_file()


@pytest.mark.parametrize(
    ("argv", "environment", "added"),
    [
        ([], {"data_url": "/in"}, ["--data_url=/in"]),
        (["--data_url="], {"data_url": "/in"}, ["--data_url=/in"]),
        (["--data_url=/flag"], {"data_url": "/in"}, []),
        (["--data_url", "/flag"], {"data_url": "/in"}, []),
        ([], {"DATA_URL": "/in", "Data_Url": "/in"}, []),
        ([], {"data_url": ""}, []),
        (
            [],
            {"train_url": "/out", "DLS_TRAIN_URL": "s3://b/out", "DLS_DATA_URL": "s3://b/in"},
            ["--data_url=s3://b/in", "--train_url=/out"],
        ),
        (["--num_gpus=0"], {"num_gpus": "8"}, []),
    ],
)
def test_a_flag_wins_over_the_environment_and_case_counts(argv, environment, added):
    assert with_places(argv, environment) == [*argv, *added]


@pytest.fixture
def run_jobs(monkeypatch):
    """The jobs that were run; none is in earnest, and none looks for weights."""
    seen = []
    monkeypatch.setattr("algorithm.cli.verbs.training_job.check_start", lambda hp: None)
    job = type(sys)("algorithm.jobs.job")
    job.run = lambda hyperparameters: seen.append(hyperparameters) or 0
    monkeypatch.setitem(sys.modules, "algorithm.jobs.job", job)
    monkeypatch.setattr("algorithm.jobs.job", job, raising=False)
    for name in ("MA_JOB_DIR", "DLS_TASK_NUMBER", "data_url", "train_url"):
        monkeypatch.delenv(name, raising=False)
    return seen


def test_onednn_is_on_when_the_look_for_weights_imports_tensorflow(
    dataset, run_jobs, monkeypatch, tmp_path
):
    """With pretrained=auto TensorFlow came first, and a job went without oneDNN."""
    cpuinfo, seen = tmp_path / "cpuinfo", []
    cpuinfo.write_text("flags : avx2")
    monkeypatch.setattr(onednn, "_CPUINFO", cpuinfo)
    monkeypatch.delenv(onednn.VARIABLE, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(
        "algorithm.cli.verbs.training_job.check_start",
        lambda hp: seen.append(os.environ.get(onednn.VARIABLE)),
    )
    assert train.main([f"--data_url={dataset}", f"--train_url={tmp_path / 'out'}"]) == 0
    assert (seen, len(run_jobs)) == (["1"], 1)


@pytest.mark.parametrize(
    ("platform", "checkpoint", "mode", "told"),
    [
        (True, False, "train", True),
        (True, False, "train_and_eval", True),
        (True, False, "eval", False),
        (True, True, "train", False),
        (False, False, "train", False),
    ],
)
def test_a_fresh_start_on_the_platform_says_what_resuming_needs(
    platform, checkpoint, mode, told, dataset, tmp_path, caplog, monkeypatch, run_jobs
):
    if platform:
        monkeypatch.setenv("MA_JOB_DIR", "/home/ma-user/modelarts/user-job-dir")
    if checkpoint:
        (tmp_path / "checkpoint").write_text("")
    with caplog.at_level("INFO", "algorithm"):
        code = train.main([f"--data_url={dataset}", f"--train_url={tmp_path}", f"--mode={mode}"])
    assert code == 0 and len(run_jobs) == 1
    assert ("set Predownload (预下载至本地目录)" in caplog.text) == told


def test_a_worker_that_writes_nothing_needs_no_train_url(dataset, no_folder, run_jobs):
    others = ["--worker_hosts=a:1,b:1", f"--data_url={dataset}", f"--train_url={no_folder}"]
    assert train.main(["--task_index=1", *others]) == 0
    assert train.main(["--task_index=0", *others]) == 4
    assert train.main(["--task_index=0", "--job_name=ps", *others]) == 0


def test_a_pattern_of_records_is_a_data_url(tmp_path, run_jobs):
    (tmp_path / "train-00000-of-00001").write_bytes(b"x")
    out = f"--train_url={tmp_path / 'out'}"
    assert train.main([f"--data_url={tmp_path}/train-*", out]) == 0
    assert train.main([f"--data_url={tmp_path}/val-*", out]) == 3
