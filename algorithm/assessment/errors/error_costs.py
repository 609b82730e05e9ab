"""The AP that each kind of error costs.

It is how much AP50 would rise if errors of that kind alone were put right. Definitions: Bolya,
Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", 2020,
section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from algorithm.assessment.errors.error_kinds import (
    BACKGROUND,
    BOTH,
    CLASS,
    CORRECT,
    DUPLICATE,
    FALSE_KINDS,
    MISSED_KINDS,
    POSITION,
    Errors,
)
from algorithm.evaluation.average_precision import class_aps, mean_ap
from algorithm.evaluation.bootstrap import resample_outcome
from algorithm.evaluation.detection_matching import NONE
from algorithm.evaluation.records import Records
from algorithm.evaluation.resampled import Interval, Resampled

MISSED, ALL_FALSE, ALL_MISSED = "missed", "false_detections", "missed_objects"
LEAST_COST = 0.005  # of AP50, to be worth a word
COST_KINDS = (*FALSE_KINDS, MISSED)


@dataclass(frozen=True)
class _Outcome:
    """What AP is made of.

    Attributes:
        labels: int64 [D], the class of each detection.
        right: bool [D], whether it is a hit.
        wrong: bool [D], whether it is a miss.
        objects: bool [T], the truths to find.
    """

    labels: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    objects: np.ndarray


def error_costs(records: Records, errors: Errors) -> dict[str, float]:
    """Compute what each kind of error costs.

    The costs do not add up to what is missing: kinds hide each other.

    Args:
        records: Truths and detections.
        errors: The errors at confidence 0, so that every detection takes part.

    Returns:
        AP50 to be gained, 0 to 1, for each of COST_KINDS, and for all false detections and all
        missed objects together.
    """
    base = _as_found(records, errors)
    before = _ap(base, records)
    return {
        kind: max(0.0, _ap(put_right(base, records, errors), records) - before)
        for kind, put_right in ORACLES.items()
    }


def cost_intervals(
    records: Records, errors: Errors, kinds: Iterable[str]
) -> dict[str, Interval | None]:
    """Compute the 95 % intervals of what kinds of errors cost, by bootstrap over pictures.

    Args:
        records: Truths and detections.
        errors: As of `error_costs`.
        kinds: Some of the kinds that `error_costs` returns.

    Returns:
        The interval by kind; None where it is undefined, as with one picture.
    """
    base = _as_found(records, errors)
    before = _resampled(base, records)
    return {
        kind: _resampled(ORACLES[kind](base, records, errors), records).change_since(before, "AP50")
        for kind in kinds
    }


def _as_found(records: Records, errors: Errors) -> _Outcome:
    return _Outcome(
        records.labels,
        errors.found_kinds == CORRECT,
        np.isin(errors.found_kinds, FALSE_KINDS),
        ~records.crowd,
    )


def _ap(outcome: _Outcome, records: Records) -> float:
    truths = np.bincount(records.truth_labels[outcome.objects], minlength=records.classes)
    return mean_ap(class_aps(outcome.labels, records.scores, outcome.right, outcome.wrong, truths))


def _resampled(outcome: _Outcome, records: Records) -> Resampled:
    counted = outcome.right | outcome.wrong
    return resample_outcome(
        records, outcome.labels, outcome.right[None], counted[None], outcome.objects
    )


def _corrected(kind: str) -> Callable[[_Outcome, Records, Errors], _Outcome]:
    """Return what puts class or position errors right.

    They become hits on the object they are about, or vanish where it has a better detection.
    """

    def put_right(base: _Outcome, records: Records, errors: Errors) -> _Outcome:
        wrong = np.flatnonzero(errors.found_kinds == kind)
        partner = errors.partner[wrong]
        open_ones = wrong[errors.truth_kinds[partner] != CORRECT]
        best = open_ones[np.lexsort((open_ones, -records.scores[open_ones]))]
        best = best[np.unique(errors.partner[best], return_index=True)[1]]
        labels, right = base.labels.copy(), base.right.copy()
        labels[best] = records.truth_labels[errors.partner[best]]
        right[best] = True
        return replace(
            base, labels=labels, right=right, wrong=base.wrong & (errors.found_kinds != kind)
        )

    return put_right


def _removed(*kinds: str) -> Callable[[_Outcome, Records, Errors], _Outcome]:
    def put_right(base: _Outcome, _: Records, errors: Errors) -> _Outcome:
        return replace(base, wrong=base.wrong & ~np.isin(errors.found_kinds, kinds))

    return put_right


def _without_missed(base: _Outcome, records: Records, errors: Errors) -> _Outcome:
    """Take missed objects out of the count.

    Those are the ones that no detection found and no class or position error is about.
    """
    missed = np.isin(errors.truth_kinds, MISSED_KINDS)
    missed[errors.partner[errors.partner != NONE]] = False
    return replace(base, objects=base.objects & ~missed)


def _only_found(base: _Outcome, records: Records, errors: Errors) -> _Outcome:
    return replace(base, objects=errors.truth_kinds == CORRECT)


ORACLES: dict[str, Callable[[_Outcome, Records, Errors], _Outcome]] = {
    CLASS: _corrected(CLASS),
    POSITION: _corrected(POSITION),
    BOTH: _removed(BOTH),
    DUPLICATE: _removed(DUPLICATE),
    BACKGROUND: _removed(BACKGROUND),
    MISSED: _without_missed,
    ALL_FALSE: _removed(*FALSE_KINDS),
    ALL_MISSED: _only_found,
}
