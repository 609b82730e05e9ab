"""How are published checkpoints read? This is the one room of `models` that opens files."""

from algorithm.models.weights.load_report import LoadReport
from algorithm.models.weights.loading import SCOPES, load_weights
from algorithm.models.weights.lookup import LocalWeights, find_pretrained
from algorithm.models.weights.opening import open_weights

__all__ = [
    "SCOPES",
    "LoadReport",
    "LocalWeights",
    "find_pretrained",
    "load_weights",
    "open_weights",
]
