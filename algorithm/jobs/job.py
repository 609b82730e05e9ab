"""One training job, told in the order it happens. Start reading here."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from algorithm.data import Dataset, load_dataset
from algorithm.data.checking.check_pictures import report_pictures
from algorithm.data.checking.check_report import check_lines, write_report
from algorithm.data.checking.dataset_check import check_dataset
from algorithm.data.checking.suggestions import model_choices
from algorithm.data.feeding.augmentation import Augmentation
from algorithm.data.feeding.pipeline import train_batches
from algorithm.distillation.distillers import Distiller, OfflineTeacher, SoftLossHint
from algorithm.distillation.job_distillation import (
    advice_on_peer,
    find_distiller,
    remembered_answers,
    soft_loss_config,
)
from algorithm.distillation.teacher_file import missing_teacher_parts
from algorithm.errors import DataError, DivergenceError, StorageError
from algorithm.evaluation.coco_metrics import Evaluation
from algorithm.evaluation.evaluator import Evaluator
from algorithm.export import missing_parts
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import (
    augmentation,
    device_batch,
    loss_config,
    nms_config,
    passes,
    plan_of,
    trainer_of,
    training_batches,
)
from algorithm.jobs.publishing import publish, save_results
from algorithm.jobs.run_folder import TRAINING_MODES, Checkpoint, RunFolder
from algorithm.modelarts.environment import Workspace, scratch_dir
from algorithm.modelarts.hosts import find_cluster
from algorithm.models import PRESETS, Detector, build_detector
from algorithm.models.weights.warm_start import advice_on_rate, find_start
from algorithm.storage import is_remote, local_path, stage_in, stager
from algorithm.storage.mirrored_folder import mirrored
from algorithm.storage.scratch_folder import job_folder
from algorithm.training import checkpoints, stop_requests
from algorithm.training.devices import Devices, open_devices
from algorithm.training.healing import Guard, Limits
from algorithm.training.log_forms import FORMS as LOG_FORMS
from algorithm.training.log_forms import Evaluated
from algorithm.training.loop import Hooks, fit
from algorithm.training.optimizers import make_optimizer
from algorithm.training.overfit import LEARNING_RATE as OVERFIT_RATE
from algorithm.training.overfit import choose_pictures, overfit
from algorithm.training.reporting import Reporter
from algorithm.training.run_state import Progress
from algorithm.training.trainer import TrainConfig, Trainer

_log = logging.getLogger("algorithm.jobs.job")
_DATA_PICTURES = 8


@stop_requests.listening()
def run(hp: Hyperparameters) -> int:
    """Runs the job and returns 0. JobError is what a person can fix; algorithm.errors has the exit codes.

    A remote train_url is a local folder meanwhile: what an earlier run left there is brought back first, and copied after.
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
            _run_in(workspace.work / "train_url", hp, workspace, devices)
        elif not is_remote(hp.train_url):
            _run_in(local_path(hp.train_url), hp, workspace, devices)
        else:
            with mirrored(workspace.outputs, hp.train_url) as damaged:
                _run_in(workspace.outputs, hp, workspace, devices, damaged)
        devices.any(False)  # nobody leaves before the chief has written everything
    return 0


def _run_in(
    folder: Path,
    hp: Hyperparameters,
    workspace: Workspace,
    devices: Devices,
    damaged: Sequence[str] = (),
) -> None:
    run_folder = RunFolder.claim(folder, hp)
    if damaged and run_folder.newest_saved() is None and run_folder.archived() is None:
        raise StorageError(
            f"train_url {hp.train_url}: expected a checkpoint that can be read, found damage in "
            f"{', '.join(damaged)}; bring those objects back, or give a new train_url to begin anew"
        )
    lacking = missing_parts(run_folder.model) + (
        missing_teacher_parts(run_folder.model) if hp.export_teacher_model else []
    )
    if devices.any(devices.chief and run_folder.is_finished(hp) and not lacking):
        _log.info(
            "%s holds this job, finished; nothing to do. Raise num_epochs to train on, "
            "or give a new train_url",
            hp.train_url,
        )
        return
    devices.copy_from_chief(folder, checkpoints.files_of_newest(folder) if devices.chief else [])
    _run(hp, workspace, run_folder, devices)


