"""How sure AP is: bootstrap over pictures.

Detections are matched once, because a picture's matches do not depend on the other pictures. A
resample gives each picture a weight, how often it was drawn, and AP is computed of the weighted
hits. Intervals are bias-corrected percentiles (Efron 1981), because AP of few pictures is too high.
Two models that were measured on the same pictures share the weights, so that their
difference can be told from what another draw of pictures would have given (a paired interval).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from algorithm.evaluation.average_precision import IOUS, MAX_DETECTIONS, RECALLS, class_orders
from algorithm.evaluation.detection_matching import NONE, Overlaps, match
from algorithm.evaluation.records import Records

LEVEL = 0.95
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
NORMAL = NormalDist()
RESAMPLES = 1000
SEED = 0
FIGURES = ("AP", "AP50")
_DECIMALS = 4  # of the resamples that are kept in a file
_CELLS = 2**20  # weights that are looked at together, so that they stay in the cache
_TIE = np.float32(1e-4)  # of a recall in percent, where 32 bits do not tell two apart
_STEPS = len(RECALLS) - 1
# A recall of k percent does not reach these of RECALLS, by the last bit of a number.
_MISSED_BY_A_BIT = np.arange(_STEPS + 1) / _STEPS < RECALLS
Interval = tuple[float, float]


@dataclass(frozen=True)
class Resampled:
    """AP in every resample of the pictures.

    Attributes:
        pictures: How many pictures there are.
        truths: Which objects they were measured on, as hexadecimal digits; resamples of the same
            objects are paired.
        values: float [RESAMPLES] by figure, "AP" and "AP50", and "AP of NAME", "AP50 of NAME" of a
            class; NaN where a resample has no object to measure.
        points: The figures of all pictures, each drawn once, by the same names.
    """

    pictures: int
    truths: str
    values: Mapping[str, np.ndarray]
    points: Mapping[str, float]

    def interval(self, figure: str) -> Interval | None:
        """Return the interval of LEVEL of a figure, or None where it is undefined."""
        return interval(self.values[figure], self.points[figure]) if self.pictures > 1 else None

    def change_since(self, before: Resampled, figure: str) -> Interval | None:
        """Return the interval of the difference of a figure to a former model's.

        Args:
            before: Of the former model.
            figure: A key of `values`.

        Returns:
            The interval, or None where the two were not measured on the same objects, or the
            figure is undefined.
        """
        if not self.pairs_with(before) or figure not in self.values.keys() & before.values.keys():
            return None
        change = self.points[figure] - before.points[figure]
        return interval(self.values[figure] - before.values[figure], change)

    def pairs_with(self, other: Resampled) -> bool:
        """Return whether both were measured on the same objects, of more than one picture."""
        return self.pictures > 1 and (self.pictures, self.truths) == (other.pictures, other.truths)

    def intervals(self, label_names: Sequence[str]) -> dict[str, Any]:
        """Return the intervals of AP, AP50 and each class for a JSON file.

        Args:
            label_names: K names, label 0 first.

        Returns:
            {"level", "pictures", "AP", "AP50", "per_class": {name: {"AP", "AP50"}}}; an interval
            is [low, high], or None where it is undefined.
        """
        return {
            "level": LEVEL,
            "pictures": self.pictures,
            **{figure: self.interval(figure) for figure in FIGURES},
            "per_class": {
                name: {figure: self.interval(of_class(figure, name)) for figure in FIGURES}
                for name in label_names
            },
        }

    def as_dict(self, *, classes: bool) -> dict[str, Any]:
        """Return the resamples for a JSON file: one line of numbers for each figure.

        Args:
            classes: Whether to keep those of the classes too.
        """
        kept = {name: row for name, row in self.values.items() if classes or name in FIGURES}
        return {
            "pictures": self.pictures,
            "truths": self.truths,
            "points": {name: self.points[name] for name in kept if np.isfinite(self.points[name])},
            "values": {
                name: " ".join(f"{value:.{_DECIMALS}f}" for value in row)
                for name, row in kept.items()
            },
        }

    @classmethod
    def of(cls, content: Any) -> Resampled | None:
        """Read what `as_dict` returned; None where it is something else, such as nothing."""
        try:
            values = {
                name: np.array(text.split(), np.float64) for name, text in content["values"].items()
            }
            points = dict.fromkeys(values, np.nan) | dict(content["points"])
            return cls(int(content["pictures"]), str(content["truths"]), values, points)
        except (TypeError, KeyError, ValueError, AttributeError):
            return None


def of_class(figure: str, name: str) -> str:
    """Return the key in Resampled.values of a class's figure."""
    return f"{figure} of {name}"


