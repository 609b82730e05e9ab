"""Architectures. Networks need TensorFlow; the table of models does not, and so does not wait."""

from typing import TYPE_CHECKING, Any

from algorithm.models.zoo import PRESETS, Preset

if TYPE_CHECKING:
    from algorithm.models.detector import Detector, build_detector

__all__ = ["PRESETS", "Detector", "Preset", "build_detector"]


def __getattr__(name: str) -> Any:
    if name not in ("Detector", "build_detector"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from algorithm.models import detector

    return getattr(detector, name)
