"""How fast layers learn that start fresh beside a pretrained detector."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from algorithm.models.weights.stored_tensors import BOX_PREDICTOR, CLASS_PREDICTOR, MASK_HEAD

_log = logging.getLogger("algorithm.jobs.job")
# Factors on the learning rate with adam. No batch norm follows the class predictor: a step changes
# its logits by little (docs/research/2026-11-30-defaults.md). The mask head is as fast as it was at
# the usual rate (docs/research/2026-12-01-batch-norm.md).
FACTORS = {CLASS_PREDICTOR: 16.0, **dict.fromkeys(MASK_HEAD, 12.0)}


def fresh_factors(
    fresh: Iterable[str], asked: float, optimizer: str, num_classes: int
) -> dict[str, float]:
    """Return the factors on the learning rate of fresh variables, and say in the log what they are.

    Args:
        fresh: Published names of variables that start fresh beside pretrained ones.
        asked: fresh_lr_factor, for all of them; 0 takes FACTORS with adam, and 1 with sgd, with
            which nothing was measured.
        optimizer: "adam" or "sgd".
        num_classes: Of the detector. One class is told from the background by features that are
            there already, and lost by a higher rate.

    Returns:
        The factor of each variable that has another one than 1, by published name.
    """
    chosen = FACTORS if optimizer == "adam" else {}
    if num_classes == 1:
        chosen = {part: factor for part, factor in chosen.items() if part != CLASS_PREDICTOR}
    factors = {
        name: asked or next((f for part, f in chosen.items() if name.startswith(part)), 1.0)
        for name in fresh
    }
    factors = {name: factor for name, factor in factors.items() if factor != 1.0}
    parts = {_part(name): factor for name, factor in factors.items()}
    if parts:
        _log.info(
            "fresh_lr_factor: layers that start fresh beside a pretrained network have a learning "
            "rate of their own: %s; fresh_lr_factor=1 in hparams gives them that of the rest",
            ", ".join(f"{part} {factor:g} times the rest's" for part, factor in parts.items()),
        )
    return factors


def _part(name: str) -> str:
    """A predictor, or else what the name begins with."""
    predictor = next((p for p in (CLASS_PREDICTOR, BOX_PREDICTOR) if name.startswith(p)), None)
    return predictor.rstrip("/") if predictor else name.partition("/")[0]
