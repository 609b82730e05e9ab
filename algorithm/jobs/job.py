"""One training job, told in the order it happens. Start reading here."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

import keras

from algorithm.data.split_record import FILE, SplitRecord
from algorithm.distillation.job_distillation import advice_on_peer, find_distiller
from algorithm.distillation.teacher_file import missing_teacher_parts
from algorithm.errors import StorageError
from algorithm.export import missing_parts
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.evaluation_job import evaluate_only, refuse_untrained
from algorithm.jobs.from_hyperparameters import beginning_of, detector_of, loss_config
from algorithm.jobs.job_data import load_data, look_at_data, recorded_split
from algorithm.jobs.job_network import network_of
from algorithm.jobs.job_training import train
from algorithm.jobs.outputs.closing_report import closing_lines
from algorithm.jobs.outputs.publishing import hand_over
from algorithm.jobs.outputs.run_folder import TRAINING_MODES, RunFolder
from algorithm.jobs.overfit_job import overfit_check
from algorithm.modelarts.environment import Workspace, scratch_dir
from algorithm.modelarts.hosts import find_cluster
from algorithm.models.weights.warm_start import find_start
from algorithm.storage import is_remote, local_path
from algorithm.storage.mirroring.mirrored_folder import mirrored
from algorithm.storage.scratch_folder import job_folder
from algorithm.training import checkpoints, stop_requests
from algorithm.training.devices.devices import Devices, open_devices

_log = logging.getLogger("algorithm.jobs.job")


@stop_requests.listening()
def run(hp: Hyperparameters, split: SplitRecord | None = None) -> int:
    """Run the job.

    A remote train_url is a local folder meanwhile: what an earlier run left there is brought back
    first, and copied after.

    Args:
        hp: The job's hyperparameters.
        split: The split to keep to; None where the job makes its own.

    Returns:
        0, the exit code.

    Raises:
        JobError: Something that a person can fix. algorithm.errors has the exit codes.
    """
    cluster = find_cluster(hp.worker_hosts, hp.task_index, os.environ)
    if hp.job_name == "ps" or cluster and cluster.index and hp.mode not in TRAINING_MODES:
        _log.info(
            "nothing to do here: %s",
            "no parameter server is needed"
            if hp.job_name == "ps"
            else f"mode={hp.mode} needs one machine",
        )
        return 0
    devices = open_devices(
        hp.strategy_type, hp.num_gpus, hp.tpu, cluster if hp.mode in TRAINING_MODES else None
    )
    stop_requests.listen_on()
    with devices.watching(), job_folder(scratch_dir(), hp.train_url) as root:
        workspace = Workspace(root)
        if not devices.chief:
            _run_in(workspace.work / "train_url", hp, workspace, devices, split=split)
        elif not is_remote(hp.train_url):
            _run_in(local_path(hp.train_url), hp, workspace, devices, split=split)
        else:
            with mirrored(workspace.outputs, hp.train_url) as damaged:
                _run_in(workspace.outputs, hp, workspace, devices, damaged, split)
        devices.any(False)  # no worker leaves before the chief has written everything
    return 0


def _run_in(
    folder: Path,
    hp: Hyperparameters,
    workspace: Workspace,
    devices: Devices,
    damaged: Sequence[str] = (),
    split: SplitRecord | None = None,
) -> None:
    run_folder = RunFolder.claim(folder, hp)
    if damaged and run_folder.newest_saved() is None and run_folder.best.read() is None:
        raise StorageError(
            f"train_url {hp.train_url}: expected a checkpoint that can be read, found damage in "
            f"{', '.join(damaged)}; bring those objects back, or give a new train_url to begin anew"
        )
    lacking = missing_parts(run_folder.model) + (
        missing_teacher_parts(run_folder.model) if hp.export_teacher_model else []
    )
    if devices.any(devices.chief and run_folder.is_finished(hp) and not lacking):
        _log.info(
            "%s holds this job, finished; nothing to do (%s; or give a new train_url)",
            hp.train_url,
            run_folder.on_from_here(hp),
        )
        return
    shared = checkpoints.files_of_newest(folder) if devices.chief else []
    if devices.chief and (folder / FILE).is_file():  # all workers go on with one split
        shared.append(FILE)
    devices.copy_from_chief(folder, shared)
    with run_folder.ending_noted():
        _run(hp, workspace, run_folder, devices, split)


def _run(
    hp: Hyperparameters,
    workspace: Workspace,
    run_folder: RunFolder,
    devices: Devices,
    split: SplitRecord | None,
) -> None:
    begun = time.monotonic()
    keras.utils.set_random_seed(hp.seed)
    # Where the weights come from, in this order:
    # 1. a checkpoint in train_url: an interrupted job goes on, whatever `pretrained` says;
    # 2. published or given weights (`pretrained`), as far as `fine_tune_checkpoint_type` reaches;
    # 3. random weights, only when pretrained=none asks for them.
    resumed = run_folder.resumable(hp.mode)
    start = None if resumed else find_start(hp, workspace.inputs)
    if hp.mode == "eval" and not resumed:
        refuse_untrained(hp, start)
    label_names = tuple(resumed.label_names) if resumed else start.label_names() if start else None
    record = recorded_split(hp, run_folder, resumed=resumed is not None) or split
    dataset = load_data(hp, workspace, run_folder, label_names, record)
    detector, fresh = network_of(hp, dataset, devices, resumed, start)
    if hp.mode == "eval":
        evaluate_only(hp, detector, dataset, run_folder, workspace)
        return
    if hp.mode == "overfit_check":
        overfit_check(hp, detector, dataset)
        return
    loss = loss_config(hp, dataset)
    with devices.strategy.scope():
        distiller = find_distiller(
            hp,
            detector,
            dataset.label_names,
            loss,
            workspace.inputs,
            resumed is not None,
        )
    if devices.chief:
        look_at_data(hp, detector, dataset, run_folder)
        for line in advice_on_peer(hp, detector, dataset.train, start):
            _log.warning("%s", line)
    beginning = beginning_of(hp, detector, start, fresh, devices.replicas)
    stopped_early = train(
        hp, detector, dataset, run_folder, resumed, devices, distiller, loss, beginning
    )
    if not devices.chief:
        return
    if devices.replicas > 1:  # what is exported must stand on one device
        detector = detector_of(hp, len(dataset.label_names), detector.image_size)
    metrics = hand_over(hp, detector, dataset, run_folder, workspace, stopped_early)
    seconds = time.monotonic() - begun
    lines = closing_lines(hp, metrics, run_folder.model, dataset, seconds, workspace.root)
    _log.info("%s", "\n".join(lines))
