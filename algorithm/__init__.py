"""EfficientDet as a ModelArts-style marketplace algorithm."""

__version__ = "0.1.0"
