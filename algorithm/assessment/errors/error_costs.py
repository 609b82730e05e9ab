"""The AP that each kind of error costs.

It is how much AP50 would rise if errors of that kind alone were put right. Definitions: Bolya,
Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", 2020,
section 2.
"""

from __future__ import annotations

from collections.abc import Callable
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
from algorithm.evaluation.detection_matching import NONE
from algorithm.evaluation.records import Records

MISSED, ALL_FALSE, ALL_MISSED = "missed", "false_detections", "missed_objects"
COST_KINDS = (*FALSE_KINDS, MISSED)


@dataclass(frozen=True)
class _Outcome:
    """What AP is made of.

    Attributes:
        labels: int64 [D], the class of each detection.
        right: bool [D], whether it is a hit.
        wrong: bool [D], whether it is a miss.
        truths: int64 [K], objects of each class.
    """

    labels: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    truths: np.ndarray


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
    base = _Outcome(
        records.labels,
        errors.found_kinds == CORRECT,
        np.isin(errors.found_kinds, FALSE_KINDS),
        records.truths_per_class(),
    )
    before = _ap(base, records)
    return {
        kind: max(0.0, _ap(put_right(base, records, errors), records) - before)
        for kind, put_right in ORACLES.items()
    }


def _ap(outcome: _Outcome, records: Records) -> float:
    return mean_ap(
        class_aps(outcome.labels, records.scores, outcome.right, outcome.wrong, outcome.truths)
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
    return replace(
        base,
        truths=base.truths - np.bincount(records.truth_labels[missed], minlength=records.classes),
    )


def _only_found(base: _Outcome, records: Records, errors: Errors) -> _Outcome:
    found = records.truth_labels[errors.truth_kinds == CORRECT]
    return replace(base, truths=np.bincount(found, minlength=records.classes))


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
