"""The load of weights into a detector: all that the scope promises, or an error and no change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from algorithm.errors import ArgumentError, DataError
from algorithm.models.detector import Detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.class_rows import classes_of, known_classes, with_known_rows
from algorithm.models.weights.load_report import LoadReport
from algorithm.models.weights.opening import open_weights
from algorithm.models.weights.stored_tensors import (
    BOX_PREDICTOR,
    CLASS_PREDICTOR,
    MASK_HEAD,
    WeightSource,
)

SCOPES = ("classification", "detection", "full")


def load_weights(
    detector: Detector,
    path: str | os.PathLike[str],
    scope: str,
    *,
    label_names: Sequence[str] | None = None,
) -> LoadReport:
    """Assign weights to a detector.

    Args:
        detector: The network; after an error it keeps the weights it had.
        path: A local path, see `open_weights`.
        scope: "classification" (the backbone), "detection" (everything but the class predictor; the
            box predictor where its shape agrees) or "full" (everything). Batch norm statistics are
            included. A mask head starts fresh where the file has none.
        label_names: The detector's classes, class 1 first. In scope "full" they are compared with
            the file's where both are known; in scope "detection" those that the file knows by name
            take its rows of the class predictor, where they are given.

    Returns:
        What became of each tensor.

    Raises:
        ArgumentError: An unknown scope.
        DataError: The file cannot be read, is of another network, has other classes (scope "full"),
            or gives less than the scope promises.
    """
    if scope not in SCOPES:
        raise ArgumentError(
            f"fine_tune_checkpoint_type: {scope!r} is not known; choose one of {', '.join(SCOPES)}"
        )
    with open_weights(path) as source:
        _check_network(detector, source, scope)
        if scope == "full":
            _check_classes(detector, source, label_names)
        report = _plan(detector, source, scope)
        _check_promise(detector, report, source)
        variables = published_variables(detector)
        values = {name: stored_value(source, name) for name in report.matched}
        if scope == "detection" and label_names:
            known, rows = _known_rows(detector, source, label_names)
            report, values = replace(report, known_classes=known), values | rows
    for name, value in values.items():
        variables[name].assign(value)
    return report


def _known_rows(
    detector: Detector, source: WeightSource, label_names: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Return the classes that the file knows by name, and the class predictor with their rows."""
    names = classes_of(source)
    found = known_classes(label_names, names) if names else {}
    values = {}
    for name, variable in published_variables(detector).items():
        if not (found and name.startswith(CLASS_PREDICTOR)):
            continue
        mixed = name in source.tensors and with_known_rows(
            variable.numpy(), stored_value(source, name), found, (len(label_names), len(names))
        )
        if mixed is None or mixed is False:
            return (), {}
        values[name] = mixed
    return tuple(label_names[label] for label in found), values


def _takes(name: str, detector: Detector, scope: str, source: WeightSource) -> bool:
    """Return whether the scope takes the variable from the file."""
    if scope == "classification":
        return name.startswith(f"{detector.preset.backbone}/")
    if name.startswith(MASK_HEAD) and not source.has_masks:
        return False
    return scope == "full" or not name.startswith(CLASS_PREDICTOR)


def _plan(detector: Detector, source: WeightSource, scope: str) -> LoadReport:
    shapes = {
        name: tuple(variable.shape) for name, variable in published_variables(detector).items()
    }
    wanted = [name for name in shapes if _takes(name, detector, scope, source)]
    present = [name for name in wanted if name in source.tensors]
    matched = tuple(name for name in present if source.tensors[name].shape == shapes[name])
    return LoadReport(
        path=source.path,
        kind=source.kind,
        scope=scope,
        averaged=source.averaged,
        matched=matched,
        skipped_shape=tuple(name for name in present if name not in set(matched)),
        missing=tuple(name for name in wanted if name not in source.tensors),
        fresh=tuple(name for name in shapes if name not in set(wanted)),
        unused=tuple(name for name in source.tensors if name not in set(present)),
    )


def _check_network(detector: Detector, source: WeightSource, scope: str) -> None:
    backbone = detector.preset.backbone
    if source.backbone != backbone:
        raise DataError(
            f"weights {source.path}: expected {backbone}, the backbone of {detector.name}, found "
            f"{source.backbone or 'no backbone'}; {_advice(source, detector)}"
        )
    if scope != "classification" and not source.has_detector:
        raise DataError(
            f"weights {source.path}: expected a whole detector for "
            f"fine_tune_checkpoint_type={scope}, found the backbone {backbone} alone; use "
            "fine_tune_checkpoint_type=classification"
        )


def _check_classes(
    detector: Detector, source: WeightSource, label_names: Sequence[str] | None
) -> None:
    way_on = "use fine_tune_checkpoint_type=detection, which takes all but the class predictor"
    if source.num_classes not in (None, detector.num_classes):
        raise DataError(
            f"weights {source.path}: expected {detector.num_classes} classes for "
            f"fine_tune_checkpoint_type=full, found {source.num_classes}; {way_on}"
        )
    if (
        label_names is None
        or source.label_names is None
        or tuple(label_names) == source.label_names
    ):
        return
    pairs = zip(label_names, source.label_names, strict=False)
    differing = [
        f"class {number}: {ours!r} here, {theirs!r} there"
        for number, (ours, theirs) in enumerate(pairs, 1)
        if ours != theirs
    ]
    counts = f"{len(label_names)} names here, {len(source.label_names)} there"
    raise DataError(
        f"weights {source.path}: expected the same label map for fine_tune_checkpoint_type=full, "
        f"found {'; '.join(differing[:3]) or counts}; {way_on}"
    )


def _check_promise(detector: Detector, report: LoadReport, source: WeightSource) -> None:
    """Check that nothing stays behind but the box predictor of scope "detection".

    That one is not worth failing for.

    Raises:
        DataError: Something else stays behind.
    """
    lacking = [
        name
        for name in (*report.missing, *report.skipped_shape)
        if report.scope != "detection" or not name.startswith(BOX_PREDICTOR)
    ]
    if lacking:
        promised = len(report.matched) + len(lacking)
        shortfall = f"{len(report.missing)} missing, {len(report.skipped_shape)} of another shape"
        raise DataError(
            f"weights {report.path}: expected all {promised} tensors of "
            f"fine_tune_checkpoint_type={report.scope}, found {len(report.matched)}: {shortfall}, "
            f"first {', '.join(lacking[:3])}; {_advice(source, detector)}"
        )


def _advice(source: WeightSource, detector: Detector) -> str:
    models = [name for name in source.fitting_models if name != detector.name]
    return (
        f"these weights fit {' or '.join(models)}"
        if models
        else f"give whole weights of {detector.name}"
    )


def stored_value(source: WeightSource, name: str) -> np.ndarray:
    """Return a tensor of opened weights, float32.

    Args:
        source: The weights.
        name: The published name of a tensor in them.

    Raises:
        DataError: It holds numbers that are not finite.
    """
    value = np.asarray(source.tensors[name].read(), np.float32)
    if not np.isfinite(value).all():
        raise DataError(
            f"weights {source.path}: expected finite numbers, {name} holds "
            f"{int((~np.isfinite(value)).sum())} that are not; give another checkpoint"
        )
    return value
