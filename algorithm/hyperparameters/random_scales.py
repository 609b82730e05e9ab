"""jitter_min and jitter_max: between which scales training pictures are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What pretrained weights expect is near; random ones learn every scale from the start, as
# published (docs/research/2026-11-30-defaults.md).
SCALES = ("jitter_min", "jitter_max")
PRETRAINED, RANDOM = (0.5, 1.5), (0.1, 2.0)


def random_scales(values: Mapping[str, Any]) -> tuple[float, float]:
    """Return the least and the greatest scale of a training picture, relative to the input.

    Args:
        values: jitter_min and jitter_max, None where the start decides, and pretrained, as of the
            parsed hyperparameters.

    Returns:
        The scales. Where only one is given, the other moves out of its way.
    """
    least, greatest = RANDOM if values["pretrained"] == "none" else PRETRAINED
    low, high = values["jitter_min"], values["jitter_max"]
    if low is None:
        low = least if high is None else min(least, high)
    if high is None:
        high = max(greatest, low)
    return low, high
