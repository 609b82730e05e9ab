"""Which detection overlaps which truth, and which belong together by COCO's greedy rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from algorithm.evaluation.records import Records
from algorithm.ops.box_arrays import pairwise_iou

LEAST_OVERLAP = (
    0.1  # below it a detection is background (Bolya et al. 2020, and the platform's definitions)
)
HIT_OVERLAP = 0.5
NONE = -1


@dataclass(frozen=True)
class Overlaps:
    """N pairs of a detection and a truth of one picture that overlap by LEAST_OVERLAP or more.

    Attributes:
        found: int64 [N], places of detections in Records.
        truth: int64 [N], places of truths.
        iou: float64 [N]; with a crowd, the share of the detection inside it.
        same: bool [N], whether both are of one class.
        rank: int64 [D], place of each detection among those of its picture and class, by score.
    """

    found: np.ndarray
    truth: np.ndarray
    iou: np.ndarray
    same: np.ndarray
    rank: np.ndarray


def find_overlaps(
    records: Records, measure: Callable[[slice, slice], np.ndarray] | None = None
) -> Overlaps:
    """Find the overlapping pairs of all pictures, ordered by detection, then truth.

    Args:
        records: Truths and detections.
        measure: Takes the detections and the truths of a picture, m and n of them, and returns
            their IoU, float64 [m, n], see `Overlaps`; by default that of their boxes.

    Returns:
        The pairs.
    """
    measure = measure or partial(_box_overlaps, records)
    found_parts, truth_parts, iou_parts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], []
    pictures = np.arange(len(records.names) + 1)
    found_ends = np.searchsorted(records.pictures, pictures)
    truth_ends = np.searchsorted(records.truth_pictures, pictures)
    for start, stop, first, last in zip(
        found_ends, found_ends[1:], truth_ends, truth_ends[1:], strict=False
    ):
        if start == stop or first == last:
            continue
        table = measure(slice(start, stop), slice(first, last))
        rows, columns = np.nonzero(table >= LEAST_OVERLAP)
        found_parts.append(rows + start)
        truth_parts.append(columns + first)
        iou_parts.append(table[rows, columns])
    found, truth = np.concatenate(found_parts), np.concatenate(truth_parts)
    return Overlaps(
        found,
        truth,
        np.concatenate([np.zeros(0), *iou_parts]),
        records.labels[found] == records.truth_labels[truth],
        class_ranks(records),
    )


def _box_overlaps(records: Records, found: slice, truth: slice) -> np.ndarray:
    return pairwise_iou(records.boxes[found], records.truth_boxes[truth], records.crowd[truth])


def class_ranks(records: Records) -> np.ndarray:
    """Rank detections within picture and class: int64 [D], 0 for the best, 1 for the next."""
    order = np.lexsort((-records.scores, records.labels, records.pictures))
    group = records.pictures[order] * max(records.classes, 1) + records.labels[order]
    starts = np.append(True, group[1:] != group[:-1]) if len(group) else np.zeros(0, bool)
    place = np.arange(len(group))
    ranks = np.empty(len(group), np.int64)
    ranks[order] = place - np.maximum.accumulate(np.where(starts, place, 0)) if len(group) else 0
    return ranks


def match(
    records: Records,
    overlaps: Overlaps,
    thresholds: np.ndarray,
    ignored: np.ndarray | None = None,
    kept: np.ndarray | None = None,
) -> np.ndarray:
    """Match detections with truths by the rule of pycocotools' COCOeval, ties included.

    Detections of a picture and class choose in order of score the free truth they overlap most. One
    that is ignored is chosen only where no other will do. A crowd takes any number.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`.
        thresholds: float64 [S], least IoU of a match.
        ignored: bool [T], truths that do not count; None means the crowds.
        kept: bool [D], the detections that take part; None means all.

    Returns:
        int64 [S, D], the truth of each detection at each threshold, or NONE.
    """
    ignored = records.crowd if ignored is None else ignored
    limits = np.minimum(np.asarray(thresholds, float), 1 - 1e-10)
    use = overlaps.same & (overlaps.iou >= limits.min())
    if kept is not None:
        use &= kept[overlaps.found]
    found, truth, iou = overlaps.found[use], overlaps.truth[use], overlaps.iou[use]
    order = np.lexsort((-truth, -iou, ignored[truth], found, overlaps.rank[found]))
    found, truth, iou = found[order], truth[order], iou[order]
    matched = np.full((len(limits), len(records.scores)), NONE)
    free = np.ones((len(limits), len(records.truth_labels)), bool)
    ranks = overlaps.rank[found]
    for start, stop in _runs(ranks):
        _match_one_rank(
            found[start:stop],
            truth[start:stop],
            iou[start:stop],
            limits,
            records.crowd,
            free,
            matched,
        )
    return matched


def hits_and_misses(
    records: Records, overlaps: Overlaps, kept: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Tell what is right and what is wrong at HIT_OVERLAP.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`.
        kept: bool [D], the detections that take part; None means all.

    Returns:
        (right, wrong), bool [D] each. Neither holds for a detection on a crowd, or left out.
    """
    matched = match(records, overlaps, np.array([HIT_OVERLAP]), kept=kept)[0]
    found = matched != NONE
    right = found & ~np.append(records.crowd, False)[matched]
    return right, ~found if kept is None else kept & ~found


def _match_one_rank(found, truth, iou, limits, crowd, free, matched) -> None:
    """Let at most one detection of each picture and class choose; its best pair comes first."""
    pairs = len(found)
    possible = (iou[None] >= limits[:, None]) & (free[:, truth] | crowd[truth])
    place = np.where(possible, np.arange(pairs), pairs)
    starts = np.flatnonzero(np.append(True, found[1:] != found[:-1]))
    first = np.minimum.reduceat(place, starts, axis=1)
    rows, columns = np.nonzero(first < pairs)
    chosen = truth[first[rows, columns]]
    matched[rows, found[starts[columns]]] = chosen
    free[rows, chosen] = False


def _runs(values: np.ndarray) -> zip:
    """(start, stop) of every run of equal values."""
    edges = (
        np.flatnonzero(np.append(True, values[1:] != values[:-1]))
        if len(values)
        else np.zeros(0, np.int64)
    )
    return zip(edges, np.append(edges[1:], len(values)), strict=False)


def best_partner(
    of: np.ndarray, partner: np.ndarray, iou: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find for each of `count` things the partner it overlaps most.

    Args:
        of: int64 [N], the thing of each pair.
        partner: int64 [N], its partner.
        iou: float64 [N].
        count: How many things there are.

    Returns:
        The highest IoU, float64 [count], and that partner, int64 [count], or NONE.
    """
    order = np.lexsort((partner, -iou, of))
    of, partner, iou = of[order], partner[order], iou[order]
    first = np.append(True, of[1:] != of[:-1]) if len(of) else np.zeros(0, bool)
    best, who = np.zeros(count), np.full(count, NONE)
    best[of[first]], who[of[first]] = iou[first], partner[first]
    return best, who
