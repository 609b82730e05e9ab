"""The job, with a smaller network, with data and train_url in a store: resumed from there, whatever happens to the machine."""

import hashlib
import json
import os
import re
import signal
import threading
from pathlib import Path

import pytest
from forked_job import SmallJob

from algorithm import storage
from algorithm.data.synthetic.scenes import write_sample_dataset

HPARAMS = "moving_average_decay=0,image_size=64,learning_rate=0.08,log_every_steps=1,keep_checkpoint_max=2,max_detections=10"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A manifest on the local disk."""
    return write_sample_dataset(tmp_path_factory.mktemp("data"), count=15, seed=1, size=96)


def put_dataset(manifest, url):
    """The dataset in a store, its manifest with obs:// sources; the address of the manifest."""
    storage.sync(str(manifest.parent), f"{url}/data")
    lines = []
    for line in manifest.read_text(encoding="utf-8").splitlines():
        sample = json.loads(line)
        sample["source"] = f"{url}/data/{sample['source']}"
        for each in sample["annotation"]:
            each["annotation-loc"] = f"{url}/data/{each['annotation-loc']}"
        lines.append(json.dumps(sample))
    storage.write_bytes(f"{url}/set/V001.manifest", "\n".join(lines).encode())
    return f"{url}/set/V001.manifest"


def command(data, output, *more, epochs=2, strikes=""):
    return strikes, [
        f"--data_url={data}",
        f"--train_url={output}",
        "--mode=train_and_eval",
        "--model_name=efficientdet-lite0",
        "--train_batch_size=4",
        "--eval_batch_size=2",
        f"--num_epochs={epochs}",
        "--pretrained=none",
        "--do_data_cleaning=False",
        f"--hparams={HPARAMS}",
        *more,
    ]


