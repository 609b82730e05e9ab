"""The hyperparameter learning_rate: the batch that it is for, and what 0 chooses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algorithm.hyperparameters.typed import Hyperparameters

REFERENCE_BATCH = 64  # pictures of a step that learning_rate stands for; it follows the real number
USUAL_RATE = 0.08  # as published
# For a pretrained detector whose batch norm is frozen, and the highest that it bears
# (docs/research/2026-12-01-batch-norm.md).
DETECTOR_RATE, HIGHEST_DETECTOR_RATE = 0.024, 0.04
ADAM_SHARE = 0.1  # learning_rate is sgd's; adam takes a tenth of it, the published relation
DROPS = (0.1, 0.01)  # factors on the rate after the two drops of stepwise decay, as published
# The jobs for which more than the usual rate was better, with optimizer=auto, from ImageNet
# (docs/research/2026-11-28-tiny-models.md).
MEASURED_BACKBONE, SMALL_INPUT, SMALL_BATCH, HIGHER_RATE = "efficientnet-lite0", 320, 8, 0.16
_log = logging.getLogger(__name__)


def wants_a_higher_rate(
    hp: Hyperparameters, image_size: tuple[int, int], backbone: str, scope: str | None
) -> bool:
    """Return whether a job without a peer gains by HIGHER_RATE.

    Such jobs start from lite0's ImageNet backbone, with small inputs and small batches.

    Args:
        hp: The job's hyperparameters.
        image_size: Height and width of the input in pixels.
        backbone: The name of the model's backbone.
        scope: What of the model the starting weights hold, see Start; None where a job goes on.
    """
    measured = hp.optimizer == "auto" and backbone == MEASURED_BACKBONE
    small = (
        max(image_size) <= SMALL_INPUT
        and hp.train_batch_size * hp.gradient_accumulation_steps <= SMALL_BATCH
    )
    return scope == "classification" and measured and small


def suits_frozen_batch_norm(hp: Hyperparameters) -> bool:
    """Return whether learning_rate is low enough for a detector whose batch norm is frozen."""
    return hp.learning_rate <= HIGHEST_DETECTOR_RATE * _share(hp)


def _share(hp: Hyperparameters) -> float:
    """The factor on the rates above: adam that was asked for takes learning_rate as it is."""
    return ADAM_SHARE if hp.optimizer == "adam" else 1.0


def learning_rate_of(
    hp: Hyperparameters,
    image_size: tuple[int, int],
    backbone: str,
    scope: str | None,
    batch_norm_frozen: bool,
) -> float:
    """Return the learning rate of a job that begins, and say in the log where it was chosen.

    Args:
        hp: The job's hyperparameters; its learning_rate is taken where it is not 0.
        image_size: Height and width of the input in pixels.
        backbone: The name of the model's backbone.
        scope: What of the model the starting weights hold, see Start; None where a job goes on.
        batch_norm_frozen: Whether batch norm stays as loaded.

    Returns:
        The rate for REFERENCE_BATCH pictures in a step.
    """
    if hp.learning_rate:
        return hp.learning_rate
    detector = scope not in (None, "classification")
    if detector and batch_norm_frozen and not hp.use_online_kd:
        rate = DETECTOR_RATE * _share(hp)
        _log.info(
            "learning_rate=0 chooses %g: the start is a detector whose batch norm stays as loaded",
            rate,
        )
        return rate
    learns_from_itself = hp.use_online_kd and not hp.peer_model
    if learns_from_itself or not wants_a_higher_rate(hp, image_size, backbone, scope):
        return USUAL_RATE
    _log.info(
        "learning_rate=0 chooses %g: the start is an ImageNet backbone, the input small and the "
        "batch at most %d (docs/research/2026-11-28-tiny-models.md); learning_rate=%g in hparams "
        "takes the usual one",
        HIGHER_RATE,
        SMALL_BATCH,
        USUAL_RATE,
    )
    return HIGHER_RATE
