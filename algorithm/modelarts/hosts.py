"""The machines of a job that runs on several.

Who are they, which of them is this, and can they be reached?
"""

from __future__ import annotations

import concurrent.futures
import json
import logging
import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from algorithm.errors import ArgumentError, PlatformError

DEFAULT_PORT = 6666  # the platform's port
PATIENCE = 120.0  # seconds for all workers to appear: they are started one after another
_ATTEMPT, _PAUSE, _NOTICE = 2.0, 0.5, 5.0
_log = logging.getLogger("algorithm")


@dataclass(frozen=True)
class Cluster:
    """The machines of a job.

    Attributes:
        addresses: "host:port" of every worker, the chief first.
        index: Which of them this process is.
        source: Where the addresses were found, for messages.
    """

    addresses: tuple[str, ...]
    index: int
    source: str

    @property
    def tf_config(self) -> str:
        """TF_CONFIG as TensorFlow reads it."""
        return json.dumps(
            {
                "cluster": {"worker": list(self.addresses)},
                "task": {"type": "worker", "index": self.index},
            }
        )


def find_cluster(
    worker_hosts: str, task_index: int | None, environment: Mapping[str, str]
) -> Cluster | None:
    """Find the workers of this job.

    They are looked for in this order:

    1. --worker_hosts and --task_index;
    2. VC_WORKER_HOSTS, VC_TASK_INDEX, MA_NUM_HOSTS (newer jobs);
    3. BATCH_CUSTOMn_HOSTS, DLS_TASK_INDEX, DLS_TASK_NUMBER (older jobs);
    4. TF_CONFIG.

    Args:
        worker_hosts: The value of --worker_hosts, "" where it is not given.
        task_index: The value of --task_index, None where it is not given.
        environment: os.environ, or another one.

    Returns:
        The workers, or None when the job runs on one machine alone.

    Raises:
        ArgumentError: A host is missing, named twice, or not written as host or host:port; the
            message names it.
    """
    if worker_hosts:
        index = (
            environment.get("VC_TASK_INDEX", "") or environment.get("DLS_TASK_INDEX", "")
            if task_index is None
            else task_index
        )
        return _cluster(worker_hosts.split(","), index, None, "--worker_hosts", "--task_index")
    newer, older = _newer_job(environment), _older_job(environment)
    return newer or older or _tensorflow_job(environment)


def _newer_job(environment: Mapping[str, str]) -> Cluster | None:
    count = environment.get("MA_NUM_HOSTS") or environment.get("VC_WORKER_NUM") or ""
    hosts = [host for host in environment.get("VC_WORKER_HOSTS", "").split(",") if host]
    if not hosts and count in ("", "1"):
        return None
    return _cluster(
        hosts, environment.get("VC_TASK_INDEX", ""), count, "VC_WORKER_HOSTS", "VC_TASK_INDEX"
    )


def _older_job(environment: Mapping[str, str]) -> Cluster | None:
    numbered = {
        int(match[1]): environment[name]
        for name in environment
        if (match := re.fullmatch(r"BATCH_CUSTOM(\d+)_HOSTS", name))
    }
    count = environment.get("DLS_TASK_NUMBER", "")
    if not numbered and count in ("", "1"):
        return None
    gaps = sorted(set(range(max(numbered, default=-1) + 1)) - set(numbered))
    if gaps:
        raise ArgumentError(
            f"BATCH_CUSTOM{gaps[0]}_HOSTS: expected the address of worker {gaps[0]}, found none"
        )
    return _cluster(
        [numbered[number] for number in sorted(numbered)],
        environment.get("DLS_TASK_INDEX", ""),
        count,
        "BATCH_CUSTOMn_HOSTS",
        "DLS_TASK_INDEX",
    )