def on_machine(folder):
    """The environment of a machine whose scratch disk is `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        **os.environ,
        "TMPDIR": str(folder),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "SMALL_JOB": "eager,busy",
    }


def stop_at(words, sign, arguments, environment):
    """Starts a job, sends the signal when a line of its log has these words; its exit code and its log."""
    with SmallJob(*arguments, environment) as process:
        log = []
        for line in process.stdout:
            log.append(line)
            if words in line and sign:
                process.send_signal(sign)
                sign = None
        return process.wait(300), "".join(log)


@pytest.mark.slow
def test_a_job_stopped_on_one_machine_goes_on_on_another(pictures, plain, tmp_path, server):
    data, url = put_dataset(pictures, plain), f"{plain}/输出 1"
    code, log = stop_at(
        "step=4/6", signal.SIGTERM, command(data, url), on_machine(tmp_path / "one")
    )
    assert code == 143, log
    assert storage.exists(f"{url}/checkpoint") and storage.exists(f"{url}/mirror.json")
    assert not storage.exists(f"{url}/lease.json")
    results = f"{plain}/results"
    code, log = stop_at(
        "", None, command(data, url, f"--deps_save_path={results}"), on_machine(tmp_path / "two")
    )
    assert code == 0, log
    assert int(re.search(r"resumed at step (\d), in epoch", log)[1]) >= 4
    assert {"saved_model.pb", "index", "config.json"} <= set(storage.children(f"{url}/model")[1])
    assert json.loads(storage.read_bytes(f"{url}/job.json"))["status"] == "finished"
    assert storage.size_of(f"{results}/metrics.json")
    assert list((tmp_path / "two").iterdir()) == []
    code, log = stop_at("", None, command(data, url), on_machine(tmp_path / "three"))
    assert (code, "finished; nothing to do" in log) == (0, True), log
    assert server_secret_is_nowhere(log, server, plain)


def server_secret_is_nowhere(log, server, bucket):
    kept = b"".join(server.objects(bucket.removeprefix("obs://")).values())
    return "test-secret-never-shown" not in log and b"test-secret-never-shown" not in kept


@pytest.mark.slow
@pytest.mark.soak
def test_a_student_learns_from_the_teacher_that_a_job_left_in_the_store(pictures, plain, tmp_path):
    data = put_dataset(pictures, plain)
    code, log = stop_at(
        "",
        None,
        command(data, f"{plain}/教师", "--export_teacher_model=True", epochs=1),
        on_machine(tmp_path / "one"),
    )
    assert code == 0, log
    assert {"teacher.json", "teacher.pb"} <= set(storage.children(f"{plain}/教师/model/frozen")[1])
    wrong = command(
        data, f"{plain}/none", "--use_offline_kd=True", f"--teacher_model_url={plain}/教师"
    )
    code, log = stop_at("", None, wrong, on_machine(tmp_path / "two"))
    assert code == 3 and f"found the job's folder {plain}/教师; give {plain}/教师/model" in log, log
    student = command(
        data, f"{plain}/student", "--use_offline_kd=True", f"--teacher_model_url={plain}/教师/model"
    )
    code, log = stop_at("step=4/6", signal.SIGTERM, student, on_machine(tmp_path / "three"))
    assert code == 143, log
    code, log = stop_at("", None, student, on_machine(tmp_path / "four"))
    assert code == 0 and int(re.search(r"resumed at step (\d), in epoch", log)[1]) >= 4, log
    assert (
        "offline distillation (plain): teacher efficientdet-lite0 at 64x64; it speaks for 100.0 %"
        in log
    )
    assert re.search(r"step=6/6 .* loss_soft_cls=[\d.e-]+ loss_soft_box=[\d.e-]+", log)
    assert {"saved_model.pb", "config.json"} <= set(storage.children(f"{plain}/student/model")[1])
    assert all(list((tmp_path / machine).iterdir()) == [] for machine in ("one", "four"))


@pytest.mark.slow
def test_a_killed_job_goes_on_on_the_same_machine_and_fetches_nothing_twice(
    pictures, line, tmp_path
):
    data, url, machine = (
        put_dataset(pictures, line.bucket),
        f"{line.bucket}/out",
        on_machine(tmp_path / "one"),
    )
    code, log = stop_at("step=5/6", signal.SIGKILL, command(data, url), machine)
    assert code == -signal.SIGKILL, log
    line.requests.clear()
    code, log = stop_at("", None, command(data, url), machine)
    assert code == 0, log
    assert re.search(r"resumed at step [345], in epoch", log), log
    assert not [each for each in line.requests if each.startswith("GET") and ".jpg" in each]
    assert [each for each in line.requests if each.startswith("HEAD") and ".jpg" in each]
    assert (
        "to see whether it is alive" not in log
    )  # a lease of a process that is gone is not waited for


@pytest.mark.slow
@pytest.mark.soak
def test_a_store_that_stays_away_fails_the_job_at_its_end_and_its_files_are_kept(
    pictures, line, tmp_path
):
    machine = {**on_machine(tmp_path / "one"), "S3_RETRY_SECONDS": "1"}
    arguments = command(pictures, f"{line.bucket}/out")
    with SmallJob(*arguments, machine) as process:
        log = []
        for text in process.stdout:
            log.append(text)
            if "step=2/6" in text:
                line.refuse = True
                line.cut_all()
        assert process.wait(300) == 4, "".join(log)
    last = log[-1]
    assert (
        last.startswith("ERROR STORAGE: could not") and "What this job made is kept in" in last
    ), log[-5:]
    kept = Path(re.search(r"is kept in (\S+):", last)[1])
    assert json.loads((kept / "job.json").read_text())["status"] == "finished"
    line.refuse = False
    code, text = stop_at("", None, arguments, machine)
    assert code == 0 and "finished; nothing to do" in text, text
    assert storage.size_of(f"{line.bucket}/out/model/saved_model.pb")


LEARNED = re.compile(
    r"(archive/)?model\.ckpt-\d+\.data.*|model/variables/variables\.data.*|metrics\.json"
)


def learned(url):
    """SHA-256 of all that was learned and measured, by name."""
    files = {each.url.removeprefix(f"{url}/"): each.url for each in storage.list_files(str(url))}
    return {
        name: hashlib.sha256(storage.read_bytes(place)).hexdigest()
        for name, place in files.items()
        if LEARNED.fullmatch(name)
    }


@pytest.fixture(scope="module")
def alone(pictures, tmp_path_factory):
    """What a job learns that nothing happens to."""
    folder = tmp_path_factory.mktemp("alone")
    code, log = stop_at("", None, command(pictures, folder / "out"), on_machine(folder / "scratch"))
    assert code == 0, log
    assert len(found := learned(folder / "out")) == 5
    return found


@pytest.mark.slow
@pytest.mark.soak
def test_a_job_stopped_while_it_uploads_leaves_a_whole_copy_and_goes_on(
    pictures, alone, plain, tmp_path
):
    """Case 35."""
    url = f"{plain}/out"
    code, log = stop_at(
        "", None, command(pictures, url, strikes="TERM@send:2"), on_machine(tmp_path / "one")
    )
    assert code == 143, log
    assert log.splitlines()[-1].startswith("ERROR STOPPED: stopped on request")
    assert storage.exists(f"{url}/mirror.json") and not storage.exists(f"{url}/lease.json")
    code, log = stop_at("", None, command(pictures, url), on_machine(tmp_path / "two"))
    assert code == 0 and "is left out" not in log, log
    assert learned(url) == alone


@pytest.mark.slow
@pytest.mark.soak
def test_a_store_that_is_lost_for_a_while_and_then_busy_changes_nothing(
    pictures, alone, line, tmp_path
):
    """Cases 27 and 28. While it is away every copy fails; the job trains on, and at its end everything is there."""
    machine = {**on_machine(tmp_path / "one"), "S3_RETRY_SECONDS": "1"}
    with SmallJob(*command(pictures, f"{line.bucket}/out"), machine) as process:
        log = []
        for text in process.stdout:
            log.append(text)
            if "step=1/6" in text:
                line.refuse = True
                line.cut_all()
            if "the job goes on, the next try is in" in text and line.refuse:
                line.add(line.Fault("busy", times=4))
                threading.Timer(0.5, setattr, (line, "refuse", False)).start()
        assert process.wait(300) == 0, "".join(log)
    assert "the job goes on, the next try is in" in "".join(log)
    assert learned(f"{line.bucket}/out") == alone
