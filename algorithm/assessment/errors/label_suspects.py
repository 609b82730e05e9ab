"""Labels that are perhaps wrong: confident detections that the ground truth does not agree with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithm.assessment.errors.error_kinds import BACKGROUND, CLASS, CORRECT, POSITION, Errors
from algorithm.evaluation.records import Records

UNLABELLED, OTHER_CLASS, LOOSE = "unlabelled", "other_class", "loose_box"
_OF_KIND = {BACKGROUND: UNLABELLED, CLASS: OTHER_CLASS, POSITION: LOOSE}
LEAST_PRECISION = 0.9
LEAST_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Suspect:
    """A label that is perhaps wrong.

    Attributes:
        kind: UNLABELLED, OTHER_CLASS or LOOSE.
        found: The place of the detection.
        truth: The place of the label in doubt, or -1.
        score: The confidence of the detection.
    """

    kind: str
    found: int
    truth: int
    score: float


def trusted_confidence(records: Records, errors: Errors) -> float:
    """Return the confidence from which detections are trusted.

    Args:
        records: Truths and detections.
        errors: The errors at confidence 0.

    Returns:
        The lowest confidence, at least LEAST_CONFIDENCE, from which LEAST_PRECISION of the
        detections lie on an object, whatever its class and exact place; 1 where no confidence is
        high enough.
    """
    order = np.argsort(-records.scores, kind="stable")
    order = order[errors.found_kinds[order] != ""]
    real = np.isin(errors.found_kinds[order], (CORRECT, CLASS, POSITION))
    share = np.cumsum(real) / np.arange(1, len(order) + 1)
    good = np.flatnonzero((share >= LEAST_PRECISION) & (records.scores[order] >= LEAST_CONFIDENCE))
    return float(records.scores[order[good[-1]]]) if len(good) else 1.0


def label_suspects(records: Records, errors: Errors, most: int = 40) -> list[Suspect]:
    """Return labels that confident detections contradict.

    A detection counts only where nothing else speaks for the label: the object in doubt has no
    correct detection at all, so the model disagrees with it consistently.

    Args:
        records: Truths and detections.
        errors: The errors at confidence 0.
        most: How many to return at most.

    Returns:
        The suspects, the most confident first.
    """
    least = trusted_confidence(records, errors)
    suspects: list[Suspect] = []
    seen: set[int] = set()
    for place in np.argsort(-records.scores, kind="stable"):
        kind = _OF_KIND.get(str(errors.found_kinds[place]))
        if records.scores[place] < least or len(suspects) == most:
            break
        truth = int(errors.partner[place])
        doubted = truth >= 0 and errors.truth_kinds[truth] != CORRECT and truth not in seen
        if kind and (doubted or kind == UNLABELLED):
            seen.add(truth)
            suspects.append(Suspect(kind, int(place), truth, float(records.scores[place])))
    return suspects
