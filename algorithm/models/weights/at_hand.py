"""Whether a model can begin from pretrained weights on this machine as it is, or which one can."""

from __future__ import annotations

import http.client
import urllib.request

from algorithm.models.weights.catalogue import default_download
from algorithm.models.weights.lookup import find_pretrained
from algorithm.models.zoo import PRESETS

PATIENCE = 3.0  # seconds for the published address to answer


def model_at_hand(model_name: str) -> str:
    """Return the model that a job can begin with here.

    Args:
        model_name: The model that is wanted.

    Returns:
        It, where its weights are here, its published address answers, or no other model's weights
        are here; else the model whose weights are here, detectors before backbones, with the
        nearest input size.
    """
    if find_pretrained(model_name):
        return model_name
    here = {name: found for name in PRESETS if (found := find_pretrained(name))}
    if not here or _is_published(model_name):
        return model_name
    side = PRESETS[model_name].image_size
    return min(
        here,
        key=lambda name: (here[name].scope != "detection", abs(PRESETS[name].image_size - side)),
    )


def _is_published(model_name: str) -> bool:
    """Whether the address of a model's weights answers."""
    published = default_download(model_name)
    if published.package:
        return False
    asked = urllib.request.Request(published.url, method="HEAD")
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE):
            return True
    except (OSError, http.client.HTTPException):
        return False
