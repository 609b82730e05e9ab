"""EfficientDet as a ModelArts-style marketplace algorithm."""

__version__ = "0.2.0"
