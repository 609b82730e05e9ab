"""The class predictor that a job begins with: rows of new classes are fitted to pictures first."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from algorithm.data import Dataset
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import loss_config
from algorithm.jobs.outputs.run_folder import TRAINING_MODES
from algorithm.models import Detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.loading import stored_value
from algorithm.models.weights.opening import open_weights
from algorithm.models.weights.stored_tensors import CLASS_FILTER, CLASS_PREDICTOR
from algorithm.ops.losses import LossConfig
from algorithm.training.devices.devices import Devices
from algorithm.training.failure_recovery import OUT_OF_MEMORY
from algorithm.training.linear_probe import (
    chosen_samples,
    features_of,
    fit,
    has_linear_part,
    room_for,
)

_log = logging.getLogger("algorithm.jobs.job")
_PARTS = (CLASS_FILTER, f"{CLASS_PREDICTOR}pointwise_kernel", f"{CLASS_PREDICTOR}bias")


def fit_class_predictor(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    devices: Devices,
    weights: Path,
    known: Sequence[str],
) -> None:
    """Take over the spatial filter of the class predictor and fit the rows of new classes.

    Nothing is done where the job does not want it, and where the weights have no such filter. On
    several machines the chief's rows count.

    Args:
        hp: The job's hyperparameters.
        detector: Has its starting weights, but for the rows.
        dataset: The training pictures.
        devices: The devices that hold the network.
        weights: The starting weights.
        known: Classes whose rows were taken from the weights.

    Raises:
        ArgumentError: class_weights names a class that the dataset does not have.
        DataError: The filter holds numbers that are not finite, or a picture cannot be read.
    """
    if not hp.linear_probe or hp.mode not in TRAINING_MODES or not has_linear_part(detector):
        return
    variables = [published_variables(detector)[name] for name in _PARTS]
    with open_weights(weights) as source:
        stored = source.tensors.get(CLASS_FILTER)
        if stored is None or stored.shape != tuple(variables[0].shape):
            return
        values = [stored_value(source, CLASS_FILTER)]
    values += [np.array(variable.numpy()) for variable in variables[1:]]
    loss, names = loss_config(hp, dataset), dataset.label_names
    new = [label for label, name in enumerate(names) if name not in known]
    fitted = not devices.chief or _fit_rows(hp, detector, dataset, new, loss, *values)
    if devices.any(not fitted):
        return
    for variable, value in zip(variables, values, strict=True):
        variable.assign(devices.from_chief(value))


def _fit_rows(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    labels: list[int],
    loss: LossConfig,
    spatial_filter: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray,
) -> bool:
    """Fit the rows of `labels` in the kernel [1, 1, C, A * K] and the bias [A * K].

    Returns:
        Whether it could be done. If not, nothing is changed.
    """
    begun = time.monotonic()
    samples = chosen_samples(dataset.train, labels, room_for(detector), hp.seed)
    _log.info(
        "linear_probe: fitting the class predictor to the pretrained features of %d training "
        "pictures; linear_probe=False in hparams lets it start fresh",
        len(samples),
    )
    try:
        features = features_of(detector, spatial_filter, samples, hp.eval_batch_size)
        fitted = fit(features, labels, loss, hp.seed)
    except OUT_OF_MEMORY:
        _log.warning(
            "linear_probe: too little memory for %d pictures at a time; the class predictor "
            "starts fresh. A smaller eval_batch_size may help",
            hp.eval_batch_size,
        )
        return False
    if not all(np.isfinite(rows).all() for rows in fitted):
        _log.warning("linear_probe: the fit diverged; the class predictor starts fresh")
        return False
    for whole, rows in zip((kernel, bias), fitted, strict=True):
        whole.reshape(*whole.shape[:-1], -1, detector.num_classes)[..., labels] = rows
    unseen = [dataset.label_names[label] for label in np.setdiff1d(labels, features.targets)]
    _log.info(
        "linear_probe: fitted in %.0f s%s",
        time.monotonic() - begun,
        f", but for classes without an object in these pictures: {', '.join(unseen)}"
        if unseen
        else "",
    )
    return True
