"""One training job, told in the order it happens. Start reading here."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

import keras
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
from algorithm.errors import DataError
from algorithm.evaluation import Evaluation, Evaluator
from algorithm.export import export_saved_model, missing_parts, package_model
from algorithm.hyperparameters import Hyperparameters
from algorithm.modelarts.environment import Workspace, open_workspace
from algorithm.modelarts.metrics import ClassScores, metrics_object
from algorithm.models import PRESETS, Detector, build_detector
from algorithm.ops.detections import NmsConfig
from algorithm.ops.losses import LossConfig
from algorithm.storage import is_remote, local_path, stage_files, stage_in, stage_out
from algorithm.storage.writing import write_json
from algorithm.training.fitting import Plan, fit
from algorithm.training.overfit import LEARNING_RATE as OVERFIT_RATE
from algorithm.training.overfit import choose_pictures, overfit
from algorithm.training.reporting import Reporter
from algorithm.training.run_folder import Checkpoint, RunFolder
from algorithm.training.schedule import DetectionSchedule, ScheduleConfig
from algorithm.training.trainer import TrainConfig, Trainer, choose_optimizer, freeze, make_optimizer
from algorithm.training.warm_start import find_start, freezes_batch_norm

_log = logging.getLogger("algorithm.job")
_DATA_PICTURES = 8


def run(hp: Hyperparameters) -> int:
    """Runs the job and returns 0. JobError is what a person can fix; algorithm.errors has the exit codes."""
    with open_workspace() as workspace:
        remote = is_remote(hp.train_url)
        run_folder = RunFolder.claim(workspace.outputs if remote else local_path(hp.train_url), hp)
        if run_folder.is_finished(hp) and not missing_parts(run_folder.model):
            _log.info("%s holds this job, finished; nothing to do. Raise num_epochs to train on, "
                      "or give a new train_url", hp.train_url)
            return 0
        if remote:
            _log.warning("train_url %s is remote: what an earlier run left there is not resumed, it is replaced", hp.train_url)
        try:
            _run(hp, workspace, run_folder)
        finally:
            if remote:
                stage_out(run_folder.folder, hp.train_url)
    return 0


def _run(hp: Hyperparameters, workspace: Workspace, run_folder: RunFolder) -> None:
    keras.utils.set_random_seed(hp.seed)
    # Where the weights come from, in this order:
    # 1. a checkpoint in train_url: an interrupted job goes on, whatever `pretrained` says;
    # 2. published or given weights (`pretrained`), as far as `fine_tune_checkpoint_type` reaches;
    # 3. random weights, only when pretrained=none asks for them.
    resumed = run_folder.resumable(hp.mode)
    start = None if resumed else find_start(hp, workspace.inputs)
    label_names = tuple(resumed.label_names) if resumed else start.label_names() if start else None
    dataset = _load_data(hp, workspace, run_folder, label_names)
    detector = build_detector(hp.model_name, len(dataset.label_names), hp.image_size,
                              anchor_scale=hp.anchor_scale, survival_probability=hp.survival_prob)
    if start:
        _log.info("%s", start.load(detector))
    elif not resumed:
        _log.warning("TRAINING FROM SCRATCH (pretrained=none): random weights, which want thousands of pictures")
    if hp.mode == "eval":
        _evaluate_only(hp, detector, dataset, run_folder, workspace)
        return
    if hp.mode == "overfit_check":
        _overfit_check(hp, detector, dataset)
        return
    _look_at_data(hp, detector, dataset, run_folder)
    stopped_early = _train(hp, detector, dataset, run_folder, resumed, warm=hp.pretrained != "none")
    metrics = run_folder.load_archive(detector)["metrics"]
    _publish(hp, detector, dataset, metrics, run_folder, workspace)
    run_folder.finished(hp, metrics, stopped_early)
    _log.info("finished: best AP %s; the model is in %s", metrics["AP"], run_folder.model)


def _load_data(hp: Hyperparameters, workspace: Workspace, run_folder: RunFolder,
               label_names: tuple[str, ...] | None) -> Dataset:
    source = stage_in(hp.data_url, workspace.inputs)
    dataset = load_dataset(source, clean=hp.do_data_cleaning, seed=hp.seed, work_dir=run_folder.folder,
                           label_names=label_names, resolve=lambda url: stage_files([url], workspace.inputs)[url],
                           require=("eval",) if hp.mode == "eval" else ("train", "eval"), pictures_dir=workspace.work)
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
           resumed: Checkpoint | None, warm: bool) -> bool:
    """Fits the detector; afterwards the archive holds the best checkpoint. Returns whether it stopped early."""
    steps_per_epoch = epoch_steps(len(dataset.train), hp.train_batch_size)
    trainer = _trainer(hp, detector, steps_per_epoch, warm)
    idle = 0  # evaluations since the best one
    if resumed:
        resumed.check_dataset(dataset.fingerprint)
        trainer.restore(resumed.tensors)
        idle = resumed.state["idle"]
        _log.info("resumed at step %d, in epoch %d", trainer.step, trainer.step // steps_per_epoch + 1)
    else:
        run_folder.write_graph(detector)
    run_folder.started(hp)
    reporter = Reporter(run_folder.folder, hp.num_epochs, hp.num_epochs * steps_per_epoch, steps_per_epoch,
                        hp.train_batch_size, hp.log_every_steps)
    reporter.pictures("data", 0, report_pictures(dataset, _DATA_PICTURES))
    evaluator = Evaluator(detector, _nms(hp), dataset, hp.eval_batch_size)
    stopped_early = False

    def save() -> None:
        run_folder.save(trainer, {**_identity(dataset), "idle": idle}, hp.keep_checkpoint_max)

    def end_of_epoch(epoch: int) -> bool:
        nonlocal idle, stopped_early
        if hp.mode == "train_and_eval" or epoch == hp.num_epochs:
            with trainer.averaged_weights():
                evaluation = _evaluate(evaluator, reporter, epoch, trainer.step)
                better = run_folder.archive_if_better(detector, trainer.step, evaluation.as_dict(), _identity(dataset))
            idle = 0 if better else idle + 1
        save()
        stopped_early = 0 < hp.early_stop_patience <= idle
        return stopped_early

    plan = Plan(hp.num_epochs, steps_per_epoch, lambda indices: _names(dataset, indices))
    fit(trainer, lambda step: _batches(hp, detector, dataset, step), plan, reporter,
        save=save, end_of_epoch=end_of_epoch)
    return stopped_early


def _trainer(hp: Hyperparameters, detector: Detector, steps_per_epoch: int, warm: bool) -> Trainer:
    freeze(detector, hp.freeze, freezes_batch_norm(hp, warm))
    kind, share = choose_optimizer(hp.optimizer, hp.train_batch_size)
    schedule = ScheduleConfig(hp.learning_rate * share, hp.lr_warmup_init * share, hp.lr_warmup_epoch,
                              hp.lr_decay_method, hp.first_lr_drop_epoch, hp.second_lr_drop_epoch, hp.poly_lr_power)
    learning_rate = DetectionSchedule(schedule, global_batch=hp.train_batch_size, steps_per_epoch=steps_per_epoch,
                                      epochs=hp.num_epochs)
    _log.info("optimizer=%s: %s, learning rate up to %.6g for a batch of %d", hp.optimizer, kind, learning_rate.base,
              hp.train_batch_size)
    return Trainer(detector, make_optimizer(kind, learning_rate, hp.momentum),
                   TrainConfig(_loss(hp), hp.weight_decay, hp.clip_gradients_norm, hp.moving_average_decay))


def _loss(hp: Hyperparameters) -> LossConfig:
    return LossConfig(hp.alpha, hp.gamma, hp.delta, hp.label_smoothing, hp.box_loss_weight, hp.iou_loss_type,
                      hp.iou_loss_weight)


def _nms(hp: Hyperparameters) -> NmsConfig:
    return NmsConfig(hp.nms_method, hp.nms_iou_threshold, hp.nms_sigma, hp.nms_score_threshold, hp.max_nms_inputs,
                     hp.max_detections)


def _identity(dataset: Dataset) -> dict[str, Any]:
    return {"dataset": dataset.fingerprint, "label_names": list(dataset.label_names)}


def _augmentation(hp: Hyperparameters) -> Augmentation:
    return Augmentation(flip=hp.input_rand_hflip, jitter=(hp.jitter_min, hp.jitter_max),
                        policy=hp.autoaugment_policy, grid_mask=hp.grid_mask, cutout=hp.cutout, mosaic=hp.mosaic,
                        mosaic_epochs=max(0, hp.num_epochs - hp.mosaic_off_epochs),
                        colour=Colour(hp.brightness, hp.contrast, hp.saturation, hp.hue))


def _batches(hp: Hyperparameters, detector: Detector, dataset: Dataset, start_step: int) -> tf.data.Dataset:
    return train_batches(dataset.train, image_size=detector.image_size, batch_size=hp.train_batch_size, seed=hp.seed,
                         augmentation=_augmentation(hp), start_step=start_step)


def _names(dataset: Dataset, indices: Sequence[int]) -> str:
    return ", ".join(dataset.train[index].source for index in indices)


def _evaluate(evaluator: Evaluator, reporter: Reporter, epoch: int, step: int) -> Evaluation:
    evaluation, pictures = evaluator.run()
    reporter.evaluation(epoch, step, evaluation.metrics, evaluation.summary)
    reporter.pictures("eval", step, pictures)
    return evaluation


def _evaluate_only(hp: Hyperparameters, detector: Detector, dataset: Dataset, run_folder: RunFolder,
                   workspace: Workspace) -> None:
    """mode=eval: the archived checkpoint of train_url where there is one, else `pretrained`; writes metrics.json."""
    if run_folder.archived():
        run_folder.load_archive(detector)
        _log.info("evaluating %s", run_folder.archive)
    evaluation, _ = Evaluator(detector, _nms(hp), dataset, hp.eval_batch_size).run()
    _log.info("%s", "\n" + evaluation.summary)
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
    saved = export_saved_model(detector, workspace.work / "saved_model", _nms(hp))
    package_model(saved, run_folder.model, label_names=dataset.label_names, metrics={
        "precision": metrics["precision"], "recall": metrics["recall"], "f1": metrics["f1"],
        "accuracy": metrics["AP50"] or 0.0,
    })
    _save_results(hp, metrics, workspace)


def _save_results(hp: Hyperparameters, metrics: dict[str, Any], workspace: Workspace) -> None:
    """metrics.json and the platform's own metrics object in deps_save_path, where the job was given one."""
    if not hp.deps_save_path:
        return
    folder = workspace.work / "results"
    classes = [ClassScores(name, index, row["precision"], row["recall"], row["f1"])
               for index, (name, row) in enumerate(metrics["per_class"].items())]
    for name, content in (("metrics.json", metrics),
                          ("platform_metrics.json", metrics_object(classes, accuracy=metrics["AP50"]))):
        write_json(folder / name, content)
    stage_out(folder, hp.deps_save_path)

