"""The devices that a job trains on: one device, all GPUs of a machine, several machines, a TPU.

TensorFlow's own strategies do the work.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.errors import ArgumentError, PlatformError, first_line
from algorithm.modelarts.hosts import Cluster, wait_for_workers
from algorithm.storage.atomic_files import write_bytes
from algorithm.training import stop_requests

_log = logging.getLogger("algorithm")
# The errors that TensorFlow raises when another worker is gone.
_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
_SUM = tf.distribute.ReduceOp.SUM

# Takes (number of this worker, count of workers) and the replicas of this worker; returns batches,
# each of one replica.
BatchesOf = Callable[[tuple[int, int], int], tf.data.Dataset]


@dataclass(frozen=True)
class Devices:
    """The devices that a job trains on.

    Attributes:
        strategy: TensorFlow's strategy. Detectors, optimizers and trainers are made in its scope.
        cluster: The machines, or None when there is only one.
    """

    strategy: tf.distribute.Strategy
    cluster: Cluster | None = None

    @property
    def chief(self) -> bool:
        """Whether this process writes what the job leaves.

        The others train along and write nothing.
        """
        return self.cluster is None or self.cluster.index == 0

    @property
    def replicas(self) -> int:
        """Devices that train, over all machines; each sees train_batch_size pictures at a time."""
        return self.strategy.num_replicas_in_sync

    def distribute(self, batches: BatchesOf) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """Return batches for Trainer.train_step.

        Args:
            batches: Makes the batches of one replica. It takes (number of this worker, count of
                workers) and the replicas of this worker.

        Returns:
            The dataset that `batches` makes where there is one device, else a dataset that holds a
            value for each replica.
        """
        if self.replicas == 1:
            return batches((0, 1), 1)
        workers = len(self.cluster.addresses) if self.cluster else 1
        return self.strategy.distribute_datasets_from_function(
            lambda place: batches(
                (place.input_pipeline_id, place.num_input_pipelines), self.replicas // workers
            )
        )

    def from_chief(self, value: np.ndarray) -> np.ndarray:
        """Return the chief's value on every worker. Every worker must call it.

        Args:
            value: A number or an array. All workers must know its shape and dtype.

        Returns:
            The chief's value, with the dtype and shape of `value`.
        """
        if self.cluster is None:
            return value
        own = np.asarray(value) if self.chief else np.zeros_like(value)
        return self._sum(own)

    def any(self, flag: bool) -> bool:
        """Return whether `flag` is true on some worker. Every worker must ask."""
        return flag if self.cluster is None else bool(self._sum(np.array(flag, np.int32)))

    def any_of(self, flags: Sequence[bool]) -> Sequence[bool]:
        """Return which of several flags are true on some worker, asked at once.

        Every worker must ask.
        """
        if self.cluster is None:
            return flags
        return [bool(count) for count in self._sum(np.array(flags, np.int32))]

    def _sum(self, own: np.ndarray) -> np.ndarray:
        here = iter([own])
        values = self.strategy.experimental_distribute_values_from_function(
            lambda _: tf.constant(next(here, np.zeros_like(own)))
        )
        return (
            np.asarray(self.strategy.reduce(_SUM, values, axis=None))
            .astype(own.dtype)
            .reshape(own.shape)
        )

    def copy_from_chief(self, folder: Path, names: list[str]) -> None:
        """Write files of the chief's folder into the same folder of every other worker.

        Args:
            folder: The folder on each worker.
            names: Names of the files. Only the chief's list counts.
        """
        if self.cluster is None:
            return
        listing = self._bytes_from_chief("\n".join(names).encode()).decode()
        for name in filter(None, listing.split("\n")):
            content = self._bytes_from_chief((folder / name).read_bytes() if self.chief else b"")
            if not self.chief:
                write_bytes(folder / name, content)

    def _bytes_from_chief(self, content: bytes) -> bytes:
        length = int(self.from_chief(np.array(len(content), np.int64)))
        words = np.zeros(-(-length // 4), np.int32)
        if self.chief:
            words = np.frombuffer(content.ljust(4 * len(words), b"\0"), np.int32)
        return self.from_chief(words).tobytes()[:length] if length else b""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Translate the errors by which TensorFlow says that another worker is gone.

        Raises:
            PlatformError: Another worker is gone.
            Stopped: Another worker is gone, and this one was asked to stop.
        """
        try:
            yield
        except _GONE as error:
            if self.cluster is None:
                raise
            stop_requests.check(", as another worker did")
            raise PlatformError(
                f"worker {self.cluster.index} of {', '.join(self.cluster.addresses)}: expected "
                f"all workers to go on, found one of them gone ({_reason(error)}); look at its "
                "log, and run the same command again on all: the job goes on from its last "
                "checkpoint"
            ) from error


