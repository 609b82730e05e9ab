"""Architectures."""

from algorithm.models.detector import Detector, build_detector
from algorithm.models.zoo import PRESETS, Preset

__all__ = ["PRESETS", "Detector", "Preset", "build_detector"]
