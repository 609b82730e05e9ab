"""Recall in five bins of a feature with equal counts, for each class: which objects are missed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from algorithm.assessment.errors.error_kinds import CORRECT, IGNORED, Errors
from algorithm.assessment.sensitivity.features import FEATURE_ROWS
from algorithm.evaluation.records import Records

BINS = 5
BIN_NAMES = ("0% - 20%", "20% - 40%", "40% - 60%", "60% - 80%", "80% - 100%")
# The chance of differences as large must be below this, over all classes that are looked at.
CHANCE = 0.01
LEAST_OBJECTS = 20  # objects in a slice, and of a class that is spoken of
SLICED = (
    ("box_area", 0),
    ("box_area", -1),
    ("box_brightness", 0),
    ("box_clarity", 0),
    ("overlap", -1),
    ("margin", -1),
    ("quantity", -1),
    ("box_aspect", 0),
    ("box_aspect", -1),
)


@dataclass(frozen=True)
class Sensitivity:
    """Recall against one feature.

    Attributes:
        key: The feature.
        edges: float64 [6], the feature's values at the ends of the bins, NaN for a bin without
            objects.
        recall: [5, K], 0 for a class without objects in a bin, as on the platform.
        counts: [5, K], objects.
        spread: [K], the population standard deviation of the five cells.
        overall: [5], the recall over all classes.
        overall_spread: The population standard deviation of `overall`.
        by_chance: bool [K + 1], whether differences as large are to be expected by chance in all
            classes, then in each class.
    """

    key: str
    edges: np.ndarray
    recall: np.ndarray
    counts: np.ndarray
    spread: np.ndarray
    overall: np.ndarray
    overall_spread: float
    by_chance: np.ndarray


def spread_of(cells: np.ndarray) -> np.ndarray:
    """Return the population standard deviation over the bins.

    It is the last row of the platform's tables.

    Args:
        cells: [5, ...], the bins along the first axis.

    Returns:
        [...].
    """
    return np.std(cells, axis=0)


def sensitivities(
    records: Records, errors: Errors, columns: Mapping[str, np.ndarray]
) -> list[Sensitivity]:
    """Return the recall against each feature. Objects on crowds are left out.

    Args:
        records: Truths and detections.
        errors: The errors at the confidence that serves best.
        columns: float64 [T] by feature.

    Returns:
        One for each feature.
    """
    return [_sensitivity(key, values, records, errors) for key, values in columns.items()]


def _sensitivity(key: str, values: np.ndarray, records: Records, errors: Errors) -> Sensitivity:
    counted = np.flatnonzero((errors.truth_kinds != IGNORED) & np.isfinite(values))
    order = counted[np.argsort(values[counted], kind="stable")]
    counts = np.zeros((BINS, records.classes), np.int64)
    hits = np.zeros((BINS, records.classes), np.int64)
    parts = np.array_split(order, BINS)
    for row, part in enumerate(parts):
        counts[row] = np.bincount(records.truth_labels[part], minlength=records.classes)
        found = part[errors.truth_kinds[part] == CORRECT]
        hits[row] = np.bincount(records.truth_labels[found], minlength=records.classes)
    recall, overall = _share(hits, counts), _share(hits.sum(axis=1), counts.sum(axis=1))
    looks = 1 + int((counts.sum(axis=0) >= LEAST_OBJECTS).sum())
    chance = np.array(
        [
            _by_chance(hits.sum(axis=1), counts.sum(axis=1), looks),
            *(
                _by_chance(hits[:, label], counts[:, label], looks)
                for label in range(records.classes)
            ),
        ]
    )
    ends = [values[part[0]] if len(part) else np.nan for part in parts] + [
        values[order[-1]] if len(order) else np.nan
    ]
    return Sensitivity(
        key,
        np.array(ends),
        recall,
        counts,
        spread_of(recall),
        overall,
        float(spread_of(overall)),
        chance,
    )


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


def _by_chance(hits: np.ndarray, counts: np.ndarray, looks: int) -> bool:
    """Return whether five bins of one recall would differ as much by chance.

    Pearson's chi-square, with Bonferroni's correction over `looks`.
    """
    total, found = counts.sum(), hits.sum()
    if total < LEAST_OBJECTS or found in (0, total):
        return True
    used = counts > 0
    expected, missed = counts[used] * found / total, counts[used] * (1 - found / total)
    half = ((hits[used] - expected) ** 2 * (1 / expected + 1 / missed)).sum() / 2
    # With 4 degrees of freedom the tail of the distribution is a formula; fewer bins in use make
    # the test stricter.
    return bool(np.exp(-half) * (1 + half) >= CHANCE / looks)


@dataclass(frozen=True)
class Slice:
    """Objects with one to three properties at once.

    Attributes:
        parts: (feature, 0 for its low fifth or -1 for its high fifth).
        count: How many objects.
        recall: Their recall, 0 to 1.
    """

    parts: tuple[tuple[str, int], ...]
    count: int
    recall: float

    def name(self, language: int) -> str:
        """Return a name like "small, dark, crowded".

        Args:
            language: 0 for English, 1 for Chinese.

        Returns:
            The name.
        """
        rows = ((FEATURE_ROWS[key], end) for key, end in self.parts)
        return (", ", "、")[language].join(
            (row.low if end == 0 else row.high)[language] for row, end in rows
        )


def weakest_slices(
    errors: Errors, columns: Mapping[str, np.ndarray], most: int = 12
) -> list[Slice]:
    """Return the slices of at least LEAST_OBJECTS objects with the lowest recall.

    A slice whose recall is not below that of all its parts adds nothing and is left out. The ends
    are the outer fifths of the objects, and only values beyond the median.

    Args:
        errors: The errors at the confidence that serves best.
        columns: float64 [T] by feature.
        most: How many slices at most.

    Returns:
        The slices, the lowest recall first.
    """
    counted = errors.truth_kinds != IGNORED
    hit = errors.truth_kinds == CORRECT
    ends = {part: _end(columns[part[0]], part[1], counted) for part in SLICED if part[0] in columns}
    recalls: dict[tuple, float] = {(): float(hit[counted].mean()) if counted.any() else 0.0}
    found = []
    for size in (1, 2, 3):
        for parts in combinations(ends, size):
            if len({key for key, _ in parts}) < size:
                continue
            inside = np.logical_and.reduce([ends[part] for part in parts])
            if (count := int(inside.sum())) < LEAST_OBJECTS:
                continue
            recalls[parts] = float(hit[inside].mean())
            less = [recalls[rest] for rest in combinations(parts, size - 1) if rest in recalls]
            if recalls[parts] < min(less):
                found.append(Slice(parts, count, recalls[parts]))
    return sorted(found, key=lambda row: (row.recall, -row.count))[:most]


def _end(values: np.ndarray, end: int, counted: np.ndarray) -> np.ndarray:
    known = counted & np.isfinite(values)
    if not known.any():
        return known
    low, middle, high = np.quantile(values[known], (0.2, 0.5, 0.8))
    with np.errstate(invalid="ignore"):
        return known & (
            (values <= low) & (values < middle)
            if end == 0
            else (values >= high) & (values > middle)
        )
