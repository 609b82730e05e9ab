"""From a job's hyperparameters to what its student learns from besides the annotations."""

from __future__ import annotations

import logging
from pathlib import Path

import keras

from algorithm.data import Dataset
from algorithm.data.augment import Augmentation
from algorithm.data.pipeline import train_batches
from algorithm.hyperparameters import ONLINE_PEERS, PEER_ENLARGEMENT, Hyperparameters
from algorithm.models.detector import Detector, build_detector
from algorithm.models.weights.frozen_graph import FrozenTeacher
from algorithm.ops.distillation import SoftLossConfig
from algorithm.ops.losses import LossConfig
from algorithm.training.distillation import PEER, Distiller, OfflineTeacher, OnlinePeer, Remembered
from algorithm.training.warm_start import Start, start_peer

_log = logging.getLogger("algorithm.training")


def soft_loss_config(hp: Hyperparameters) -> SoftLossConfig:
    """How much the student imitates, and what."""
    return SoftLossConfig(hp.kd_method, hp.soft_cls_loss, hp.soft_box_loss, hp.delta)


def build_peer(student: Detector, survival_probability: float | None = None) -> Detector:
    """The peer of a student that has one, with fresh weights."""
    size = tuple(PEER_ENLARGEMENT * side for side in student.image_size)
    with keras.name_scope(PEER):  # so that the optimizer's variables have names of their own
        return build_detector(ONLINE_PEERS[student.preset.name], student.num_classes, size, anchor_scale=student.preset.anchor_scale,
                              survival_probability=survival_probability)


def find_distiller(hp: Hyperparameters, student: Detector, label_names: tuple[str, ...], loss: LossConfig, scratch: Path,
                   start: Start | None) -> Distiller | None:
    """A frozen teacher, copied to `scratch` where it is remote; a peer with its starting weights; or None where none is asked
    for. DataError: the teacher cannot be used, see FrozenTeacher."""
    distiller: Distiller | None = None
    if hp.use_offline_kd:
        teacher = FrozenTeacher.open(hp.teacher_model_url, scratch)
        teacher.check_labels(label_names)
        distiller = OfflineTeacher(teacher, student, soft_loss_config(hp))
    if hp.use_online_kd:
        peer = build_peer(student, survival_probability=hp.survival_prob)
        _log.info("%s", start_peer(peer, start))
        distiller = OnlinePeer(peer, student, soft_loss_config(hp), loss)
    if distiller:
        _log.info("%s", distiller.describe())
    return distiller


def remembered_answers(distiller: Distiller | None, dataset: Dataset, student: Detector, augmentation: Augmentation,
                       seed: int) -> Remembered | None:
    """A frozen teacher's answers to all training pictures, where no augmentation makes them others in every epoch."""
    if not isinstance(distiller, OfflineTeacher) or augmentation.changes:
        return None
    once = train_batches(dataset.train, image_size=student.image_size, batch_size=1, seed=seed, augmentation=augmentation)
    return distiller.remembered(once, len(dataset.train))