def interval(values: np.ndarray, point: float) -> Interval | None:
    """Return between which values LEVEL of the resamples lie, moved by how far they are off.

    Args:
        values: float [RESAMPLES], NaN where undefined.
        point: The figure of all pictures.

    Returns:
        The interval; None where the figure is undefined.
    """
    defined = values[np.isfinite(values)]
    if not len(defined) or not np.isfinite(point):
        return None
    below = ((defined < point).mean() + (defined <= point).mean()) / 2
    off = NORMAL.inv_cdf(np.clip(below, 0.5 / len(defined), 1 - 0.5 / len(defined)))
    ends = [NORMAL.cdf(2 * off + NORMAL.inv_cdf(share)) for share in TAILS]
    low, high = np.quantile(defined, ends)
    return float(low), float(high)


def seen(change: Interval | None) -> bool:
    """Return whether a difference is one: whether its interval leaves out 0."""
    return change is not None and (change[0] > 0 or change[1] < 0)


def change_in_words(change: float, between: Interval, pictures: int) -> str:
    """Say what a change of AP is worth.

    Args:
        change: The change.
        between: Its interval.
        pictures: How many pictures it was measured on.

    Returns:
        A few words.
    """
    low, high = between
    text = f"AP {change:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}"
    return text if seen(between) else f"no difference can be seen with {pictures} pictures: {text}"


def interval_in_words(figures: Mapping[str, Any]) -> str:
    """Say how sure AP is, from the figures of metrics.json; "" where that is unknown."""
    found = figures.get("intervals") or {}
    if found.get("AP") is None:
        return ""
    low, high = found["AP"]
    return f" (95 % interval {low:.3f} to {high:.3f}, {found['pictures']} pictures)"


def resample(records: Records, overlaps: Overlaps) -> Resampled:
    """Compute AP and AP50 of resampled pictures.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`.

    Returns:
        The figures of RESAMPLES resamples. They depend on nothing but the arguments.
    """
    taken = overlaps.rank < MAX_DETECTIONS[-1]
    matched = match(records, overlaps, IOUS, kept=taken)
    right = (matched != NONE) & ~np.append(records.crowd, False)[matched]
    counted = taken & ((matched == NONE) | right)
    return resample_outcome(records, records.labels, right, counted, ~records.crowd)


def resample_outcome(
    records: Records,
    labels: np.ndarray,
    right: np.ndarray,
    counted: np.ndarray,
    objects: np.ndarray,
) -> Resampled:
    """Compute AP of resampled pictures, of detections that are known to be right or wrong.

    Args:
        records: Truths and detections.
        labels: int64 [D], the class of each detection.
        right: bool [S, D], whether it is a hit at each IoU, 0.5 first.
        counted: bool [S, D], whether it counts at all.
        objects: bool [T], the truths to find.

    Returns:
        The figures; AP is the mean over the S rows.
    """
    pictures = len(records.names)
    weights = np.concatenate([np.ones((1, pictures), np.int32), _weights(pictures)])
    truths = np.zeros((records.classes, pictures), np.float32)
    np.add.at(truths, (records.truth_labels[objects], records.truth_pictures[objects]), 1)
    drawn = weights.astype(np.float32) @ truths.T
    table = np.full((len(FIGURES), len(weights), records.classes), np.nan)
    for label, order in enumerate(class_orders(labels, records.scores, records.classes)):
        if truths[label].any():
            aps = _class_aps(
                weights,
                records.pictures[order],
                right[:, order],
                counted[:, order],
                drawn[:, label],
            )
            table[:, :, label] = aps.mean(axis=1), aps[:, 0]
    rows = dict(zip(FIGURES, _mean_over_classes(table), strict=True))
    for figure, columns in zip(FIGURES, table, strict=True):
        for name, column in zip(records.label_names, columns.T, strict=True):
            rows[of_class(figure, name)] = column
    values = {name: row[1:] for name, row in rows.items()}
    points = {name: float(row[0]) for name, row in rows.items()}
    return Resampled(pictures, _digest(records), values, points)


