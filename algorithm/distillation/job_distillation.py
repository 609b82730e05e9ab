"""From a job's hyperparameters to what its student learns from besides the annotations."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from algorithm.data import Dataset, Sample
from algorithm.data.checking.box_table import network_scale
from algorithm.data.feeding.augmentation import Augmentation
from algorithm.data.feeding.pipeline import train_batches
from algorithm.distillation.distillers import (
    PEER,
    Distiller,
    OfflineTeacher,
    OnlinePeer,
    Remembered,
)
from algorithm.distillation.soft_losses import SoftLossConfig
from algorithm.distillation.teacher_file import FrozenTeacher
from algorithm.hyperparameters import PEER_ENLARGEMENT, Hyperparameters
from algorithm.models.detector import Detector, build_detector, enlarged
from algorithm.models.weights.warm_start import HIGHER_RATE, Start, find_start, wants_a_higher_rate
from algorithm.ops.box_arrays import box_area
from algorithm.ops.losses import LossConfig

_log = logging.getLogger("algorithm.training")
# Parts of soft_cls_loss and soft_box_loss that count against a peer: see docs/use/distillation.md
# for what was measured.
PEER_CLASS_TRUST, PEER_BOX_TRUST = 0.25, 0.1
LARGE_FOR_A_PEER = 450  # pixels a side, between the sizes that advice_on_peer names


def soft_loss_config(hp: Hyperparameters) -> SoftLossConfig:
    """How much the student imitates, and what."""
    return SoftLossConfig(hp.kd_method, hp.soft_cls_loss, hp.soft_box_loss, hp.delta)


def peer_loss_config(hp: Hyperparameters) -> SoftLossConfig:
    """What a student imitates of a peer: the same, with a part of the weights, because the peer is
    learning itself.
    """
    config = soft_loss_config(hp)
    return replace(
        config,
        class_weight=config.class_weight * PEER_CLASS_TRUST,
        box_weight=config.box_weight * PEER_BOX_TRUST,
    )


def build_peer(student: Detector, survival_probability: float | None = None) -> Detector:
    """The student enlarged: it shares all but batch norms, which start as the student's are now."""
    with keras.name_scope(PEER):  # so that the optimizer's variables have names of their own
        return enlarged(student, PEER_ENLARGEMENT, survival_probability)


def find_peer(
    hp: Hyperparameters, student: Detector, scratch: Path, resumed: bool = False
) -> Detector:
    """The student as it is now, enlarged; or peer_model at the student's input size, with the
    weights that peer_pretrained asks for unless `resumed`, where a checkpoint has them. DataError:
    they cannot be had, see find_start."""
    if not hp.peer_model:
        return build_peer(student, hp.survival_prob)
    with keras.name_scope(PEER):
        peer = build_detector(hp.peer_model, student.num_classes, student.image_size)
    wanted = replace(
        hp,
        model_name=hp.peer_model,
        pretrained=hp.peer_pretrained,
        fine_tune_checkpoint_type="detection",
    )
    start = None if resumed else find_start(wanted, scratch)
    if start:
        _log.info("peer: %s", start.load(peer))
    return peer


def find_distiller(
    hp: Hyperparameters,
    student: Detector,
    label_names: tuple[str, ...],
    loss: LossConfig,
    scratch: Path,
    resumed: bool = False,
) -> Distiller | None:
    """A frozen teacher, copied to `scratch` where it is remote; a peer, see find_peer; or None
    where none is asked for. DataError: the teacher or the peer's weights cannot be used, see
    FrozenTeacher. ArgumentError: the peer does not fit kd_method."""
    distiller: Distiller | None = None
    if hp.use_offline_kd:
        teacher = FrozenTeacher.open(hp.teacher_model_url, scratch)
        teacher.check_labels(label_names)
        distiller = OfflineTeacher(teacher, student, soft_loss_config(hp))
    if hp.use_online_kd:
        distiller = OnlinePeer(
            find_peer(hp, student, scratch, resumed), student, peer_loss_config(hp), loss
        )
    if distiller:
        _log.info("%s", distiller.describe())
    return distiller


def advice_on_peer(
    hp: Hyperparameters, student: Detector, samples: Sequence[Sample], start: Start | None
) -> tuple[str, ...]:
    """Lines for the log where, in jobs of this kind, the student enlarged took more than it gave
    when measured (docs/use/distillation.md); none where no peer is asked for, or another one.
    samples: what is trained on. start: what the student's weights are from, None where a job goes
    on."""
    if not hp.use_online_kd or hp.peer_model:
        return ()
    advice = []
    if start and start.scope != "classification":
        advice.append(
            "use_online_kd: the start is a whole detector's weights, from which T2 alone was "
            "better in all four pairs that were measured, on raccoon at 128 and 256 pixels "
            "(docs/use/distillation.md); compare with a job without use_online_kd and four times "
            "the num_epochs, which takes about as long"
        )
    if wants_a_higher_rate(hp, student.image_size, start):
        advice.append(
            "use_online_kd: the start is an ImageNet backbone and the input small; alone, with "
            f"learning_rate={HIGHER_RATE:g}, T2 at 256 was 0.006 AP below T2 with a peer at 0.08 "
            "in the mean of six pairs, and T1 at 320 0.086 above T1 with a peer in the one that "
            "was run, in a quarter of the time (docs/use/distillation.md); compare with "
            f"learning_rate={HIGHER_RATE:g} in hparams and no use_online_kd, or with a peer that "
            "starts from a detector's weights (peer_model=efficientdet-lite0, peer_pretrained) "
            "and kd_method=crosshead, from which T0, T1 and T2 gained in the mean"
        )
    height, width = (PEER_ENLARGEMENT * side for side in student.image_size)
    pixels = _typical_object(samples, (height, width))
    if pixels > LARGE_FOR_A_PEER:
        advice.append(
            f"use_online_kd: half of the objects have more than {pixels:.0f} pixels a side (root "
            f"of the area) in the peer's input of {height}x{width}; on raccoon, where they had "
            "533, a peer gave T0 +0.014 and -0.006 AP in two pairs of 400 steps, in five times "
            "the time (docs/use/distillation.md); compare with a job without use_online_kd"
        )
    return tuple(advice)


def _typical_object(samples: Sequence[Sample], image_size: tuple[int, int]) -> float:
    """The side, in pixels of an input of `image_size`, that half of the objects exceed; 0 without
    objects.
    """
    found = [
        np.sqrt(box_area(sample.boxes[~sample.is_crowd])) * network_scale(sample, image_size)
        for sample in samples
    ]
    return float(np.median(np.concatenate(found))) if sum(map(len, found)) else 0.0


def remembered_answers(
    distiller: Distiller | None,
    dataset: Dataset,
    student: Detector,
    augmentation: Augmentation,
    seed: int,
) -> Remembered | None:
    """A frozen teacher's answers to all training pictures, where no augmentation makes them others
    in every epoch.
    """
    if not isinstance(distiller, OfflineTeacher) or augmentation.changes:
        return None
    once = train_batches(
        dataset.train,
        image_size=student.image_size,
        batch_size=1,
        seed=seed,
        augmentation=augmentation,
    )
    return distiller.remembered(once, len(dataset.train))
