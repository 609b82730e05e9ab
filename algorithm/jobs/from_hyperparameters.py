"""A job's hyperparameters in the form of the rooms below: loss, plan, trainer, batches."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from algorithm.data import Dataset
from algorithm.data.feeding.augmentation import Augmentation
from algorithm.data.feeding.augmentations.colour import Colour
from algorithm.data.feeding.batch_order import steps_per_epoch as epoch_steps
from algorithm.data.feeding.pipeline import train_batches
from algorithm.distillation.distiller import Distiller
from algorithm.distillation.offline_teacher import Remembered
from algorithm.hyperparameters import Hyperparameters
from algorithm.hyperparameters.class_weights import weights_of_classes
from algorithm.hyperparameters.learning_rate import learning_rate_of
from algorithm.hyperparameters.random_scales import random_scales
from algorithm.jobs.freezing import BACKBONE, freeze, freezes_batch_norm, frozen_names
from algorithm.models import Detector, build_detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.warm_start import Start
from algorithm.ops.detections import NmsConfig
from algorithm.ops.losses import LossConfig
from algorithm.training.duration.plan import Plan
from algorithm.training.duration.time_budget import TimeBudget
from algorithm.training.fresh_layers import fresh_factors
from algorithm.training.optimizers import choose_optimizer, make_optimizer
from algorithm.training.run_state import Progress
from algorithm.training.schedule import DetectionSchedule, ScheduleConfig
from algorithm.training.trainer import TrainConfig, Trainer

_log = logging.getLogger("algorithm.jobs.job")


def detector_of(
    hp: Hyperparameters, num_classes: int, image_size: tuple[int, int] | None = None
) -> Detector:
    """Return the network that the job trains, with random weights.

    Args:
        hp: The job's hyperparameters.
        num_classes: The classes of the data.
        image_size: (height, width) in pixels, of jobs.input_size; None for that of the model.
    """
    return build_detector(
        hp.model_name,
        num_classes,
        image_size,
        anchor_scale=hp.anchor_scale,
        survival_probability=hp.survival_prob,
        masks=hp.with_masks,
    )


def device_batch(hp: Hyperparameters) -> int:
    """Return the pictures of a step on each device.

    train_batch_size of them pass through the network at a time.
    """
    return hp.train_batch_size * hp.gradient_accumulation_steps


def plan_of(hp: Hyperparameters, pictures: int, batch_size: int) -> Plan:
    """Return the plan: by num_steps where it is given, else by num_epochs.

    With train_minutes that is a first guess, until steps were measured.

    Args:
        hp: The job's hyperparameters. Without steps_per_epoch an epoch is a pass over the pictures.
        pictures: Training pictures.
        batch_size: Pictures of a step on all devices.

    Returns:
        The plan.
    """
    length = hp.steps_per_epoch or epoch_steps(pictures, batch_size)
    if hp.num_steps:
        plan = Plan.of_steps(hp.num_steps, length, hp.steps_per_loop)
    else:
        plan = Plan(hp.num_epochs, length, hp.steps_per_loop)
    return replace(plan, evaluated=1 if hp.mode == "train_and_eval" else 0)


def time_budget(hp: Hyperparameters, dataset: Dataset, batch_size: int) -> TimeBudget:
    """Return what train_minutes says of the training.

    Args:
        hp: The job's hyperparameters.
        dataset: The job's data.
        batch_size: Pictures of a step on all devices.
    """
    every_epoch = hp.mode == "train_and_eval"
    return TimeBudget(hp.train_minutes, every_epoch, batch_size, len(dataset.eval))


def beginning_of(
    hp: Hyperparameters,
    detector: Detector,
    start: Start | None,
    fresh: Sequence[str],
    replicas: int,
) -> Progress:
    """Return the progress of a job that begins: its learning rate, and what it freezes.

    Args:
        hp: The job's hyperparameters.
        detector: The network.
        start: The weights that it has; None for random ones.
        fresh: Published names of variables that begin from nothing beside pretrained ones.
        replicas: Devices that train.
    """
    scope = start.scope if start else None
    frozen = freezes_batch_norm(hp, scope, hp.train_batch_size * replicas)
    backbone = detector.preset.backbone
    return Progress(
        learning_rate=learning_rate_of(hp, detector.image_size, backbone, scope, frozen),
        fresh=tuple(fresh),
        batch_norm_frozen=frozen,
    )


def trainer_of(
    hp: Hyperparameters,
    detector: Detector,
    plan: Plan,
    replicas: int,
    distiller: Distiller | None,
    loss: LossConfig,
    progress: Progress,
) -> tuple[Trainer, DetectionSchedule]:
    """Make the trainer and its schedule, and freeze what is to be frozen.

    Call it in the scope of the strategy.

    Args:
        hp: The job's hyperparameters.
        detector: The network; its variables may be frozen here.
        plan: How long to train.
        replicas: Devices that train.
        distiller: What the detector learns from besides the annotations, or None.
        loss: Of `loss_config`.
        progress: Holds the learning rate for 64 pictures in a step, and what began from nothing.

    Returns:
        The trainer and the schedule of its learning rate.

    Raises:
        ArgumentError: See freeze.
    """
    batch_size = device_batch(hp) * replicas
    peers = distiller.peers if distiller else ()
    shared = peers if distiller and distiller.shares_kernels else ()
    _freeze_networks(hp, progress, (detector, *shared), () if shared else peers, replicas)
    kind, share = choose_optimizer(hp.optimizer, batch_size, 1 + len(shared))
    rate = progress.learning_rate * share
    schedule = _schedule(hp, plan, batch_size, rate, min(hp.lr_warmup_init * share, rate))
    _log.info(
        "optimizer=%s: %s, learning rate up to %.6g for a batch of %d",
        hp.optimizer,
        kind,
        schedule.base,
        batch_size,
    )
    config = TrainConfig(
        loss,
        hp.weight_decay,
        hp.clip_gradients_norm,
        hp.moving_average_decay,
        precision=hp.precision,
        recompute=hp.gradient_checkpointing,
        factors=_rate_factors(hp, detector, kind, progress.fresh),
    )
    optimizer = make_optimizer(kind, schedule, hp.momentum, hp.nesterov)
    return Trainer(detector, optimizer, config, distiller), schedule


def _rate_factors(
    hp: Hyperparameters, detector: Detector, kind: str, fresh: Sequence[str]
) -> dict[str, float]:
    """The factors on the learning rate of variables, by published name."""
    scope = f"{detector.preset.backbone}/"
    backbone = [name for name in published_variables(detector) if name.startswith(scope)]
    return dict.fromkeys(backbone, hp.backbone_lr_factor) | fresh_factors(
        fresh, hp.fresh_lr_factor, kind, detector.num_classes
    )


def _freeze_networks(
    hp: Hyperparameters,
    progress: Progress,
    students: Sequence[Detector],
    peers: Sequence[Detector],
    replicas: int,
) -> None:
    """Freeze what is to be frozen of the students, and of peers with kernels of their own."""

    def by_batch(pretrained: str) -> bool:
        start = None if pretrained == "none" else BACKBONE
        return freezes_batch_norm(hp, start, hp.train_batch_size * replicas)

    frozen = progress.batch_norm_frozen if hp.freeze_bn == "auto" else None
    if frozen is None:
        frozen = by_batch(hp.pretrained)
    for network in students:
        freeze(network, frozen_names(hp, hp.pretrained != "none"), frozen)
    for network in peers:  # the hyperparameter `freeze` names the student's variables
        freeze(network, "", by_batch(hp.peer_pretrained))


def _schedule(
    hp: Hyperparameters, plan: Plan, batch_size: int, rate: float, first: float
) -> DetectionSchedule:
    """The schedule from `first`, where the warm-up begins, to `rate` and down again."""
    config = ScheduleConfig(
        rate,
        first,
        hp.lr_warmup_epoch,
        hp.lr_decay_method,
        hp.first_lr_drop_epoch,
        hp.second_lr_drop_epoch,
        hp.poly_lr_power,
    )
    return DetectionSchedule(
        config,
        global_batch=batch_size,
        steps_per_epoch=plan.steps_per_epoch,
        epochs=plan.epochs,
        steps=plan.steps,
        changes=hp.train_minutes > 0,
    )


def loss_config(hp: Hyperparameters, dataset: Dataset) -> LossConfig:
    """Return the settings of the detection loss.

    Args:
        hp: The job's hyperparameters.
        dataset: The job's data, whose training objects class_weights=auto counts.

    Raises:
        ArgumentError: class_weights names a class that the dataset does not have.
    """
    names = dataset.label_names
    objects = Counter(
        names[label]
        for sample in dataset.train
        for label in sample.labels[~np.asarray(sample.is_crowd, bool)]
    )
    return LossConfig(
        hp.alpha,
        hp.gamma,
        hp.delta,
        hp.label_smoothing,
        hp.box_loss_weight,
        hp.iou_loss_type,
        hp.iou_loss_weight,
        weights_of_classes(hp.class_weights, names, objects),
        hp.mask_loss_weight,
    )


def nms_config(hp: Hyperparameters) -> NmsConfig:
    """Return how overlapping detections are thinned."""
    return NmsConfig(
        hp.nms_method,
        hp.nms_iou_threshold,
        hp.nms_sigma,
        hp.nms_score_threshold,
        hp.max_nms_inputs,
        hp.max_detections,
    )


def augmentation(hp: Hyperparameters, passes: int) -> Augmentation:
    """Return what is changed in training pictures.

    Args:
        hp: The job's hyperparameters.
        passes: Passes over the training data in all.

    Returns:
        The settings of the augmentation.
    """
    return Augmentation(
        flip=hp.input_rand_hflip,
        jitter=random_scales(vars(hp)),
        policy=hp.autoaugment_policy,
        grid_mask=hp.grid_mask,
        cutout=hp.cutout,
        mosaic=hp.mosaic,
        mosaic_epochs=max(0, passes - hp.mosaic_off_epochs),
        colour=Colour(hp.brightness, hp.contrast, hp.saturation, hp.hue),
    )


def training_batches(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    start_step: int,
    batch_size: int,
    shard: tuple[int, int],
    replicas: int,
    remembered: Remembered | None = None,
) -> tf.data.Dataset:
    """Return endless training batches.

    Args:
        hp: The job's hyperparameters.
        detector: The network, for its input size.
        dataset: The job's data.
        start_step: The step to begin at.
        batch_size: Pictures of a step on all devices.
        shard: See data.feeding.pipeline.train_batches.
        replicas: See data.feeding.pipeline.train_batches.
        remembered: A teacher's answers to put beside the batches, or None.

    Returns:
        The batches, see Trainer.train_step.
    """
    batches = train_batches(
        dataset.train,
        image_size=detector.image_size,
        batch_size=batch_size,
        seed=hp.seed,
        augmentation=augmentation(hp, passes(hp, dataset, batch_size)),
        start_step=start_step,
        shard=shard,
        replicas=replicas,
        aspect_ratio_group_factor=hp.aspect_ratio_group_factor,
        masks=detector.masks,
    )
    return remembered.beside(batches) if remembered else batches


def passes(hp: Hyperparameters, dataset: Dataset, batch_size: int) -> int:
    """Return the passes over the training data in all.

    Args:
        hp: The job's hyperparameters.
        dataset: The job's data.
        batch_size: Pictures of a step on all devices.

    Returns:
        The number of passes.
    """
    return (
        -(-hp.num_steps // epoch_steps(len(dataset.train), batch_size))
        if hp.num_steps
        else hp.num_epochs
    )
