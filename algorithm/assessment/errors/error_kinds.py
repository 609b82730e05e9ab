"""What is wrong with each false detection, and why each missed object was missed.

Kinds as in Bolya et al. 2020 ("TIDE"), which refine the platform's own: IoU above 0.5 with another
class is a class error, IoU 0.1 to 0.5 with the own class a position error, below 0.1 background.
Both limits stand in evaluation.detection_matching: LEAST_OVERLAP and HIT_OVERLAP.
What those leave open is named here: `both` (0.1 to 0.5 with another class only), `duplicate` (an
object that a better detection already has), `shared` (an object whose only detection belongs to its
neighbour).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithm.evaluation.detection_matching import HIT_OVERLAP, NONE, Overlaps, best_partner, match
from algorithm.evaluation.records import Records

CORRECT, CLASS, POSITION, BOTH, DUPLICATE, BACKGROUND, IGNORED = (
    "correct",
    "class",
    "position",
    "both",
    "duplicate",
    "background",
    "",
)
FALSE_KINDS = (CLASS, POSITION, BOTH, DUPLICATE, BACKGROUND)
SHARED = "shared"
MISSED_KINDS = (CLASS, POSITION, SHARED, BACKGROUND)


@dataclass(frozen=True)
class Errors:
    """Kinds of the D detections and of the T objects.

    Attributes:
        found_kinds: str [D], one of FALSE_KINDS, CORRECT, or IGNORED for those that did not take
            part or lie on a crowd.
        truth_kinds: str [T], one of MISSED_KINDS, CORRECT, or IGNORED for crowds.
        matched: int64 [D], the truth of a correct detection, else NONE.
        partner: int64 [D], the truth that a class or position error is about, else NONE.
    """

    found_kinds: np.ndarray
    truth_kinds: np.ndarray
    matched: np.ndarray
    partner: np.ndarray

    def false_counts(self) -> dict[str, int]:
        """Return how many false detections there are of each kind."""
        return {kind: int((self.found_kinds == kind).sum()) for kind in FALSE_KINDS}

    def missed_counts(self) -> dict[str, int]:
        """Return how many missed objects there are of each kind."""
        return {kind: int((self.truth_kinds == kind).sum()) for kind in MISSED_KINDS}


def find_errors(records: Records, overlaps: Overlaps, threshold: float = 0.0) -> Errors:
    """Find the kind of every error, at IoU 0.5.

    Args:
        records: Truths and detections.
        overlaps: Their overlaps.
        threshold: The confidence; detections at or above it take part.

    Returns:
        The kinds.
    """
    taking_part = records.scores >= threshold
    matched = match(records, overlaps, np.array([HIT_OVERLAP]), kept=taking_part)[0]
    on_crowd = np.append(records.crowd, False)[matched]
    hit = (matched != NONE) & ~on_crowd
    pairs = taking_part[overlaps.found] & ~records.crowd[overlaps.truth]
    own, own_truth = _best(overlaps, pairs & overlaps.same, len(records.scores))
    other, other_truth = _best(overlaps, pairs & ~overlaps.same, len(records.scores))
    kinds = np.select(
        [
            hit,
            ~taking_part | on_crowd,
            (own > 0) & (own < HIT_OVERLAP),
            other >= HIT_OVERLAP,
            own >= HIT_OVERLAP,
            other > 0,
        ],
        [CORRECT, IGNORED, POSITION, CLASS, DUPLICATE, BOTH],
        BACKGROUND,
    )
    partner = np.select([kinds == POSITION, kinds == CLASS], [own_truth, other_truth], NONE)
    return Errors(
        kinds,
        _truth_kinds(records, overlaps, pairs, matched[hit]),
        np.where(hit, matched, NONE),
        partner,
    )


def _best(overlaps: Overlaps, pairs: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    return best_partner(overlaps.found[pairs], overlaps.truth[pairs], overlaps.iou[pairs], count)


def _truth_kinds(
    records: Records, overlaps: Overlaps, pairs: np.ndarray, taken: np.ndarray
) -> np.ndarray:
    count = len(records.truth_labels)
    own, other = np.zeros(count), np.zeros(count)
    for best, chosen in ((own, pairs & overlaps.same), (other, pairs & ~overlaps.same)):
        np.maximum.at(best, overlaps.truth[chosen], overlaps.iou[chosen])
    found = np.zeros(count, bool)
    found[taken] = True
    return np.select(
        [records.crowd, found, other >= HIT_OVERLAP, own >= HIT_OVERLAP, own > 0],
        [IGNORED, CORRECT, CLASS, SHARED, POSITION],
        BACKGROUND,
    )


def confusion_matrix(records: Records, errors: Errors) -> np.ndarray:
    """Count which classes are taken for which.

    An object is confused with the class of the most confident detection that lies on it; a further
    false detection counts in the last row.

    Args:
        records: Truths and detections.
        errors: Their errors.

    Returns:
        int64 [K + 1, K + 1]. Rows are true classes, columns what was detected; the last row is
        "nothing there", the last column "not detected".
    """
    table = np.zeros((records.classes + 1,) * 2, np.int64)
    hits = errors.found_kinds == CORRECT
    np.add.at(table, (records.truth_labels[errors.matched[hits]], records.labels[hits]), 1)
    confused = _first_confusions(records, errors)
    np.add.at(table, (records.truth_labels[errors.partner[confused]], records.labels[confused]), 1)
    wrong = np.isin(errors.found_kinds, FALSE_KINDS)
    wrong[confused] = False
    np.add.at(table[records.classes], records.labels[wrong], 1)
    missed = np.isin(errors.truth_kinds, MISSED_KINDS)
    missed[errors.partner[confused]] = False
    np.add.at(table[:, records.classes], records.truth_labels[missed], 1)
    return table


def _first_confusions(records: Records, errors: Errors) -> np.ndarray:
    """Return the places of class errors on objects that have no correct detection.

    Each object has the best of its errors.
    """
    wrong = np.flatnonzero(errors.found_kinds == CLASS)
    wrong = wrong[errors.truth_kinds[errors.partner[wrong]] != CORRECT]
    wrong = wrong[np.argsort(-records.scores[wrong], kind="stable")]
    return wrong[np.unique(errors.partner[wrong], return_index=True)[1]]