def _run(
    hp: Hyperparameters, workspace: Workspace, run_folder: RunFolder, devices: Devices
) -> None:
    keras.utils.set_random_seed(hp.seed)
    # Where the weights come from, in this order:
    # 1. a checkpoint in train_url: an interrupted job goes on, whatever `pretrained` says;
    # 2. published or given weights (`pretrained`), as far as `fine_tune_checkpoint_type` reaches;
    # 3. random weights, only when pretrained=none asks for them.
    resumed = run_folder.resumable(hp.mode)
    start = None if resumed else find_start(hp, workspace.inputs)
    label_names = tuple(resumed.label_names) if resumed else start.label_names() if start else None
    dataset = _load_data(hp, workspace, run_folder, label_names)
    with devices.strategy.scope():
        detector = _detector(hp, dataset)
        started = start.load(detector) if start else ""
    if start:
        _log.info("%s", started)
    elif not resumed:
        _log.warning(
            "TRAINING FROM SCRATCH (pretrained=none): random weights, which want thousands of pictures"
        )
    if hp.mode == "eval":
        _evaluate_only(hp, detector, dataset, run_folder, workspace)
        return
    if hp.mode == "overfit_check":
        _overfit_check(hp, detector, dataset)
        return
    with devices.strategy.scope():
        distiller = find_distiller(
            hp,
            detector,
            dataset.label_names,
            loss_config(hp),
            workspace.inputs,
            resumed is not None,
        )
    if devices.chief:
        _look_at_data(hp, detector, dataset, run_folder)
        for line in (
            *advice_on_rate(hp, detector.image_size, start),
            *advice_on_peer(hp, detector, dataset.train, start),
        ):
            _log.warning("%s", line)
    stopped_early = _train(hp, detector, dataset, run_folder, resumed, devices, distiller)
    if not devices.chief:
        return
    if devices.replicas > 1:  # what is exported stands on one device
        detector = _detector(hp, dataset)
    if run_folder.archived() is None:
        raise DivergenceError(
            "training: expected finite weights at one evaluation at least, found none; lower learning_rate (in "
            "hparams) and give a new train_url"
        )
    metrics = run_folder.load_archive(detector)["metrics"]
    publish(hp, detector, dataset, metrics, run_folder, workspace)
    run_folder.finished(hp, metrics, stopped_early)
    _log.info("finished: best AP %s; the model is in %s", metrics["AP"], run_folder.model)


def _detector(hp: Hyperparameters, dataset: Dataset) -> Detector:
    return build_detector(
        hp.model_name,
        len(dataset.label_names),
        hp.image_size,
        anchor_scale=hp.anchor_scale,
        survival_probability=hp.survival_prob,
    )


def _load_data(
    hp: Hyperparameters,
    workspace: Workspace,
    run_folder: RunFolder,
    label_names: tuple[str, ...] | None,
) -> Dataset:
    source = stage_in(hp.data_url, workspace.inputs)
    dataset = load_dataset(
        source,
        clean=hp.do_data_cleaning,
        seed=hp.seed,
        work_dir=run_folder.folder,
        label_names=label_names,
        resolve=stager(hp.data_url, workspace.inputs),
        require=("eval",) if hp.mode == "eval" else ("train", "eval"),
        pictures_dir=workspace.work,
        eval_last=hp.eval_last,
    )
    for warning in dataset.warnings:
        _log.warning("%s", warning)
    _log.info(
        "data: %d training and %d evaluation pictures, %d classes: %s",
        len(dataset.train),
        len(dataset.eval),
        len(dataset.label_names),
        ", ".join(dataset.label_names),
    )
    return dataset


