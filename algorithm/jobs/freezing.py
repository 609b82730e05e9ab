"""Which variables of a network are not trained."""

from __future__ import annotations

import logging
import re

import keras

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import Hyperparameters
from algorithm.models.detector import Detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.stored_tensors import MASK_HEAD
from algorithm.models.zoo import PRESETS

_log = logging.getLogger("algorithm.jobs.job")
# Statistics of fewer pictures than this are noise: batch norm then keeps what the pretrained
# network knows.
SMALLEST_BATCH_FOR_STATISTICS = 4


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


def freezes_batch_norm(hp: Hyperparameters, warm: bool, batch_size: int) -> bool:
    """Return whether batch-norm parameters and statistics stay as loaded.

    freeze_bn=auto decides by the batch size and says why in the log.

    Args:
        hp: The job's hyperparameters.
        warm: Whether the weights are pretrained, and so worth keeping.
        batch_size: Pictures whose statistics batch norm takes together.
    """
    if hp.freeze_bn != "auto":
        return hp.freeze_bn == "true"
    frozen = warm and batch_size < SMALLEST_BATCH_FOR_STATISTICS
    _log.info(
        "freeze_bn=auto: batch norm is %s (%s, batch of %d)",
        "frozen" if frozen else "trained",
        "pretrained" if warm else "from scratch",
        batch_size,
    )
    return frozen


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