def _tensorflow_job(environment: Mapping[str, str]) -> Cluster | None:
    text = environment.get("TF_CONFIG", "")
    if not text:
        return None
    try:
        config = json.loads(text)
        workers = [*config["cluster"].get("chief", []), *config["cluster"].get("worker", [])]
        index = config["task"]["index"] + (
            len(config["cluster"].get("chief", [])) if config["task"]["type"] == "worker" else 0
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArgumentError(
            "TF_CONFIG: expected JSON with cluster.worker, task.type and task.index, found "
            f"{text!r}"
        ) from error
    return _cluster(workers, index, None, "TF_CONFIG", "TF_CONFIG")


def _cluster(
    hosts: Sequence[str], index: str | int, count: str | None, source: str, index_source: str
) -> Cluster | None:
    addresses = [_address(host.strip(), source) for host in hosts]
    twice = sorted({address for address in addresses if addresses.count(address) > 1})
    if twice:
        raise ArgumentError(
            f"{source}: expected each worker once, found {', '.join(twice)} more than once; give "
            "each its own host or port"
        )
    if count and count.isdigit() and int(count) != len(addresses):
        raise ArgumentError(
            f"{source}: expected {count} workers, found {len(addresses)} "
            f"({', '.join(addresses) or 'none'})"
        )
    if len(addresses) == 1:
        return None
    if not str(index).isdigit() or int(index) >= len(addresses):
        raise ArgumentError(
            f"{index_source}: expected the number of this worker, 0 to {len(addresses) - 1}, "
            f"found {str(index)!r}"
        )
    return Cluster(tuple(addresses), int(index), source)


def _address(host: str, source: str) -> str:
    match = re.fullmatch(r"(?:[a-z]+://)?([^\s:/]+)(?::(\d{1,5}))?", host)
    if not match or match[2] and not 0 < int(match[2]) < 65536:
        raise ArgumentError(f"{source}: expected host or host:port, found {host!r}")
    return f"{match[1]}:{match[2] or DEFAULT_PORT}"


def wait_for_workers(cluster: Cluster, patience: float = PATIENCE) -> None:
    """Wait until every worker has reached this one and this one has reached all.

    TensorFlow itself would wait for a missing worker without a word. What is missing is logged
    after 5 seconds.

    Args:
        cluster: The workers.
        patience: Seconds to wait at most.

    Raises:
        PlatformError: This address cannot be used, or some worker did not appear; the message names
            them.
    """
    others = {
        index: address for index, address in enumerate(cluster.addresses) if index != cluster.index
    }
    unreached, unseen, begun, noticed = dict(others), set(others), time.monotonic(), False
    with _listening(cluster) as server:
        while unreached or unseen:
            reasons = _call(unreached, cluster.index)
            unreached = {index: address for index, address in unreached.items() if reasons[index]}
            unseen -= _callers(server)
            missing = "; ".join(
                f"{others[index]} ({reasons.get(index) or 'it did not call'})"
                for index in sorted({*unreached, *unseen})
            )
            waited = time.monotonic() - begun
            if missing and waited > patience:
                raise PlatformError(
                    f"{cluster.source}: expected to reach {len(others)} other worker(s) within "
                    f"{patience:g} s, found none at {missing}; start the job on all of them, and "
                    "look at names and open ports"
                )
            if missing and waited > _NOTICE and not noticed:
                _log.warning("worker %d waits for %s", cluster.index, missing)
                noticed = True


def _listening(cluster: Cluster) -> socket.socket:
    host, _, port = cluster.addresses[cluster.index].rpartition(":")
    try:
        family = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0][0]
        server = socket.create_server(
            ("", int(port)), family=family, backlog=len(cluster.addresses)
        )
    except OSError as error:
        raise PlatformError(
            f"worker {cluster.index}: expected to listen at {host}:{port}, found "
            f"{error.strerror or error}; look whether another worker has the same number, and at "
            f"{cluster.source}"
        ) from error
    server.settimeout(_PAUSE)
    return server


def _call(addresses: Mapping[int, str], own: int) -> dict[int, str]:
    """Say `own` number at each address, and return why that failed, "" where it did not."""
    if not addresses:
        return {}
    with concurrent.futures.ThreadPoolExecutor(len(addresses)) as pool:
        return dict(
            zip(
                addresses,
                pool.map(_reason, addresses.values(), [own] * len(addresses)),
                strict=True,
            )
        )


def _reason(address: str, own: int) -> str:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_ATTEMPT) as connection:
            connection.sendall(f"{own}\n".encode())
    except OSError as error:
        return str(error.strerror or error)
    return ""


def _callers(server: socket.socket) -> set[int]:
    """Return the numbers of the workers that call within a moment."""
    numbers = set()
    try:
        while True:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(_ATTEMPT)
                word = connection.makefile("rb").readline(16).strip()
            numbers |= {int(word)} if word.isdigit() else set()
    except OSError:  # nobody else calls for now
        return numbers
