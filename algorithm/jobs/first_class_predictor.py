"""The class predictor that a job begins with: fitted to the training pictures where it can be."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np

from algorithm.data import Dataset
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import loss_config
from algorithm.jobs.outputs.run_folder import TRAINING_MODES
from algorithm.models import Detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.load_report import LoadReport
from algorithm.models.weights.opening import open_weights
from algorithm.models.weights.stored_tensors import CLASS_FILTER, CLASS_PREDICTOR
from algorithm.training.devices.devices import Devices
from algorithm.training.linear_probe import features_of, fit, has_linear_part

_log = logging.getLogger("algorithm.jobs.job")


def fit_class_predictor(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    devices: Devices,
    weights: Path,
    report: LoadReport,
) -> None:
    """Fit the rows of new classes in the class predictor, and take over its spatial filter.

    Nothing is done where all classes are known by name, where the weights have no such filter, and
    where the job does not want it. On several machines the rows are the chief's.

    Args:
        hp: The job's hyperparameters.
        detector: Has its starting weights.
        dataset: The training pictures.
        devices: The devices that hold the network.
        weights: The starting weights.
        report: Of their load.

    Raises:
        DataError: A picture cannot be read.
    """
    fresh = report.fresh_beside_pretrained(detector.num_classes)
    wanted = hp.linear_probe and hp.mode in TRAINING_MODES and has_linear_part(detector)
    if not wanted or not any(name.startswith(CLASS_PREDICTOR) for name in fresh):
        return
    variables = published_variables(detector)
    with open_weights(weights) as source:
        stored = source.tensors.get(CLASS_FILTER)
        if stored is None or stored.shape != tuple(variables[CLASS_FILTER].shape):
            return
        variables[CLASS_FILTER].assign(stored.read())
    kernel, bias = (variables[f"{CLASS_PREDICTOR}{part}"] for part in ("pointwise_kernel", "bias"))
    values = kernel.numpy(), bias.numpy()
    if devices.chief:
        labels = [
            label
            for label, name in enumerate(dataset.label_names)
            if name not in report.known_classes
        ]
        values = _with_fitted_rows(hp, detector, dataset, labels, *values)
    for variable, value in zip((kernel, bias), values, strict=True):
        variable.assign(devices.from_chief(value))


def _with_fitted_rows(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    labels: list[int],
    kernel: np.ndarray,
    bias: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The kernel [1, 1, C, A * K] and the bias [A * K] with the rows of `labels` fitted."""
    begun = time.monotonic()
    features = features_of(detector, dataset.train, hp.eval_batch_size, hp.seed)
    fitted = fit(features, labels, loss_config(hp, dataset), hp.seed)
    mixed = kernel.copy(), bias.copy()
    for whole, rows in zip(mixed, fitted, strict=True):
        whole.reshape(*whole.shape[:-1], -1, detector.num_classes)[..., labels] = rows
    _log.info(
        "linear_probe: the class predictor is fitted to the pretrained features of %d training "
        "pictures (%.0f s); linear_probe=False in hparams lets it start fresh",
        len(features.values),
        time.monotonic() - begun,
    )
    return mixed
