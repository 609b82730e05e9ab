"""How sure a figure is: its values in resamples of the pictures, as intervals and in words.

Intervals of a figure are bias-corrected percentiles (Efron 1981), because AP of few pictures is too
high; those of a difference are plain ones, because that cancels out. Two models that were measured
on the same pictures share the resamples, so that their difference can be told from what another
draw of pictures would have given (a paired interval).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

LEVEL = 0.95
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
NORMAL = NormalDist()
FIGURES = ("AP", "AP50")
_DECIMALS = 4  # of the resamples that are kept in a file
Interval = tuple[float, float]


@dataclass(frozen=True)
class Resampled:
    """AP in every resample of the pictures.

    Attributes:
        pictures: How many pictures there are.
        truths: Which objects they were measured on, as hexadecimal digits; resamples of the same
            objects are paired.
        values: float [R] by figure, "AP" and "AP50", and "AP of NAME", "AP50 of NAME" of a
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
        return interval(self.values[figure] - before.values[figure])

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


def interval(values: np.ndarray, point: float | None = None) -> Interval | None:
    """Return between which values LEVEL of the resamples lie.

    Args:
        values: float [R], NaN where undefined.
        point: The figure of all pictures; the interval is moved by how far the resamples lie off
            it. None for a difference, in which that cancels out.

    Returns:
        The interval; None where the figure is undefined.
    """
    defined = values[np.isfinite(values)]
    if not len(defined) or point is not None and not np.isfinite(point):
        return None
    tails: tuple[float, ...] = TAILS
    if point is not None:
        below = ((defined < point).mean() + (defined <= point).mean()) / 2
        off = NORMAL.inv_cdf(np.clip(below, 0.5 / len(defined), 1 - 0.5 / len(defined)))
        tails = tuple(NORMAL.cdf(2 * off + NORMAL.inv_cdf(share)) for share in TAILS)
    low, high = np.quantile(defined, tails)
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
