"""The hooks a job trains with, in the order they are called."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

import numpy as np

from algorithm.data import Dataset
from algorithm.data.checking.check_pictures import report_pictures
from algorithm.distillation.distiller import Distiller
from algorithm.distillation.job_distillation import soft_loss_config
from algorithm.distillation.offline_teacher import OfflineTeacher
from algorithm.evaluation.coco_metrics import Evaluation
from algorithm.evaluation.evaluator import Evaluator
from algorithm.evaluation.inference import Network
from algorithm.evaluation.resampled import Resampled, change_in_words
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import device_batch, nms_config, time_budget
from algorithm.jobs.input_size import KEY as IMAGE_SIZE
from algorithm.jobs.outputs.best_checkpoint import figures_of
from algorithm.jobs.outputs.best_detections import save_detections
from algorithm.jobs.outputs.confusion_picture import confusion_picture
from algorithm.jobs.outputs.run_folder import RunFolder
from algorithm.jobs.training_loggers import training_loggers
from algorithm.models import Detector
from algorithm.training.devices.devices import Devices
from algorithm.training.duration.time_left import TimeLeft
from algorithm.training.hooks.checkpoint_hook import CheckpointHook
from algorithm.training.hooks.confusion_matrix_hook import ConfusionMatrixHook
from algorithm.training.hooks.early_stop_hook import EarlyStopHook
from algorithm.training.hooks.evaluation_hook import EvaluateHook
from algorithm.training.hooks.graph_hook import GraphHook
from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.hooks.log_hook import LogHook
from algorithm.training.hooks.memory_hook import MemoryHook
from algorithm.training.hooks.soft_loss_hook import SoftLossHook
from algorithm.training.hooks.time_hook import TimeHook
from algorithm.training.log_forms.log_forms import FORMS
from algorithm.training.schedule import DetectionSchedule

_DATA_PICTURES = 8
_log = logging.getLogger("algorithm.jobs.job")


def training_hooks(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    run_folder: RunFolder,
    devices: Devices,
    distiller: Distiller | None,
    peers: Sequence[Detector],
    schedule: DetectionSchedule,
    resumed: bool,
) -> list[Hook]:
    """Make the hooks of a job.

    Args:
        hp: The job's hyperparameters.
        detector: The network that is trained.
        dataset: The job's data.
        run_folder: Gets checkpoints, events and the archive.
        devices: The devices that the job trains on.
        distiller: What the detector learns from besides the annotations, or None.
        peers: Networks that are trained along.
        schedule: The learning rate, which a plan by train_minutes changes.
        resumed: Whether the job goes on; then the inference graph is there.

    Returns:
        The hooks, in the order they are to be called.
    """
    batch_size = device_batch(hp) * devices.replicas
    time_left = TimeLeft(len(dataset.eval), batch_size)
    log = LogHook(FORMS[hp.log_form](), hp.log_every_steps, batch_size, time_left)
    pictures = report_pictures(dataset, _DATA_PICTURES)
    loggers = training_loggers(hp, run_folder.folder, pictures, chief=devices.chief)

    evaluator = partial(_evaluator, hp, dataset)
    student = evaluator(detector)
    identity = _identity(dataset, detector)
    teacher = distiller if devices.chief and isinstance(distiller, OfflineTeacher) else None
    matrix = ConfusionMatrixHook(partial(confusion_picture, student), loggers)
    budget = time_budget(hp, dataset, batch_size)
    return [
        *([] if resumed else [GraphHook(partial(run_folder.write_graph, detector), loggers)]),
        *([TimeHook(budget, schedule, devices.from_chief)] if hp.train_minutes else []),
        MemoryHook(),
        log,
        *loggers,
        *([SoftLossHook(soft_loss_config(hp))] if distiller else []),
        _checkpoints(hp, run_folder, {**identity, "batch_size": batch_size}),
        EvaluateHook(
            student if devices.chief else None,
            partial(_archive, run_folder, detector, identity, student, hp.best_metric),
            [log, *loggers, matrix],
            peers=[evaluator(peer) for peer in peers],
            teacher=evaluator(teacher.as_detector) if teacher else None,
            from_chief=lambda score: float(devices.from_chief(np.array(score))),
            metric=hp.best_metric,
        ),
        EarlyStopHook(hp.early_stop_patience),
    ]


def _identity(dataset: Dataset, detector: Detector) -> dict[str, object]:
    """What a checkpoint says of the data that it was trained on, and of the network's input."""
    return {
        "dataset": dataset.fingerprint,
        "label_names": list(dataset.label_names),
        IMAGE_SIZE: list(detector.image_size),
    }


def _checkpoints(
    hp: Hyperparameters, run_folder: RunFolder, identity: dict[str, object]
) -> CheckpointHook:
    return CheckpointHook(
        run_folder.folder, identity, hp.keep_checkpoint_max, hp.checkpoint_minutes
    )


def _evaluator(hp: Hyperparameters, dataset: Dataset, network: Network) -> Evaluator:
    return Evaluator(network, nms_config(hp), dataset, hp.eval_batch_size)


def _archive(
    run_folder: RunFolder,
    detector: Detector,
    identity: dict[str, object],
    evaluator: Evaluator,
    metric: str,
    run: TrainingRun,
    evaluation: Evaluation,
) -> None:
    """Archive the weights if their AP is the highest, and say whether that is more than chance."""
    better = run.progress.is_better(evaluation.score_of(metric))
    before = run_folder.best.read() if better else None
    figures = evaluation.as_dict()
    replaced = run_folder.best.replace_if_better(
        detector, run.step, figures, identity, metric=metric
    )
    if replaced:
        save_detections(run_folder.best.folder, run.step, evaluator.detections)
    if not (replaced and before):
        return
    last = figures_of(before.state["metrics"], metric)
    former, resampled = Resampled.of(last.get("resampled")), evaluation.figures_of(metric).resampled
    interval = resampled.change_since(former, "AP") if former else None
    if interval:
        change = evaluation.score_of(metric) - (last["AP"] or 0.0)
        _log.info(
            "archive/ now holds step %d, the highest AP%s so far; against the one before: %s",
            run.step,
            " of masks" * (metric == "segm"),
            change_in_words(change, interval, evaluation.images),
        )
