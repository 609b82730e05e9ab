"""How are published checkpoints read? This is the one room of `models` that opens files.

What opens and loads them needs TensorFlow; what lists and fetches them does not, and so does not
wait.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from algorithm.models.weights.lookup import LocalWeights, find_pretrained

if TYPE_CHECKING:
    from algorithm.models.weights.load_report import LoadReport
    from algorithm.models.weights.loading import SCOPES, load_weights
    from algorithm.models.weights.opening import open_weights

__all__ = [
    "SCOPES",
    "LoadReport",
    "LocalWeights",
    "find_pretrained",
    "load_weights",
    "open_weights",
]
_LATER = {
    "SCOPES": "loading",
    "LoadReport": "load_report",
    "load_weights": "loading",
    "open_weights": "opening",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