def _look_at_data(
    hp: Hyperparameters, detector: Detector, dataset: Dataset, run_folder: RunFolder
) -> None:
    """Measures the dataset against this detector before time is spent on it, and leaves the report in data_report/."""
    check = check_dataset(
        dataset,
        anchors=detector.anchors,
        image_size=detector.image_size,
        model_name=hp.model_name,
        anchor_scale=detector.preset.anchor_scale,
        batch_size=hp.train_batch_size,
        max_detections=hp.max_detections,
        choices=model_choices(PRESETS.values()),
    )
    page = write_report(check, run_folder.folder / "data_report")
    for line in check.warnings:
        _log.warning("%s", line)
    for line in (*check_lines(check), f"data report: {page}"):
        _log.info("%s", line)


def _train(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    run_folder: RunFolder,
    resumed: Checkpoint | None,
    devices: Devices,
    distiller: Distiller | None,
) -> bool:
    """Fits the detector; afterwards the archive holds the best checkpoint. Returns whether it stopped early."""
    batch_size = device_batch(hp) * devices.replicas
    plan = plan_of(hp, len(dataset.train), batch_size)
    progress = Progress.of(resumed.state) if resumed else Progress()
    progress.divide(hp.gradient_accumulation_steps)
    with devices.strategy.scope():
        trainer, schedule = trainer_of(hp, detector, plan, devices.replicas, distiller)
    identity = {**_identity(dataset), "batch_size": batch_size}
    if resumed:
        resumed.check_dataset(dataset.fingerprint)
        resumed.check_batch_size(batch_size)
        trainer.restore(resumed.tensors)
        _log.info(
            "resumed at step %d, in epoch %d",
            trainer.step,
            trainer.step // plan.steps_per_epoch + 1,
        )
    else:
        run_folder.write_graph(detector)
    run_folder.started(hp)
    reporter = Reporter(
        run_folder.folder,
        plan.steps,
        plan.steps_per_epoch,
        batch_size,
        hp.log_every_steps,
        LOG_FORMS[hp.log_form](),
        SoftLossHint(soft_loss_config(hp), plan.steps_per_epoch) if distiller else None,
    )
    reporter.pictures("data", 0, report_pictures(dataset, _DATA_PICTURES))
    evaluator, *peers = (
        Evaluator(each, nms_config(hp), dataset, hp.eval_batch_size)
        for each in (detector, *trainer.peers)
    )
    _evaluate_teacher(hp, distiller if devices.chief else None, dataset, reporter, trainer.step)
    guard = Guard(
        trainer,
        schedule,
        progress,
        Limits(device_batch(hp), detector.image_size, hp.auto_batch),
        last_good=run_folder.newest_saved,
        resumed=resumed is not None,
        describe=lambda indices: _names(dataset, indices),
    )

    def save() -> None:
        if guard.run:  # such weights may be what makes the loss infinite: the checkpoint before is the last good one
            _log.warning(
                "no checkpoint at step %d: the loss of the last %d steps was not finite",
                trainer.step,
                guard.run,
            )
            return
        run_folder.save(trainer, {**identity, **progress.as_state()}, hp.keep_checkpoint_max)
        guard.saved()

    def evaluate(epoch: int) -> float:
        with trainer.averaged_weights():
            evaluation = _evaluate(evaluator, reporter, epoch, plan.epochs, trainer.step)
            for peer in peers:
                reporter.peer_evaluation(epoch, trainer.step, peer.run()[0].metrics)
            with stop_requests.deferred():
                run_folder.archive_if_better(
                    detector, trainer.step, evaluation.as_dict(), _identity(dataset)
                )
        return evaluation.metrics["AP"] or 0.0

    def end_of_epoch(epoch: int) -> bool:
        if hp.mode == "train_and_eval" or epoch >= plan.epochs:
            score = evaluate(epoch) if devices.chief else 0.0
            stop_requests.check(" after an evaluation")
            progress.evaluated(float(devices.from_chief(np.float64(score))))
        return 0 < hp.early_stop_patience <= progress.idle

    remembered = remembered_answers(
        distiller, dataset, detector, augmentation(hp, passes(hp, dataset, batch_size)), hp.seed
    )

    def batches(step: int) -> Any:
        return devices.distribute(
            lambda shard, replicas: training_batches(
                hp, detector, dataset, step, batch_size, shard, replicas, remembered
            )
        )

    fit(
        trainer,
        batches,
        plan,
        reporter,
        guard,
        Hooks(save, end_of_epoch, lambda: devices.any(stop_requests.asked())),
    )
    if progress.skipped:
        _log.warning(
            "%d of %d steps changed nothing, because their loss was not finite",
            progress.skipped,
            trainer.step,
        )
    return 0 < hp.early_stop_patience <= progress.idle


