"""The training of a job: from hyperparameters and data to the best checkpoint in the archive."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from algorithm.data import Dataset
from algorithm.distillation.distiller import Distiller
from algorithm.distillation.job_distillation import remembered_answers
from algorithm.hyperparameters import Hyperparameters
from algorithm.hyperparameters.random_scales import random_scales
from algorithm.jobs.from_hyperparameters import (
    augmentation,
    device_batch,
    passes,
    plan_of,
    time_budget,
    trainer_of,
    training_batches,
)
from algorithm.jobs.outputs.resumable_checkpoint import JobCheckpoint
from algorithm.jobs.outputs.run_folder import RunFolder
from algorithm.jobs.training_hooks import training_hooks
from algorithm.models import Detector
from algorithm.ops.losses import LossConfig
from algorithm.training.devices.devices import Devices
from algorithm.training.duration.plan import Plan
from algorithm.training.failure_recovery import Guard, Limits
from algorithm.training.hooks.hook import TrainingRun
from algorithm.training.loop import fit
from algorithm.training.run_state import Progress
from algorithm.training.schedule import DetectionSchedule

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
    beginning: Progress,
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
        beginning: Learning rate and start of a job that begins. One that goes on keeps its own.

    Returns:
        Whether it stopped early.

    Raises:
        ArgumentError: The checkpoint belongs to another dataset or number of pictures in a step.
        DataError: The checkpoint does not fit the network.
        Stopped, DivergenceError, ResourceError: See training.loop.fit.
    """
    _tell_class_weights(loss, dataset)
    _tell_random_scales(hp)
    batch_size = device_batch(hp) * devices.replicas
    progress = Progress.of(resumed.state) if resumed else beginning
    plan = _opening_plan(hp, dataset, batch_size, resumed, progress)
    progress.divide(hp.gradient_accumulation_steps)
    progress.learning_rate = progress.learning_rate or beginning.learning_rate
    with devices.strategy.scope():
        trainer, schedule = trainer_of(
            hp, detector, plan, devices.replicas, distiller, loss, progress
        )
    run = TrainingRun(trainer, plan, progress)
    if resumed:
        _restore(run, resumed, dataset, batch_size)
    anew = resumed is not None and _waits_anew(hp, run, run_folder, devices)
    if devices.chief:
        run_folder.record_split(dataset)
    run_folder.started(hp, trainer.step if anew else None)
    guard = _guard(hp, dataset, run, schedule, run_folder, resumed is not None)
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
    batches = _batches(hp, detector, dataset, devices, distiller)
    fit(run, batches, guard, hooks, devices.any_of)
    _tell_skipped(run)
    return run.ending and trainer.step < run.plan.steps


def _opening_plan(
    hp: Hyperparameters,
    dataset: Dataset,
    batch_size: int,
    resumed: JobCheckpoint | None,
    progress: Progress,
) -> Plan:
    """The plan to begin with; train_minutes may change it when steps were measured."""
    plan = plan_of(hp, len(dataset.train), batch_size)
    if not hp.train_minutes:
        return plan
    step = int(resumed.tensors["global_step"]) if resumed else 0
    return time_budget(hp, dataset, batch_size).opening(plan, step, progress)


def _restore(run: TrainingRun, resumed: JobCheckpoint, dataset: Dataset, batch_size: int) -> None:
    resumed.check_dataset(dataset.fingerprint)
    resumed.check_batch_size(batch_size)
    run.trainer.restore(resumed.tensors)
    epoch = run.step // run.plan.steps_per_epoch + 1
    _log.info("resumed at step %d, in epoch %d", run.step, epoch)


def _waits_anew(
    hp: Hyperparameters, run: TrainingRun, run_folder: RunFolder, devices: Devices
) -> bool:
    """Whether a job that had stopped early was given a longer training, and waits again."""
    longer = devices.any(devices.chief and run_folder.waits_anew(hp, run.step))
    anew = longer and run.progress.idle + 1 >= hp.early_stop_patience > 0
    if anew:
        run.progress.wait_anew()
    return anew


def _batches(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    devices: Devices,
    distiller: Distiller | None,
) -> Callable[[int], Iterable[dict[str, tf.Tensor]]]:
    """What gives the batches from a step on, with a teacher's answers where it is remembered."""
    batch_size = device_batch(hp) * devices.replicas
    changes = augmentation(hp, passes(hp, dataset, batch_size))
    remembered = remembered_answers(distiller, dataset, detector, changes, hp.seed)

    def of_worker(step: int, shard: tuple[int, int], replicas: int) -> Any:
        return training_batches(
            hp, detector, dataset, step, batch_size, shard, replicas, remembered
        )

    return lambda step: devices.distribute(partial(of_worker, step))


def _guard(
    hp: Hyperparameters,
    dataset: Dataset,
    run: TrainingRun,
    schedule: DetectionSchedule,
    run_folder: RunFolder,
    resumed: bool,
) -> Guard:
    """What heals steps that fail; it goes back to the newest checkpoint."""
    return Guard(
        run.trainer,
        schedule,
        run.progress,
        Limits(device_batch(hp), run.trainer.detector.image_size, hp.auto_batch),
        last_good=run_folder.newest_saved,
        resumed=resumed,
        describe=partial(_names, dataset),
    )


def _tell_skipped(run: TrainingRun) -> None:
    if run.progress.skipped:
        _log.warning(
            "%d of %d steps changed nothing, because their loss was not finite",
            run.progress.skipped,
            run.step,
        )


def _names(dataset: Dataset, indices: Sequence[int]) -> str:
    return ", ".join(dataset.train[index].source for index in indices)


def _tell_class_weights(loss: LossConfig, dataset: Dataset) -> None:
    if loss.class_weights:
        named = zip(dataset.label_names, loss.class_weights, strict=True)
        _log.info("class weights: %s", ", ".join(f"{name} {weight:.3g}" for name, weight in named))


def _tell_random_scales(hp: Hyperparameters) -> None:
    if None in (hp.jitter_min, hp.jitter_max):
        _log.info(
            "jitter_min, jitter_max: training pictures are scaled between %g and %g (%s)",
            *random_scales(vars(hp)),
            "random weights" if hp.pretrained == "none" else "pretrained weights",
        )
