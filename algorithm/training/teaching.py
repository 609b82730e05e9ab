"""From a job's hyperparameters to what its student learns from besides the annotations."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import keras

from algorithm.data import Dataset
from algorithm.data.augment import Augmentation
from algorithm.data.pipeline import train_batches
from algorithm.hyperparameters import PEER_ENLARGEMENT, Hyperparameters
from algorithm.models.detector import Detector, enlarged
from algorithm.models.weights.frozen_graph import FrozenTeacher
from algorithm.ops.distillation import SoftLossConfig
from algorithm.ops.losses import LossConfig
from algorithm.training.distillation import PEER, Distiller, OfflineTeacher, OnlinePeer, Remembered
from algorithm.training.warm_start import Start

_log = logging.getLogger("algorithm.training")
# Parts of soft_cls_loss and soft_box_loss that count against a peer: see docs/distillation.md for what was measured.
PEER_CLASS_TRUST, PEER_BOX_TRUST = 0.25, 0.1


def soft_loss_config(hp: Hyperparameters) -> SoftLossConfig:
    """How much the student imitates, and what."""
    return SoftLossConfig(hp.kd_method, hp.soft_cls_loss, hp.soft_box_loss, hp.delta)


def peer_loss_config(hp: Hyperparameters) -> SoftLossConfig:
    """What a student imitates of a peer: the same, with a part of the weights, because the peer is learning itself."""
    config = soft_loss_config(hp)
    return replace(config, class_weight=config.class_weight * PEER_CLASS_TRUST, box_weight=config.box_weight * PEER_BOX_TRUST)


def build_peer(student: Detector, survival_probability: float | None = None) -> Detector:
    """The student enlarged: it shares all but batch norms, which start as the student's are now."""
    with keras.name_scope(PEER):  # so that the optimizer's variables have names of their own
        return enlarged(student, PEER_ENLARGEMENT, survival_probability)


def find_distiller(hp: Hyperparameters, student: Detector, label_names: tuple[str, ...], loss: LossConfig,
                   scratch: Path, start: Start | None = None) -> Distiller | None:
    """A frozen teacher, copied to `scratch` where it is remote; a peer of the student as it is now; or None where none is asked
    for. start: what the student's weights are from. DataError: the teacher cannot be used, see FrozenTeacher."""
    distiller: Distiller | None = None
    if hp.use_offline_kd:
        teacher = FrozenTeacher.open(hp.teacher_model_url, scratch)
        teacher.check_labels(label_names)
        distiller = OfflineTeacher(teacher, student, soft_loss_config(hp))
    if hp.use_online_kd:
        distiller = OnlinePeer(build_peer(student, hp.survival_prob), student, peer_loss_config(hp), loss)
        _advise_on_start(student, start)
    if distiller:
        _log.info("%s", distiller.describe())
    return distiller


def _advise_on_start(student: Detector, start: Start | None) -> None:
    if start and start.scope != "classification" and min(student.image_size) >= student.preset.image_size:
        _log.warning("use_online_kd: the start is a whole detector's weights, from which T2 alone was better in all three pairs that were "
                     "measured at its own input size (docs/distillation.md); compare with a job without use_online_kd and four times the "
                     "num_epochs, which takes about as long")


def remembered_answers(distiller: Distiller | None, dataset: Dataset, student: Detector, augmentation: Augmentation,
                       seed: int) -> Remembered | None:
    """A frozen teacher's answers to all training pictures, where no augmentation makes them others in every epoch."""
    if not isinstance(distiller, OfflineTeacher) or augmentation.changes:
        return None
    once = train_batches(dataset.train, image_size=student.image_size, batch_size=1, seed=seed, augmentation=augmentation)
    return distiller.remembered(once, len(dataset.train))
