"""The training of a job: from hyperparameters and data to the best checkpoint in the archive."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from algorithm.data import Dataset
from algorithm.distillation.distiller import Distiller
from algorithm.distillation.job_distillation import remembered_answers
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import (
    augmentation,
    device_batch,
    passes,
    plan_of,
    time_budget,
    trainer_of,
    training_batches,
)
from algorithm.jobs.outputs.job_checkpoint import JobCheckpoint
from algorithm.jobs.outputs.run_folder import RunFolder
from algorithm.jobs.training_hooks import training_hooks
from algorithm.models import Detector
from algorithm.ops.losses import LossConfig
from algorithm.training.devices import Devices
from algorithm.training.failure_recovery import Guard, Limits
from algorithm.training.hooks.hook import TrainingRun
from algorithm.training.loop import fit
from algorithm.training.run_state import Progress

_log = logging.getLogger("algorithm.jobs.job")


def train(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    run_folder: RunFolder,
    resumed: JobCheckpoint | None,
    devices: Devices,
    distiller: Distiller | None,
    loss: LossConfig,
    rate: float,
) -> bool:
    """Fit the detector; afterwards the archive holds the best checkpoint.

    Args:
        hp: The job's hyperparameters.
        detector: Has its starting weights.
        dataset: The data to train and evaluate on.
        run_folder: Gets checkpoints, events and the archive.
        resumed: The checkpoint to go on from, or None.
        devices: The devices to train on.
        distiller: What the detector learns from besides the annotations, or None.
        loss: The settings of the detection loss.
        rate: The learning rate for 64 pictures in a step. A job that goes on keeps its own.

    Returns:
        Whether it stopped early.

    Raises:
        ArgumentError: The checkpoint belongs to another dataset or number of pictures in a step.
        DataError: The checkpoint does not fit the network.
        Stopped, DivergenceError, ResourceError: See training.loop.fit.
    """
    batch_size = device_batch(hp) * devices.replicas
    plan = plan_of(hp, len(dataset.train), batch_size)
    anew = False
    progress = Progress.of(resumed.state) if resumed else Progress()
    if hp.train_minutes:
        step = int(resumed.tensors["global_step"]) if resumed else 0
        plan = time_budget(hp, dataset, batch_size).opening(plan, step, progress)
    progress.divide(hp.gradient_accumulation_steps)
    progress.learning_rate = progress.learning_rate or rate
    with devices.strategy.scope():
        trainer, schedule = trainer_of(
            hp, detector, plan, devices.replicas, distiller, loss, progress.learning_rate
        )
    if resumed:
        resumed.check_dataset(dataset.fingerprint)
        resumed.check_batch_size(batch_size)
        trainer.restore(resumed.tensors)
        longer = devices.any(devices.chief and run_folder.waits_anew(hp, trainer.step))
        anew = longer and progress.idle + 1 >= hp.early_stop_patience > 0
        if anew:
            progress.wait_anew()
        epoch = trainer.step // plan.steps_per_epoch + 1
        _log.info("resumed at step %d, in epoch %d", trainer.step, epoch)
    if devices.chief:
        run_folder.record_split(dataset)
    run_folder.started(hp, trainer.step if anew else None)
    run = TrainingRun(trainer, plan, progress)
    guard = Guard(
        trainer,
        schedule,
        progress,
        Limits(device_batch(hp), detector.image_size, hp.auto_batch),
        last_good=run_folder.newest_saved,
        resumed=resumed is not None,
        describe=partial(_names, dataset),
    )
    hooks = training_hooks(
        hp,
        detector,
        dataset,
        run_folder,
        devices,
        distiller,
        trainer.peers,
        schedule,
        resumed is not None,
    )
    changes = augmentation(hp, passes(hp, dataset, batch_size))
    remembered = remembered_answers(distiller, dataset, detector, changes, hp.seed)

    def batches(step: int) -> Iterable[dict[str, tf.Tensor]]:
        return devices.distribute(partial(shard_batches, step))

    def shard_batches(step: int, shard: tuple[int, int], replicas: int) -> Any:
        return training_batches(
            hp, detector, dataset, step, batch_size, shard, replicas, remembered
        )

    fit(run, batches, guard, hooks, devices.any_of)
    if progress.skipped:
        _log.warning(
            "%d of %d steps changed nothing, because their loss was not finite",
            progress.skipped,
            trainer.step,
        )
    return run.ending and trainer.step < run.plan.steps


def _names(dataset: Dataset, indices: Sequence[int]) -> str:
    return ", ".join(dataset.train[index].source for index in indices)