def open_devices(strategy_type: str, num_gpus: int, tpu: str, cluster: Cluster | None) -> Devices:
    """Open the devices that the hyperparameters name.

    Call it before anything else uses TensorFlow. With "auto" the devices are a TPU where `tpu`
    names one, several machines where there is a cluster, else all GPUs there are, else the CPU.

    Args:
        strategy_type: A value of the hyperparameter of that name.
        num_gpus: GPUs to use; 0 for all there are.
        tpu: Name of a TPU, or "".
        cluster: The machines of the job, or None for one machine.

    Returns:
        The opened devices.

    Raises:
        ArgumentError: The choice does not fit what is there.
        PlatformError: Workers or a TPU cannot be reached.
    """
    gpus = _gpus(num_gpus)
    kind = _kind(strategy_type, len(gpus), tpu, cluster)
    if kind == "tpu":
        devices = Devices(_tpu_strategy(tpu))
    elif kind == "multi_worker" and cluster is not None:
        wait_for_workers(cluster)
        os.environ["TF_CONFIG"] = cluster.tf_config
        devices = Devices(tf.distribute.MultiWorkerMirroredStrategy(), cluster)
    elif kind == "mirrored":
        kind_of_device = "GPU" if gpus else "CPU"
        count = len(tf.config.list_logical_devices(kind_of_device))
        devices = Devices(
            tf.distribute.MirroredStrategy([f"{kind_of_device}:{index}" for index in range(count)])
        )
    else:
        devices = Devices(tf.distribute.get_strategy())
    _log.info(
        "strategy_type=%s: %s, %d replica(s), %s",
        strategy_type,
        kind,
        devices.replicas,
        f"{len(gpus)} GPU(s) here" if gpus else "no GPU",
    )
    if cluster and not devices.chief:
        _log.info(
            "worker %d follows %s, which writes the results and the log",
            cluster.index,
            cluster.addresses[0],
        )
        _log.setLevel(logging.WARNING)
    return devices


def _gpus(wanted: int) -> list[tf.config.PhysicalDevice]:
    gpus = tf.config.list_physical_devices("GPU")
    if wanted > len(gpus):
        raise ArgumentError(
            f"num_gpus: expected {wanted} GPU(s), found {len(gpus)} that TensorFlow can use; give "
            f"num_gpus=0 to train on {'all of them' if gpus else 'the CPU'}, choose a flavor "
            f"with {wanted} GPU(s), or, where they are there, install TensorFlow with CUDA: "
            "pip install 'tensorflow[and-cuda]'"
        )
    if wanted and wanted < len(gpus):
        tf.config.set_visible_devices(gpus[:wanted], "GPU")
        gpus = gpus[:wanted]
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return gpus


def _kind(strategy_type: str, gpus: int, tpu: str, cluster: Cluster | None) -> str:
    chosen = {"multi_worker_gpu": "multi_worker"}.get(strategy_type, strategy_type)
    if chosen == "auto":
        return (
            "tpu"
            if tpu
            else "multi_worker"
            if cluster
            else "mirrored"
            if gpus > 1
            else "one_device"
        )
    if chosen == "tpu" and not tpu:
        raise ArgumentError(
            "strategy_type=tpu: expected the name of a TPU in --tpu, found none; give --tpu=local "
            "on a TPU machine"
        )
    if chosen == "multi_worker" and cluster is None:
        raise ArgumentError(
            f"strategy_type={strategy_type}: expected two workers or more, found none in "
            "--worker_hosts, VC_WORKER_HOSTS, BATCH_CUSTOMn_HOSTS and TF_CONFIG; give "
            "--worker_hosts=HOST:PORT,HOST:PORT --task_index=N on each"
        )
    if chosen != "multi_worker" and cluster is not None:
        raise ArgumentError(
            f"strategy_type={strategy_type}: expected one machine, found {len(cluster.addresses)} "
            f"in {cluster.source}; give strategy_type=multi_worker or auto"
        )
    return chosen


def _reason(error: tf.errors.OpError) -> str:
    """Return the line of the message that tells what happened.

    TensorFlow puts where it happened in the program before it.
    """
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    telling = [
        line
        for line in lines
        if re.match(
            r"(Collective ops|Socket|Connection|Task |Peer|failed to connect|RPC)", line, re.I
        )
    ]
    return (telling or lines[-1:] or [type(error).__name__])[0]


def _tpu_strategy(tpu: str) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (tf.errors.OpError, ValueError, OSError, RuntimeError) as error:
        reason = first_line(error)
        raise PlatformError(
            f"tpu={tpu}: expected a TPU, found none ({reason}); look at its name and state, and "
            "whether this machine has TensorFlow for TPU"
        ) from error