def _weights(pictures: int) -> np.ndarray:
    """int32 [RESAMPLES, P]: how often each picture is drawn."""
    rng = np.random.default_rng(SEED)
    drawn = (rng.integers(pictures, size=pictures) for _ in range(RESAMPLES))
    return np.array([np.bincount(row, minlength=pictures) for row in drawn], np.int32)


def _class_aps(
    weights: np.ndarray,
    pictures: np.ndarray,
    right: np.ndarray,
    counted: np.ndarray,
    truths: np.ndarray,
) -> np.ndarray:
    """Compute the AP of a class in each resample.

    Only hits are looked at: precision is highest at them, and recall rises at them alone.

    Args:
        weights: int32 [R, P].
        pictures: int64 [N], of the class's detections by falling score.
        right: bool [S, N].
        counted: bool [S, N].
        truths: float32 [R], objects.

    Returns:
        float64 [R, S], over 101 recalls; NaN where a resample has no object.
    """
    ever = counted.any(axis=0)
    pictures, right, counted = pictures[ever], right[:, ever], counted[:, ever]
    rows = max(1, _CELLS // max(len(pictures), 1))
    aps = np.empty((len(weights), len(right)))
    for start in range(0, len(weights), rows):
        chunk = slice(start, start + rows)
        seen_so_far = _running_sum(weights[chunk], pictures)
        for place, (hit, counts) in enumerate(zip(right, counted, strict=True)):
            at = np.flatnonzero(hit)
            found = seen_so_far[:, at]
            left_out = np.flatnonzero(~counts)
            if len(left_out):
                lost = _running_sum(weights[chunk], pictures[left_out])
                before = np.searchsorted(left_out, at)
                found = found - np.pad(lost, ((0, 0), (1, 0)))[:, before]
            aps[chunk, place] = _weighted_ap(
                _running_sum(weights[chunk], pictures[at]), found, truths[chunk]
            )
    return aps


def _running_sum(weights: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """int32 [R, N]: the weights of the first 1, 2, ... of `pictures`, int64 [N]."""
    sums = np.take(weights, pictures, axis=1)
    return np.cumsum(sums, axis=1, out=sums)  # whole numbers in place: several times faster


def _weighted_ap(hits: np.ndarray, found: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """AP of so many hits among so many detections up to each hit.

    Args:
        hits: int32 [R, H].
        found: int32 [R, H].
        truths: float32 [R], objects.

    Returns:
        float64 [R].
    """
    if not hits.shape[1]:
        return np.where(truths > 0, 0.0, np.nan)
    count = hits.astype(np.float32)
    precision = count / np.maximum(found, 1).astype(np.float32)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        count *= _STEPS / truths[:, None]  # recall in percent
    steps = np.floor(count + _TIE)
    reached = steps + 1  # how many of RECALLS
    tied = np.flatnonzero(count - steps < _TIE)
    reached.flat[tied] -= _MISSED_BY_A_BIT[steps.flat[tied].astype(int)]
    total = envelope[:, 0] * reached[:, 0]
    total += np.einsum("rh,rh->r", envelope[:, 1:], np.diff(reached, axis=1))
    return np.where(truths > 0, total / len(RECALLS), np.nan)


def _mean_over_classes(table: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is defined, NaN where nothing is."""
    defined = np.isfinite(table)
    count = defined.sum(axis=-1)
    total = np.where(defined, table, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def _digest(records: Records) -> str:
    """The objects, as 16 hexadecimal digits."""
    digest = hashlib.sha256(f"{len(records.names)} {records.classes}".encode())
    for array, kind in (
        (records.truth_pictures, "<i4"),
        (records.truth_labels, "<i4"),
        (records.truth_boxes, "<f4"),
        (records.crowd, "?"),
    ):
        digest.update(np.ascontiguousarray(array, kind).tobytes())
    return digest.hexdigest()[:16]
