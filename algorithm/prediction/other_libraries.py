"""Detections in the classes of other libraries, where they are installed."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from algorithm.errors import ArgumentError


def supervision_detections(
    xyxy: np.ndarray, scores: np.ndarray, labels: np.ndarray, names: list[str]
) -> Any:
    """Return supervision's Detections.

    Args:
        xyxy: float32 [N, 4], [xmin, ymin, xmax, ymax] in pixels.
        scores: float32 [N].
        labels: int32 [N], from 0.
        names: N class names.

    Returns:
        The Detections, with the names as data["class_name"].

    Raises:
        ArgumentError: supervision is not installed.
    """
    return _library("supervision").Detections(
        xyxy=xyxy,
        confidence=scores,
        class_id=labels.astype(int),
        data={"class_name": np.array(names, dtype=str)},
    )


def fiftyone_detections(
    xyxy: np.ndarray, scores: np.ndarray, names: list[str], size: tuple[int, int]
) -> Any:
    """Return FiftyOne's Detections.

    Args:
        xyxy: float32 [N, 4], [xmin, ymin, xmax, ymax] in pixels.
        scores: float32 [N].
        names: N class names.
        size: (height, width) of the picture, in pixels.

    Returns:
        The Detections; their boxes are [left, top, width, height] in shares of the picture.

    Raises:
        ArgumentError: FiftyOne is not installed.
    """
    fiftyone, (height, width) = _library("fiftyone"), size
    return fiftyone.Detections(
        detections=[
            fiftyone.Detection(
                label=name,
                confidence=score,
                bounding_box=[
                    xmin / width,
                    ymin / height,
                    (xmax - xmin) / width,
                    (ymax - ymin) / height,
                ],
            )
            for (xmin, ymin, xmax, ymax), score, name in zip(
                xyxy.tolist(), scores.tolist(), names, strict=True
            )
        ]
    )


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ArgumentError(
            f"to_{name}(): expected the package {name}, found none: pip install {name}"
        ) from error
