"""What a job's student learns from besides the annotations, by the job's hyperparameters."""

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
from algorithm.distillation.distiller import PEER, Distiller
from algorithm.distillation.offline_teacher import OfflineTeacher, Remembered
from algorithm.distillation.online_peer import OnlinePeer
from algorithm.distillation.soft_losses import SoftLossConfig
from algorithm.distillation.teacher_file import FrozenTeacher
from algorithm.hyperparameters import PEER_ENLARGEMENT, Hyperparameters
from algorithm.hyperparameters.learning_rate import HIGHER_RATE, wants_a_higher_rate
from algorithm.models.detector import Detector, build_detector, enlarged
from algorithm.models.weights.warm_start import Start, find_start
from algorithm.ops.box_arrays import box_area
from algorithm.ops.losses import LossConfig

_log = logging.getLogger("algorithm.training")
_RECORD = "docs/research/2026-11-29-distillation-gains.md"
# The shares of soft_cls_loss and soft_box_loss that count against a peer, which is learning itself.
PEER_CLASS_TRUST, PEER_BOX_TRUST = 0.25, 0.1
LARGE_FOR_A_PEER = 450  # side of a typical object in the peer's input, in pixels


def soft_loss_config(hp: Hyperparameters) -> SoftLossConfig:
    """Return what the student imitates of a teacher, and with which weights."""
    return SoftLossConfig(hp.kd_method, hp.soft_cls_loss, hp.soft_box_loss, hp.delta)


def peer_loss_config(hp: Hyperparameters) -> SoftLossConfig:
    """Return what the student imitates of a peer.

    It is the same as of a teacher, with smaller weights, because a peer is learning itself.
    """
    config = soft_loss_config(hp)
    return replace(
        config,
        class_weight=config.class_weight * PEER_CLASS_TRUST,
        box_weight=config.box_weight * PEER_BOX_TRUST,
    )


def build_peer(student: Detector, survival_probability: float | None = None) -> Detector:
    """Build the student enlarged, as its own peer.

    Args:
        student: The detector that is exported.
        survival_probability: Of stochastic depth; None for that of the model.

    Returns:
        A detector that shares all variables but the batch norms, which start as the student's are.
    """
    with keras.name_scope(PEER):  # it gives the optimizer's variables names of their own
        return enlarged(student, PEER_ENLARGEMENT, survival_probability)


def find_peer(
    hp: Hyperparameters, student: Detector, scratch: Path, resumed: bool = False
) -> Detector:
    """Build the network that is trained beside the student.

    Args:
        hp: The job's hyperparameters.
        student: The detector that is exported.
        scratch: A local folder for weights from a store.
        resumed: Whether a checkpoint has the peer's weights, so that none are looked for.

    Returns:
        `peer_model` at the student's input size, with the weights that `peer_pretrained` asks for;
        without `peer_model`, the student enlarged.

    Raises:
        DataError: The peer's weights cannot be had; see `find_start`.
    """
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
        _log.info("peer: warm start %s: %s", start.where, start.load(peer).summary())
    return peer


def find_distiller(
    hp: Hyperparameters,
    student: Detector,
    label_names: tuple[str, ...],
    loss: LossConfig,
    scratch: Path,
    resumed: bool = False,
) -> Distiller | None:
    """Find what the student learns from besides the annotations.

    Args:
        hp: The job's hyperparameters.
        student: The detector that is exported.
        label_names: The classes of the dataset, in order.
        loss: The detection loss, with which a peer is trained.
        scratch: A local folder, to which a remote teacher is copied.
        resumed: Whether a checkpoint has the peer's weights.

    Returns:
        A frozen teacher or a peer; None where neither is asked for.

    Raises:
        ArgumentError: The peer does not fit `kd_method`.
        DataError: The teacher or the peer's weights cannot be used; see `FrozenTeacher`.
    """
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
    """Return lines for the log where training without the enlarged student may serve better.

    Args:
        hp: The job's hyperparameters.
        student: The detector that is exported.
        samples: What is trained on.
        start: Where the student's weights are from; None where a job goes on.

    Returns:
        One line for each reason; none where no peer is asked for, or another model is the peer.
    """
    if not hp.use_online_kd or hp.peer_model:
        return ()
    advice = []
    if start and start.scope != "classification":
        advice.append(
            "use_online_kd: the start is a whole detector's weights, from which the enlarged "
            "student has not been shown to help; compare with a job without use_online_kd and "
            f"four times the num_epochs, which takes about as long ({_RECORD})"
        )
    scope = start.scope if start else None
    if wants_a_higher_rate(hp, student.image_size, student.preset.backbone, scope):
        advice.append(
            "use_online_kd: the start is an ImageNet backbone and the input small, where a higher "
            f"rate is worth more; compare with learning_rate={HIGHER_RATE:g} in hparams and no "
            "use_online_kd, or with a peer that starts from a detector's weights "
            "(peer_model=efficientdet-lite0, peer_pretrained) and kd_method=crosshead "
            f"({_RECORD})"
        )
    height, width = (PEER_ENLARGEMENT * side for side in student.image_size)
    pixels = _typical_object(samples, (height, width))
    if pixels > LARGE_FOR_A_PEER:
        advice.append(
            f"use_online_kd: half of the objects have more than {pixels:.0f} pixels a side (root "
            f"of the area) in the peer's input of {height}x{width}, so that a larger picture "
            f"shows little more; compare with a job without use_online_kd ({_RECORD})"
        )
    return tuple(advice)


def _typical_object(samples: Sequence[Sample], image_size: tuple[int, int]) -> float:
    """Return the side that half of the objects exceed, in pixels of an input of `image_size`.

    It is 0 without objects.
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
    """Ask a frozen teacher once about every training picture, where that is enough.

    Args:
        distiller: What the student learns from besides the annotations, or None.
        dataset: The job's data.
        student: The network that is trained.
        augmentation: What is changed in training pictures.
        seed: The job's seed.

    Returns:
        Its answers; None without a frozen teacher, where augmentation changes the pictures from
        epoch to epoch, or where the answers would not fit into memory.
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