def _identity(dataset: Dataset) -> dict[str, Any]:
    return {"dataset": dataset.fingerprint, "label_names": list(dataset.label_names)}


def _names(dataset: Dataset, indices: Sequence[int]) -> str:
    return ", ".join(dataset.train[index].source for index in indices)


def _evaluate(
    evaluator: Evaluator, reporter: Reporter, epoch: int, epochs: int, step: int
) -> Evaluation:
    evaluation, pictures = evaluator.run()
    reporter.evaluation(
        Evaluated(
            epoch,
            epochs,
            step,
            evaluation.metrics,
            evaluation.summary,
            *evaluator.seconds,
            evaluator.batches,
        )
    )
    reporter.pictures("eval", step, pictures)
    return evaluation


def _evaluate_teacher(
    hp: Hyperparameters,
    distiller: Distiller | None,
    dataset: Dataset,
    reporter: Reporter,
    step: int,
) -> None:
    """Notes what a frozen teacher, where there is one, is worth on the evaluation pictures as the student sees them."""
    if isinstance(distiller, OfflineTeacher):
        evaluator = Evaluator(distiller.as_detector, nms_config(hp), dataset, hp.eval_batch_size)
        reporter.teacher_evaluation(step, evaluator.run()[0].metrics)


def _evaluate_only(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    run_folder: RunFolder,
    workspace: Workspace,
) -> None:
    """mode=eval: the archived checkpoint of train_url where there is one, else `pretrained`; writes metrics.json."""
    if run_folder.archived():
        run_folder.load_archive(detector)
        _log.info("evaluating %s", run_folder.archive)
    evaluator = Evaluator(detector, nms_config(hp), dataset, hp.eval_batch_size)
    evaluation, _ = evaluator.run()
    evaluated = Evaluated(
        1, 1, 0, evaluation.metrics, evaluation.summary, *evaluator.seconds, evaluator.batches
    )
    _log.info("%s", "\n".join(LOG_FORMS[hp.log_form]().evaluation(evaluated)))
    run_folder.write_metrics(evaluation.as_dict())
    save_results(hp, evaluation.as_dict(), workspace)


def _overfit_check(hp: Hyperparameters, detector: Detector, dataset: Dataset) -> None:
    """mode=overfit_check: learns a few training pictures by heart. DataError when that fails; no model is written."""
    pictures = dataclasses.replace(dataset, eval=tuple(choose_pictures(dataset.train)))
    batch = next(
        iter(
            train_batches(
                pictures.eval,
                image_size=detector.image_size,
                batch_size=len(pictures.eval),
                seed=hp.seed,
                augmentation=Augmentation(flip=False, jitter=(1.0, 1.0)),
            )
        )
    )
    trainer = Trainer(
        detector,
        make_optimizer("adam", OVERFIT_RATE, hp.momentum),
        TrainConfig(loss_config(hp), weight_decay=0.0),
    )
    evaluator = Evaluator(
        detector, nms_config(hp), pictures, len(pictures.eval), batch_statistics=True
    )
    result = overfit(trainer, batch, lambda: evaluator.run()[0].metrics["AP50"])
    done = f"AP50 {result.ap50:.3f} on {len(pictures.eval)} training pictures after {result.steps} steps, {result.seconds:.0f} s"
    if not result.learned:
        raise DataError(
            f"overfit_check: expected the pictures to be learned by heart, found {done}; look whether the boxes "
            "lie on the objects (python -m algorithm data check), try a larger image_size if they are small"
        )
    _log.info("overfit_check passed: %s", done)
