"""Who the workers of a job are: both generations of the platform, flags, TF_CONFIG; and what is wrong with them, in words."""

import json
import socket
import threading
import time

import pytest

from algorithm.errors import ArgumentError, PlatformError
from algorithm.modelarts.hosts import Cluster, find_cluster, wait_for_workers

NEWER = {
    "VC_WORKER_HOSTS": "job-worker-0.job,job-worker-1.job",
    "VC_TASK_INDEX": "1",
    "MA_NUM_HOSTS": "2",
}
OLDER = {
    "BATCH_CUSTOM0_HOSTS": "a:2222",
    "BATCH_CUSTOM1_HOSTS": "b:2223",
    "DLS_TASK_INDEX": "0",
    "DLS_TASK_NUMBER": "2",
}


@pytest.mark.parametrize(("environment", "addresses", "index"), [
    (NEWER, ("job-worker-0.job:6666", "job-worker-1.job:6666"), 1),
    (OLDER, ("a:2222", "b:2223"), 0),
    ({"TF_CONFIG": json.dumps({"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}})}, ("a:1", "b:2"), 1),
    ({"TF_CONFIG": json.dumps({"cluster": {"chief": ["c:9"], "worker": ["a:1"]}, "task": {"type": "worker", "index": 0}})},
     ("c:9", "a:1"), 1),
])  # fmt: skip
def test_the_workers_are_found_where_each_platform_writes_them(environment, addresses, index):
    cluster = find_cluster("", None, environment)
    assert (cluster.addresses, cluster.index) == (addresses, index)
    assert json.loads(cluster.tf_config) == {
        "cluster": {"worker": list(addresses)},
        "task": {"type": "worker", "index": index},
    }


@pytest.mark.parametrize("environment", [
    {}, {"VC_WORKER_HOSTS": "only.one", "VC_TASK_INDEX": "0", "MA_NUM_HOSTS": "1"}, {"MA_NUM_HOSTS": "1"},
    {"BATCH_CUSTOM0_HOSTS": "a:2222", "DLS_TASK_INDEX": "0", "DLS_TASK_NUMBER": "1"},
])  # fmt: skip
def test_one_machine_is_no_cluster(environment):
    assert find_cluster("", None, environment) is None


def test_flags_come_before_the_environment():
    assert find_cluster("x:1,y:2", 0, NEWER).addresses == ("x:1", "y:2")
    assert find_cluster("x:1,y:2", None, NEWER).index == 1


@pytest.mark.parametrize(("hosts", "index", "environment", "text"), [
    ("a:1,a:1", 0, {}, "--worker_hosts: expected each worker once, found a:1 more than once"),
    ("a:1,b:2", 2, {}, "--task_index: expected the number of this worker, 0 to 1, found '2'"),
    ("a:1,b:2", None, {}, "--task_index: expected the number of this worker, 0 to 1, found ''"),
    ("a:1,b 2", 0, {}, "--worker_hosts: expected host or host:port, found 'b 2'"),
    ("a:1,b:99999", 0, {}, "expected host or host:port, found 'b:99999'"),
    ("", None, {**NEWER, "MA_NUM_HOSTS": "3"}, "VC_WORKER_HOSTS: expected 3 workers, found 2"),
    ("", None, {"MA_NUM_HOSTS": "2"}, r"VC_WORKER_HOSTS: expected 2 workers, found 0 \(none\)"),
    ("", None, {**OLDER, "BATCH_CUSTOM3_HOSTS": "d:1"}, "BATCH_CUSTOM2_HOSTS: expected the address of worker 2, found none"),
    ("", None, {"TF_CONFIG": "{}"}, "TF_CONFIG: expected JSON with cluster.worker"),
])  # fmt: skip
def test_what_is_wrong_with_the_workers_is_named(hosts, index, environment, text):
    with pytest.raises(ArgumentError, match=text):
        find_cluster(hosts, index, environment)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return tuple(f"127.0.0.1:{port}" for port in ports)


def test_workers_that_come_one_after_another_find_each_other():
    addresses = free_ports(3)
    done = []

    def worker(index):
        time.sleep(0.4 * index)
        wait_for_workers(Cluster(addresses, index, "test"), patience=20)
        done.append(index)

    threads = [threading.Thread(target=worker, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == [0, 1, 2]


def test_a_worker_that_does_not_come_and_a_name_that_is_none_are_named(caplog):
    addresses = (*free_ports(2), "no-such-host.invalid:6666")
    with pytest.raises(
        PlatformError,
        match=r"test: expected to reach 2 other worker\(s\) within 0.5 s, found none at ",
    ) as raised:
        wait_for_workers(Cluster(addresses, 0, "test"), patience=0.5)
    assert f"{addresses[1]} (Connection refused)" in str(
        raised.value
    ) and "no-such-host.invalid:6666 (" in str(raised.value)


def test_an_address_in_use_is_named():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        cluster = Cluster((f"127.0.0.1:{port}", "127.0.0.1:1"), 0, "--worker_hosts")
        with pytest.raises(
            PlatformError,
            match=f"worker 0: expected to listen at 127.0.0.1:{port}, found Address already in use",
        ):
            wait_for_workers(cluster, patience=0.1)
