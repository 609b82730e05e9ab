"""One flag, other devices: the same mathematics, workers that find each other, end together and go on together."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from forked_job import SmallJob

from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.errors import ArgumentError, PlatformError
from algorithm.modelarts.hosts import Cluster
from algorithm.training.devices.devices import Devices, open_devices

TESTS = Path(__file__).resolve().parents[1]
PAIR = Cluster(("a:1", "b:2"), 0, "--worker_hosts")


@pytest.mark.slow
@pytest.mark.soak
def test_two_replicas_of_four_pictures_are_one_of_eight(tmp_path):
    """Within the noise of float32: what another order of the pictures in a batch changes, too. Both kinds of online distillation as well."""
    found = tmp_path / "found.json"
    subprocess.run(
        [sys.executable, str(TESTS / "training/replicas.py"), str(found)], check=True, timeout=1200
    )
    found = json.loads(found.read_text())
    assert found["traces"] == 1
    assert found["losses"] < max(1e-5, 5 * found["noise_losses"]) and found["losses"] < 5e-3
    assert found["weights"] < max(1e-4, 5 * found["noise_weights"]) and found["weights"] < 5e-2
    assert found["peer"] < 1e-3 and found["own_peer"] < 1e-3 and found["masks"] < 1e-3


def ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return ",".join(addresses)


def two_workers(data, output, strikes=("", "")):
    """Exit codes and logs of a job of two processes with two pictures each a step."""
    hosts = ports(2)
    flags = [
        f"--data_url={data}",
        f"--train_url={output}",
        "--mode=train_and_eval",
        "--model_name=efficientdet-lite0",
        "--train_batch_size=2",
        "--eval_batch_size=2",
        "--num_epochs=2",
        "--pretrained=none",
        "--do_data_cleaning=False",
        "--hparams=moving_average_decay=0,image_size=64,learning_rate=0.32,log_every_steps=1",
        f"--worker_hosts={hosts}",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    processes = [
        SmallJob(strike, [*flags, f"--task_index={number}"], environment)
        for number, strike in enumerate(strikes)
    ]
    try:
        logs = [process.read(900)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], logs


@pytest.mark.slow
@pytest.mark.soak
def test_two_processes_train_one_model_stop_together_on_request_end_together_and_both_go_on(
    tmp_path,
):
    data = write_sample_dataset(tmp_path / "data", count=15, seed=1, size=96)
    output = tmp_path / "out"
    codes, logs = two_workers(data, output, ("", "TERM@step:2"))
    assert codes == [143, 143], logs[0][-3000:] + logs[1][-3000:]
    assert all("stopped on request at step 2" in log for log in logs)
    codes, logs = two_workers(data, output, ("", "KILL@step:3"))
    assert "resumed at step 2, in epoch 1" in logs[0]
    assert codes == [4, -9], logs[0][-3000:]
    assert "expected all workers to go on, found one of them gone" in logs[0]
    assert json.loads((output / "failure.json").read_text())["kind"] == "PLATFORM"
    codes, logs = two_workers(data, output)
    assert codes == [0, 0], logs[0][-3000:] + logs[1][-3000:]
    assert "multi_worker, 2 replica(s)" in logs[0] and "resumed at step 3, in epoch 2" in logs[0]
    assert "train epoch=" not in logs[1] and "worker 1 follows" in logs[1]
    assert (output / "model/saved_model.pb").is_file() and not (output / "failure.json").exists()


@pytest.mark.parametrize(("strategy_type", "num_gpus", "tpu", "cluster", "text"), [
    ("auto", 2, "", None, r"num_gpus: expected 2 GPU\(s\), found 0 that TensorFlow "
     r"can use; give num_gpus=0 to train on the CPU, choose a flavor with 2 GPU\(s\), or, where"),
    ("tpu", 0, "", None, "strategy_type=tpu: expected the name of a TPU in --tpu, found none"),
    ("multi_worker_gpu", 0, "", None, "strategy_type=multi_worker_gpu: expected two workers or more, found none"),
    ("mirrored", 0, "", PAIR, "strategy_type=mirrored: expected one machine, found 2 in --worker_hosts"),
])  # fmt: skip
def test_a_choice_that_does_not_fit_what_is_there_is_refused(
    strategy_type, num_gpus, tpu, cluster, text
):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("the refusals are those of a machine without a GPU")
    with pytest.raises(ArgumentError, match=text):
        open_devices(strategy_type, num_gpus, tpu, cluster)


def test_one_device_is_its_own_chief_and_distributes_nothing():
    devices = open_devices("auto", 0, "", None)
    assert (devices.chief, devices.replicas) == (True, 1)
    assert (
        list(
            devices.distribute(
                lambda shard, replicas: tf.data.Dataset.from_tensors((*shard, replicas))
            )
        )[0][1].numpy()
        == 1
    )
    assert (
        devices.from_chief(np.float64(0.25)) == 0.25
        and devices.any(True)
        and not devices.any(False)
    )


def test_a_lost_worker_is_a_fault_of_the_platform_with_the_line_that_tells():
    error = tf.errors.UnavailableError(
        None,
        None,
        "Graph execution error:\n\nDetected at node x\nCollective ops is aborted by: Socket closed",
    )
    gone = r"worker 0 of a:1, b:2: expected all .* gone \(Collective ops is aborted by: Socket closed\)"
    watched = Devices(tf.distribute.get_strategy(), PAIR).watching()
    with pytest.raises(PlatformError, match=gone), watched:
        raise error
    with (
        pytest.raises(tf.errors.UnavailableError),
        Devices(tf.distribute.get_strategy()).watching(),
    ):
        raise error
