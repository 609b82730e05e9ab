"""Which variables of a network are not trained."""

from __future__ import annotations

import logging
import re

import keras

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import Hyperparameters
from algorithm.hyperparameters.learning_rate import suits_frozen_batch_norm
from algorithm.models.detector import Detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.stored_tensors import MASK_HEAD
from algorithm.models.zoo import PRESETS

_log = logging.getLogger("algorithm.jobs.job")
# Statistics of fewer pictures than this are noise: batch norm then keeps what the pretrained
# network knows.
SMALLEST_BATCH_FOR_STATISTICS = 4
BACKBONE = "classification"  # the scope of a start that is no detector


def frozen_names(hp: Hyperparameters, warm: bool) -> str:
    """Return the regular expression of the variables that are not trained.

    It is `freeze`, or what the model keeps of pretrained weights. "none" freezes nothing.

    Args:
        hp: The job's hyperparameters.
        warm: Whether the weights are pretrained; random ones are not worth keeping.
    """
    if hp.freeze:
        return "" if hp.freeze == "none" else hp.freeze
    kept = PRESETS[hp.model_name].frozen if warm else ""
    if kept:
        _log.info(
            "freeze: %s keeps the pretrained variables %s; --freeze=none trains them too",
            hp.model_name,
            kept,
        )
    return kept


def freezes_batch_norm(hp: Hyperparameters, start: str | None, batch_size: int) -> bool:
    """Return whether batch-norm parameters and statistics stay as loaded.

    freeze_bn=auto freezes those of a pretrained detector, whose features are lost when statistics
    move to those of a few hundred pictures (docs/research/2026-12-01-batch-norm.md). Not so where
    the learning rate is too high for that, and where a peer learns along, with which it was not
    measured. Besides it freezes those of any pretrained network where batches are small. The log
    says so.

    Args:
        hp: The job's hyperparameters.
        start: The scope of the starting weights, see Start; None for random ones.
        batch_size: Pictures whose statistics batch norm takes together.
    """
    if hp.freeze_bn != "auto":
        return hp.freeze_bn == "true"
    detector = start not in (None, BACKBONE) and not hp.use_online_kd
    if detector and suits_frozen_batch_norm(hp):
        why = "pretrained detector"
    elif start and batch_size < SMALLEST_BATCH_FOR_STATISTICS:
        why = f"pretrained, batches of {batch_size}"
    else:
        if detector:
            _log.info(
                "freeze_bn=auto: batch norm is trained, as learning_rate=%g is too high for a "
                "detector that keeps it; learning_rate=0 lets the job choose for both",
                hp.learning_rate,
            )
        return False
    _log.info(
        "freeze_bn=auto: batch norm stays as loaded (%s); --freeze_bn=false with a new train_url "
        "trains it",
        why,
    )
    return True


def freeze(detector: Detector, pattern: str, batch_norm: bool) -> int:
    """Stop the training of some variables.

    Args:
        detector: Its variables and layers are changed.
        pattern: A regular expression that matches published names from their start; "" matches
            none.
        batch_norm: Whether to freeze batch-norm parameters and statistics too. Those of a mask head
            stay free: it is not pretrained, and without them its numbers dwindle layer by layer.

    Returns:
        How many variables stay trainable.

    Raises:
        ArgumentError: The pattern matches nothing, or nothing is left to train.
    """
    if batch_norm:
        for layer in detector.layers:
            new = layer.name.replace(".", "/").startswith(MASK_HEAD)
            if isinstance(layer, keras.layers.BatchNormalization) and not new:
                layer.trainable = False
    named = published_variables(detector)
    matching = [variable for name, variable in named.items() if pattern and re.match(pattern, name)]
    if pattern and not matching:
        raise ArgumentError(
            "freeze: expected an expression that matches names of variables from their start, "
            f"found {pattern!r}, which matches none of {len(named)}; the first is "
            f"{next(iter(named))}"
        )
    for variable in matching:
        variable.trainable = False
    left = len(detector.trainable_variables)
    if not left:
        raise ArgumentError(
            f"freeze: expected something left to train, found that {pattern!r} freezes everything"
        )
    return left
