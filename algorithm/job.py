"""One training job, told in the order it happens. Start reading here."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from algorithm.data import Dataset, load_dataset
from algorithm.data.augment import Augmentation
from algorithm.data.augmentations.colour import Colour
from algorithm.data.check import check_dataset
from algorithm.data.check_pictures import report_pictures
from algorithm.data.check_report import check_lines, write_report
from algorithm.data.pipeline import steps_per_epoch as epoch_steps
from algorithm.data.pipeline import train_batches
from algorithm.data.suggestions import model_choices
from algorithm.errors import DataError, DivergenceError, ResourceError, StorageError
from algorithm.evaluation import Evaluation, Evaluator
from algorithm.export import export_saved_model, missing_parts, package_model
from algorithm.hyperparameters import Hyperparameters
from algorithm.modelarts.environment import Workspace, scratch_dir
from algorithm.modelarts.hosts import find_cluster
from algorithm.modelarts.metrics import ClassScores, metrics_object
from algorithm.models import PRESETS, Detector, build_detector
from algorithm.models.weights.frozen_graph import FOLDER, freeze_graph, missing_teacher_parts
from algorithm.ops.detections import NmsConfig
from algorithm.ops.losses import LossConfig
from algorithm.storage import is_remote, local_path, stage_in, stage_out, stager
from algorithm.storage.job_folder import job_folder
from algorithm.storage.mirroring import mirrored
from algorithm.storage.writing import write_json
from algorithm.training import checkpoints, stopping
from algorithm.training.devices import Devices, open_devices
from algorithm.training.distillation import Distiller, Remembered, SoftLossHint
from algorithm.training.fitting import Hooks, Plan, fit
from algorithm.training.guard import Guard, Limits
from algorithm.training.log_forms import FORMS as LOG_FORMS
from algorithm.training.log_forms import Evaluated
from algorithm.training.optimizers import choose_optimizer, freeze, make_optimizer
from algorithm.training.overfit import LEARNING_RATE as OVERFIT_RATE
from algorithm.training.overfit import choose_pictures, overfit
from algorithm.training.progress import Progress
from algorithm.training.reporting import Reporter
from algorithm.training.run_folder import TRAINING_MODES, Checkpoint, RunFolder
from algorithm.training.schedule import DetectionSchedule, ScheduleConfig
from algorithm.training.teaching import find_distiller, remembered_answers, soft_loss_config
from algorithm.training.trainer import TrainConfig, Trainer
from algorithm.training.warm_start import find_start, freezes_batch_norm, frozen_names

_log = logging.getLogger("algorithm.job")
_DATA_PICTURES = 8


@stopping.listening()
def run(hp: Hyperparameters) -> int:
    """Runs the job and returns 0. JobError is what a person can fix; algorithm.errors has the exit codes.

    A remote train_url is a local folder meanwhile: what an earlier run left there is brought back first, and copied after.
    """
    cluster = find_cluster(hp.worker_hosts, hp.task_index, os.environ)
    if hp.job_name == "ps" or cluster and cluster.index and hp.mode not in TRAINING_MODES:
        _log.info("nothing to do here: %s", "no parameter server is needed" if hp.job_name == "ps" else f"mode={hp.mode} needs one machine")
        return 0
    devices = open_devices(hp.strategy_type, hp.num_gpus, hp.tpu, cluster if hp.mode in TRAINING_MODES else None)
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


def _run_in(folder: Path, hp: Hyperparameters, workspace: Workspace, devices: Devices, damaged: Sequence[str] = ()) -> None:
    run_folder = RunFolder.claim(folder, hp)
    if damaged and run_folder.newest_saved() is None and run_folder.archived() is None:
        raise StorageError(f"train_url {hp.train_url}: expected a checkpoint that can be read, found damage in "
                           f"{', '.join(damaged)}; bring those objects back, or give a new train_url to begin anew")
    lacking = missing_parts(run_folder.model) + (missing_teacher_parts(run_folder.model) if hp.export_teacher_model else [])
    if devices.any(devices.chief and run_folder.is_finished(hp) and not lacking):
        _log.info("%s holds this job, finished; nothing to do. Raise num_epochs to train on, "
                  "or give a new train_url", hp.train_url)
        return
    devices.copy_from_chief(folder, checkpoints.files_of_newest(folder) if devices.chief else [])
    _run(hp, workspace, run_folder, devices)


def _run(hp: Hyperparameters, workspace: Workspace, run_folder: RunFolder, devices: Devices) -> None:
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
        _log.warning("TRAINING FROM SCRATCH (pretrained=none): random weights, which want thousands of pictures")
    if hp.mode == "eval":
        _evaluate_only(hp, detector, dataset, run_folder, workspace)
        return
    if hp.mode == "overfit_check":
        _overfit_check(hp, detector, dataset)
        return
    with devices.strategy.scope():
        distiller = find_distiller(hp, detector, dataset.label_names, _loss(hp), workspace.inputs, start)
    if devices.chief:
        _look_at_data(hp, detector, dataset, run_folder)
    stopped_early = _train(hp, detector, dataset, run_folder, resumed, devices, distiller)
    if not devices.chief:
        return
    if devices.replicas > 1:  # what is exported stands on one device
        detector = _detector(hp, dataset)
    if run_folder.archived() is None:
        raise DivergenceError("training: expected finite weights at one evaluation at least, found none; lower learning_rate (in "
                              "hparams) and give a new train_url")
    metrics = run_folder.load_archive(detector)["metrics"]
    _publish(hp, detector, dataset, metrics, run_folder, workspace)
    run_folder.finished(hp, metrics, stopped_early)
    _log.info("finished: best AP %s; the model is in %s", metrics["AP"], run_folder.model)


def _detector(hp: Hyperparameters, dataset: Dataset) -> Detector:
    return build_detector(hp.model_name, len(dataset.label_names), hp.image_size, anchor_scale=hp.anchor_scale,
                          survival_probability=hp.survival_prob)


def _load_data(hp: Hyperparameters, workspace: Workspace, run_folder: RunFolder,
               label_names: tuple[str, ...] | None) -> Dataset:
    source = stage_in(hp.data_url, workspace.inputs)
    dataset = load_dataset(source, clean=hp.do_data_cleaning, seed=hp.seed, work_dir=run_folder.folder,
                           label_names=label_names, resolve=stager(hp.data_url, workspace.inputs),
                           require=("eval",) if hp.mode == "eval" else ("train", "eval"), pictures_dir=workspace.work,
                           eval_last=hp.eval_last)
    for warning in dataset.warnings:
        _log.warning("%s", warning)
    _log.info("data: %d training and %d evaluation pictures, %d classes: %s", len(dataset.train),
              len(dataset.eval), len(dataset.label_names), ", ".join(dataset.label_names))
    return dataset


def _look_at_data(hp: Hyperparameters, detector: Detector, dataset: Dataset, run_folder: RunFolder) -> None:
    """Measures the dataset against this detector before time is spent on it, and leaves the report in data_report/."""
    check = check_dataset(dataset, anchors=detector.anchors, image_size=detector.image_size, model_name=hp.model_name,
                          anchor_scale=detector.preset.anchor_scale, batch_size=hp.train_batch_size,
                          max_detections=hp.max_detections, choices=model_choices(PRESETS.values()))
    page = write_report(check, run_folder.folder / "data_report")
    for line in check.warnings:
        _log.warning("%s", line)
    for line in (*check_lines(check), f"data report: {page}"):
        _log.info("%s", line)


def _train(hp: Hyperparameters, detector: Detector, dataset: Dataset, run_folder: RunFolder,
           resumed: Checkpoint | None, devices: Devices, distiller: Distiller | None) -> bool:
    """Fits the detector; afterwards the archive holds the best checkpoint. Returns whether it stopped early."""
    batch_size = _batch_size(hp) * devices.replicas
    plan = _plan(hp, len(dataset.train), batch_size)
    progress = Progress.of(resumed.state) if resumed else Progress(parts=hp.gradient_accumulation_steps)
    with devices.strategy.scope():
        trainer, schedule = _trainer(hp, detector, plan, devices.replicas, distiller)
    identity = {**_identity(dataset), "batch_size": batch_size}
    if resumed:
        resumed.check_dataset(dataset.fingerprint)
        resumed.check_batch_size(batch_size)
        trainer.restore(resumed.tensors)
        _log.info("resumed at step %d, in epoch %d", trainer.step, trainer.step // plan.steps_per_epoch + 1)
    else:
        run_folder.write_graph(detector)
    run_folder.started(hp)
    reporter = Reporter(run_folder.folder, plan.steps, plan.steps_per_epoch, batch_size, hp.log_every_steps, LOG_FORMS[hp.log_form](),
                        SoftLossHint(soft_loss_config(hp), plan.steps_per_epoch) if distiller else None)
    reporter.pictures("data", 0, report_pictures(dataset, _DATA_PICTURES))
    evaluator, *peers = (Evaluator(each, _nms(hp), dataset, hp.eval_batch_size) for each in (detector, *trainer.peers))
    guard = Guard(trainer, schedule, progress, Limits(_batch_size(hp), detector.image_size, hp.auto_batch),
                  last_good=run_folder.newest_saved, resumed=resumed is not None,
                  describe=lambda indices: _names(dataset, indices))

    def save() -> None:
        if guard.run:  # such weights may be what makes the loss infinite: the checkpoint before is the last good one
            _log.warning("no checkpoint at step %d: the loss of the last %d steps was not finite", trainer.step, guard.run)
            return
        run_folder.save(trainer, {**identity, **progress.as_state()}, hp.keep_checkpoint_max)
        guard.saved()

    def evaluate(epoch: int) -> float:
        with trainer.averaged_weights():
            evaluation = _evaluate(evaluator, reporter, epoch, plan.epochs, trainer.step)
            for peer in peers:
                reporter.peer_evaluation(epoch, trainer.step, peer.run()[0].metrics)
            with stopping.deferred():
                run_folder.archive_if_better(detector, trainer.step, evaluation.as_dict(), _identity(dataset))
        return evaluation.metrics["AP"] or 0.0

    def end_of_epoch(epoch: int) -> bool:
        if hp.mode == "train_and_eval" or epoch >= plan.epochs:
            score = evaluate(epoch) if devices.chief else 0.0
            stopping.check(" after an evaluation")
            progress.evaluated(float(devices.from_chief(np.float64(score))))
        return 0 < hp.early_stop_patience <= progress.idle

    remembered = remembered_answers(distiller, dataset, detector, _augmentation(hp, _passes(hp, dataset, batch_size)), hp.seed)

    def batches(step: int) -> Any:
        return devices.distribute(
            lambda shard, replicas: _batches(hp, detector, dataset, step, batch_size, shard, replicas, remembered))

    fit(trainer, batches, plan, reporter, guard, Hooks(save, end_of_epoch, lambda: devices.any(stopping.asked())))
    if progress.skipped:
        _log.warning("%d of %d steps changed nothing, because their loss was not finite", progress.skipped, trainer.step)
    return 0 < hp.early_stop_patience <= progress.idle


def _batch_size(hp: Hyperparameters) -> int:
    """Pictures of a step on each device; train_batch_size of them pass through the network at a time."""
    return hp.train_batch_size * hp.gradient_accumulation_steps


def _plan(hp: Hyperparameters, pictures: int, batch_size: int) -> Plan:
    """By num_steps where it is given, else by num_epochs; an epoch is a pass over the pictures unless steps_per_epoch says."""
    length = hp.steps_per_epoch or epoch_steps(pictures, batch_size)
    if hp.num_steps:
        return Plan.of_steps(hp.num_steps, length, hp.steps_per_loop)
    return Plan(hp.num_epochs, length, hp.steps_per_loop)


def _trainer(hp: Hyperparameters, detector: Detector, plan: Plan, replicas: int,
             distiller: Distiller | None) -> tuple[Trainer, DetectionSchedule]:
    batch_size, warm = _batch_size(hp) * replicas, hp.pretrained != "none"
    keeps_batch_norm = freezes_batch_norm(hp, warm, hp.train_batch_size * replicas)
    for network in (detector, *(distiller.peers if distiller else ())):
        freeze(network, frozen_names(hp, warm), keeps_batch_norm)
    kind, share = choose_optimizer(hp.optimizer, batch_size)
    config = ScheduleConfig(hp.learning_rate * share, hp.lr_warmup_init * share, hp.lr_warmup_epoch,
                            hp.lr_decay_method, hp.first_lr_drop_epoch, hp.second_lr_drop_epoch, hp.poly_lr_power)
    schedule = DetectionSchedule(config, global_batch=batch_size, steps_per_epoch=plan.steps_per_epoch, epochs=plan.epochs,
                                 steps=plan.steps)
    _log.info("optimizer=%s: %s, learning rate up to %.6g for a batch of %d", hp.optimizer, kind, schedule.base,
              batch_size)
    return Trainer(detector, make_optimizer(kind, schedule, hp.momentum, hp.nesterov),
                   TrainConfig(_loss(hp), hp.weight_decay, hp.clip_gradients_norm, hp.moving_average_decay,
                               precision=hp.precision, recompute=hp.gradient_checkpointing), distiller), schedule


def _loss(hp: Hyperparameters) -> LossConfig:
    return LossConfig(hp.alpha, hp.gamma, hp.delta, hp.label_smoothing, hp.box_loss_weight, hp.iou_loss_type,
                      hp.iou_loss_weight)


def _nms(hp: Hyperparameters) -> NmsConfig:
    return NmsConfig(hp.nms_method, hp.nms_iou_threshold, hp.nms_sigma, hp.nms_score_threshold, hp.max_nms_inputs,
                     hp.max_detections)


def _identity(dataset: Dataset) -> dict[str, Any]:
    return {"dataset": dataset.fingerprint, "label_names": list(dataset.label_names)}


def _augmentation(hp: Hyperparameters, passes: int) -> Augmentation:
    return Augmentation(flip=hp.input_rand_hflip, jitter=(hp.jitter_min, hp.jitter_max),
                        policy=hp.autoaugment_policy, grid_mask=hp.grid_mask, cutout=hp.cutout, mosaic=hp.mosaic,
                        mosaic_epochs=max(0, passes - hp.mosaic_off_epochs),
                        colour=Colour(hp.brightness, hp.contrast, hp.saturation, hp.hue))


def _batches(hp: Hyperparameters, detector: Detector, dataset: Dataset, start_step: int, batch_size: int,
             shard: tuple[int, int], replicas: int, remembered: Remembered | None) -> tf.data.Dataset:
    batches = train_batches(dataset.train, image_size=detector.image_size, batch_size=batch_size, seed=hp.seed,
                            augmentation=_augmentation(hp, _passes(hp, dataset, batch_size)), start_step=start_step, shard=shard,
                            replicas=replicas, aspect_ratio_group_factor=hp.aspect_ratio_group_factor)
    return remembered.beside(batches) if remembered else batches


def _passes(hp: Hyperparameters, dataset: Dataset, batch_size: int) -> int:
    """Passes over the training data in all."""
    return -(-hp.num_steps // epoch_steps(len(dataset.train), batch_size)) if hp.num_steps else hp.num_epochs


def _names(dataset: Dataset, indices: Sequence[int]) -> str:
    return ", ".join(dataset.train[index].source for index in indices)


def _evaluate(evaluator: Evaluator, reporter: Reporter, epoch: int, epochs: int, step: int) -> Evaluation:
    evaluation, pictures = evaluator.run()
    reporter.evaluation(Evaluated(epoch, epochs, step, evaluation.metrics, evaluation.summary, *evaluator.seconds,
                                  evaluator.batches))
    reporter.pictures("eval", step, pictures)
    return evaluation


def _evaluate_only(hp: Hyperparameters, detector: Detector, dataset: Dataset, run_folder: RunFolder,
                   workspace: Workspace) -> None:
    """mode=eval: the archived checkpoint of train_url where there is one, else `pretrained`; writes metrics.json."""
    if run_folder.archived():
        run_folder.load_archive(detector)
        _log.info("evaluating %s", run_folder.archive)
    evaluator = Evaluator(detector, _nms(hp), dataset, hp.eval_batch_size)
    evaluation, _ = evaluator.run()
    evaluated = Evaluated(1, 1, 0, evaluation.metrics, evaluation.summary, *evaluator.seconds, evaluator.batches)
    _log.info("%s", "\n".join(LOG_FORMS[hp.log_form]().evaluation(evaluated)))
    run_folder.write_metrics(evaluation.as_dict())
    _save_results(hp, evaluation.as_dict(), workspace)


def _overfit_check(hp: Hyperparameters, detector: Detector, dataset: Dataset) -> None:
    """mode=overfit_check: learns a few training pictures by heart. DataError when that fails; no model is written."""
    pictures = dataclasses.replace(dataset, eval=tuple(choose_pictures(dataset.train)))
    batch = next(iter(train_batches(pictures.eval, image_size=detector.image_size, batch_size=len(pictures.eval), seed=hp.seed,
                                    augmentation=Augmentation(flip=False, jitter=(1.0, 1.0)))))
    trainer = Trainer(detector, make_optimizer("adam", OVERFIT_RATE, hp.momentum), TrainConfig(_loss(hp), weight_decay=0.0))
    evaluator = Evaluator(detector, _nms(hp), pictures, len(pictures.eval), batch_statistics=True)
    result = overfit(trainer, batch, lambda: evaluator.run()[0].metrics["AP50"])
    done = f"AP50 {result.ap50:.3f} on {len(pictures.eval)} training pictures after {result.steps} steps, {result.seconds:.0f} s"
    if not result.learned:
        raise DataError(f"overfit_check: expected the pictures to be learned by heart, found {done}; look whether the boxes "
                        "lie on the objects (python -m algorithm data check), try a larger image_size if they are small")
    _log.info("overfit_check passed: %s", done)


def _publish(hp: Hyperparameters, detector: Detector, dataset: Dataset, metrics: dict[str, Any],
             run_folder: RunFolder, workspace: Workspace) -> None:
    """The best checkpoint as a model folder."""
    folder = workspace.work / "saved_model"
    try:
        saved = export_saved_model(detector, folder, _nms(hp))
    except tf.errors.InvalidArgumentError as error:
        raise DivergenceError(f"export: expected finite answers of the trained model, found others at {_reason(error)}; lower "
                              "learning_rate (in hparams) and give a new train_url") from error
    except tf.errors.ResourceExhaustedError as error:
        raise ResourceError(f"export {folder}: expected room for the model, found {_reason(error)}, "
                            f"{shutil.disk_usage(workspace.root).free} bytes free; free some space there") from error
    if hp.export_teacher_model:
        freeze_graph(detector, folder / FOLDER, dataset.label_names)
        _log.info("teacher: %s", run_folder.model / FOLDER)
    package_model(saved, run_folder.model, label_names=dataset.label_names, metrics={
        "precision": metrics["precision"], "recall": metrics["recall"], "f1": metrics["f1"],
        "accuracy": metrics["AP50"] or 0.0,
    }, beside=(FOLDER,) if hp.export_teacher_model else ())
    _save_results(hp, metrics, workspace, lambda folder: _assess(hp, dataset, run_folder.model, folder))


def _reason(error: tf.errors.OpError) -> str:
    return error.message.strip().splitlines()[0]


def _save_results(hp: Hyperparameters, metrics: dict[str, Any], workspace: Workspace,
                  assess: Callable[[Path], None] = lambda folder: None) -> None:
    """metrics.json, the platform's own metrics object and what `assess` adds, in deps_save_path if the job was given one."""
    if not hp.deps_save_path:
        return
    folder = workspace.work / "results"
    classes = [ClassScores(name, index, row["precision"], row["recall"], row["f1"])
               for index, (name, row) in enumerate(metrics["per_class"].items())]
    for name, content in (("metrics.json", metrics),
                          ("platform_metrics.json", metrics_object(classes, accuracy=metrics["AP50"]))):
        write_json(folder / name, content)
    assess(folder)
    stage_out(folder, hp.deps_save_path)


def _assess(hp: Hyperparameters, dataset: Dataset, model: Path, folder: Path) -> None:
    """The assessment of the model folder: why it is as good as it is, and the next job's hyperparameters."""
    from algorithm.assessment.assess import assess_samples  # takes a plotting library along: only where it is asked for

    assess_samples(model, dataset.eval, dataset.label_names, folder, values=hp.as_dict(),
                   preset_sizes={name: preset.image_size for name, preset in PRESETS.items()})
