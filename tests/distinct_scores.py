"""Weights made up by chance, whose scores lie apart as those of a trained detector do."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from algorithm.models import Detector
from algorithm.models.variable_names import published_variables

DEVIATION = 2.0  # of the logits


def with_distinct_scores(detector: Detector) -> None:
    """Gives kernels that keep the size of the signal, and logits of DEVIATION, in place."""
    rng = np.random.default_rng(0)
    variables = published_variables(detector)
    for path, variable in variables.items():
        if path.endswith("kernel"):
            fan_in = np.prod(variable.shape[:2] if "depthwise" in path else variable.shape[:3])
            variable.assign(rng.normal(0, fan_in**-0.5, variable.shape))
    pixels = rng.normal(size=(1, *detector.image_size, 3)).astype(np.float32)
    logits = detector(tf.constant(pixels), training=False)["class_logits"]
    last = [path for path in variables if "class-predict" in path and path.endswith("kernel")][-1]
    variables[last].assign(variables[last] * DEVIATION / np.std(logits))
