"""Advice on soft losses that stay too high."""

from __future__ import annotations

import logging

import numpy as np

from algorithm.distillation.distiller import SOFT_LOSSES
from algorithm.distillation.soft_losses import SoftLossConfig
from algorithm.training.hooks.hook import Hook, TrainingRun

HIGH = 5.0  # the published advice is to bring each soft loss below this
_log = logging.getLogger("algorithm.training")


class SoftLossHook(Hook):
    """Names the weight that would bring a soft loss below HIGH.

    It speaks once for each soft loss that stays above HIGH for an epoch.
    """

    def __init__(self, config: SoftLossConfig) -> None:
        weights = (("soft_cls_loss", config.class_weight), ("soft_box_loss", config.box_weight))
        self._weights = dict(zip(SOFT_LOSSES, weights, strict=True))
        self._seen: dict[str, list[float]] = {name: [] for name in SOFT_LOSSES}

    def after_step(self, run: TrainingRun, step: int, figures: dict[str, float]) -> None:
        """Note the figures, and look at them at the end of an epoch."""
        for name, values in self._seen.items():
            if name in figures:
                values.append(figures[name])
        if step % run.plan.steps_per_epoch:
            return
        for name, values in list(self._seen.items()):
            if values and (mean := float(np.mean(values))) > HIGH:
                key, weight = self._weights[name]
                _log.warning(
                    "%s was %.3g on average in this epoch, which is above %g: set %s=%.2g in "
                    "hparams (now %g), or 0 to leave it out",
                    name,
                    mean,
                    HIGH,
                    key,
                    0.8 * weight * HIGH / mean,
                    weight,
                )
                del self._seen[name]
            else:
                values.clear()
