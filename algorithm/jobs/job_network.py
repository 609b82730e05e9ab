"""The network of a job: built at its input size, with its starting weights."""

from __future__ import annotations

import logging

from algorithm.data import Dataset
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.first_class_predictor import fit_class_predictor
from algorithm.jobs.from_hyperparameters import detector_of
from algorithm.jobs.input_size import input_size
from algorithm.jobs.outputs.resumable_checkpoint import JobCheckpoint
from algorithm.models import Detector
from algorithm.models.weights.stored_tensors import CLASS_PREDICTOR
from algorithm.models.weights.warm_start import Start
from algorithm.training import checkpoints
from algorithm.training.devices.devices import Devices

_log = logging.getLogger("algorithm.jobs.job")


def network_of(
    hp: Hyperparameters,
    dataset: Dataset,
    devices: Devices,
    resumed: JobCheckpoint | None,
    start: Start | None,
) -> tuple[Detector, tuple[str, ...]]:
    """Build the network and give it its starting weights.

    Args:
        hp: The job's hyperparameters.
        dataset: The job's data.
        devices: The devices that hold the network.
        resumed: The checkpoint that the job goes on from or evaluates, or None; its weights follow
            later.
        start: The weights to begin with, or None.

    Returns:
        The network, and the published names of its variables that begin from nothing beside
        pretrained ones.

    Raises:
        DataError: Weights or pictures cannot be read.
    """
    state = resumed.state if resumed else None
    if hp.mode == "eval" and start:
        state = checkpoints.state_at(start.path)
    size = input_size(hp, dataset, state)
    _log.info("building %s%s ...", hp.model_name, " and loading its weights" if start else "")
    with devices.strategy.scope():
        detector = detector_of(hp, len(dataset.label_names), size)
        known = dataset.label_names if hp.known_classes else None
        report = start.load(detector, known) if start else None
    if start and report:
        _log.info("warm start %s: %s", start.where, report.summary())
        fresh = report.fresh_beside_pretrained(detector.num_classes)
        if any(name.startswith(CLASS_PREDICTOR) for name in fresh):
            fit_class_predictor(hp, detector, dataset, devices, start.path, report.known_classes)
        return detector, fresh
    if not resumed:
        _log.warning(
            "TRAINING FROM SCRATCH (pretrained=none): random weights, which want thousands of "
            "pictures"
        )
    return detector, ()
