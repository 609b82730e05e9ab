"""The hyperparameter class_weights: how much the objects of each class count in the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.names.nearest_name import did_you_mean

NONE, AUTO = "none", "auto"
_FLAG = "--hparams=class_weights"
_ALLOWED = "none, auto, or class names with their weights such as cat:2;dog:0.5"


def named_weights(text: str) -> dict[str, float]:
    """Read the weights by class name.

    Args:
        text: NONE, AUTO, or "name:weight;name:weight".

    Returns:
        The weights; empty for NONE and AUTO.

    Raises:
        ArgumentError: The text is something else.
    """
    if text in (NONE, AUTO):
        return {}
    weights: dict[str, float] = {}
    for item in text.split(";"):
        name, _, number = item.rpartition(":")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not name or name in weights or not (0 < weight < math.inf):
            raise ArgumentError(
                f"{_FLAG}: expected {_ALLOWED}; each class once, its weight above 0, found "
                f"'{item}' in '{text}'"
            )
        weights[name] = weight
    return weights


def weights_of_classes(
    text: str, label_names: Sequence[str], objects: Mapping[str, int]
) -> tuple[float, ...]:
    """Return the weight of each class.

    AUTO weighs a class by one over the root of its number of objects, so that rare classes count
    more, scaled so that the mean over all objects is 1: the loss keeps its size.

    Args:
        text: As of `named_weights`.
        label_names: K names, label 0 first.
        objects: Training objects by class name.

    Returns:
        K weights, 1 for a class that is not named or has no objects; empty for NONE.

    Raises:
        ArgumentError: A class is unknown.
    """
    if text == NONE:
        return ()
    if text == AUTO:
        total = sum(objects.get(name, 0) for name in label_names)
        roots = sum(math.sqrt(objects.get(name, 0)) for name in label_names)
        return tuple(
            total / roots / math.sqrt(objects[name]) if objects.get(name) else 1.0
            for name in label_names
        )
    weights = named_weights(text)
    for name in weights:
        if name not in label_names:
            raise ArgumentError(
                f"{_FLAG}: expected classes of the dataset ({', '.join(label_names)}), found "
                f"'{name}'.{did_you_mean(name, tuple(label_names))}"
            )
    return tuple(weights.get(name, 1.0) for name in label_names)
