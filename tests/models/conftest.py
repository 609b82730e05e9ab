"""Small detectors with known weights, and writers of checkpoints for them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from algorithm.models import Detector, build_detector
from algorithm.models.variable_names import published_variables

Values = dict[str, np.ndarray]


def _value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    return (
        np.random.default_rng(zlib.crc32(name.encode())).uniform(0.1, 1.0, shape).astype(np.float32)
    )


@pytest.fixture
def values_of() -> Callable[[Detector], Values]:
    """Weights for a detector, {published name: array}, different in every tensor."""
    return lambda detector: {
        name: _value(name, tuple(variable.shape))
        for name, variable in published_variables(detector).items()
    }


@pytest.fixture
def weights_in() -> Callable[[Detector], Values]:
    """The weights a detector has, {published name: array}."""
    return lambda detector: {
        name: variable.numpy() for name, variable in published_variables(detector).items()
    }


def _cleared(detector: Detector) -> Detector:
    for variable in detector.variables:
        if variable.dtype == "float32":
            variable.assign(np.zeros(variable.shape, np.float32))
    return detector


@pytest.fixture(scope="session")
def _lite0() -> Detector:
    return build_detector("efficientdet-lite0", 5, 64)


@pytest.fixture(scope="session")
def _d0() -> Detector:
    return build_detector("efficientdet-d0", 5, 64)


@pytest.fixture
def lite0(_lite0) -> Detector:
    """EfficientDet-Lite0 for 5 classes, all weights 0."""
    return _cleared(_lite0)


@pytest.fixture
def d0(_d0) -> Detector:
    """EfficientDet-D0 for 5 classes, all weights 0."""
    return _cleared(_d0)


@pytest.fixture
def write_bundle(tmp_path) -> Callable[..., Path]:
    """Writes tensors by name as a TensorFlow checkpoint in a new folder, which it returns."""

    def write(
        tensors: Mapping[str, np.ndarray], folder: str = "checkpoint_folder", prefix: str = "model"
    ) -> Path:
        target = tmp_path / folder
        target.mkdir()
        names = sorted(tensors)
        tf.raw_ops.SaveV2(
            prefix=str(target / prefix),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.convert_to_tensor(tensors[name]) for name in names],
        )
        (target / "checkpoint").write_text(f'model_checkpoint_path: "{prefix}"\n')
        return target

    return write
