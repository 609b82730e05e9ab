"""Average precision: COCO's 12 figures, equal to those of pycocotools, and VOC's AP at IoU 0.5."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from algorithm.evaluation.detection_matching import HIT_OVERLAP, NONE, Overlaps, best_partner, match
from algorithm.evaluation.records import Records

METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = (1, 10, 100)
SMALL, LARGE = 32.0**2, 96.0**2
AREAS = (("", 0.0, 1e10), ("s", 0.0, SMALL), ("m", SMALL, LARGE), ("l", LARGE, 1e10))
UNDEFINED = -1.0


def coco_figures(
    records: Records, overlaps: Overlaps, found_areas: np.ndarray | None = None
) -> tuple[dict[str, float | None], list[dict[str, float | None]]]:
    """Compute COCO's figures, equal to those of pycocotools' COCOeval.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`.
        found_areas: float64 [D], square pixels of the detections; by default those of their boxes.

    Returns:
        The 12 figures by the names of METRICS, and AP and AP50 of each class. A figure is None
        where there is no object to measure.
    """
    orders = class_orders(records.labels, records.scores, records.classes)
    if found_areas is None:
        found_areas = (records.boxes[:, 2:] - records.boxes[:, :2]).prod(axis=1)
    figures: dict[str, float | None] = {}
    per_class: list[dict[str, float | None]] = []
    for suffix, low, high in AREAS:
        precision, recall = _area_range(records, overlaps, orders, found_areas, low, high)
        if not suffix:
            figures |= {
                "AP": _mean(precision),
                "AP50": _mean(precision[:1]),
                "AP75": _mean(precision[5:6]),
            }
            figures |= {
                f"AR{limit}": _mean(recall[:, :, place])
                for place, limit in enumerate(MAX_DETECTIONS)
            }
            per_class = [
                {"AP": _mean(precision[:, label]), "AP50": _mean(precision[0, label])}
                for label in range(records.classes)
            ]
        else:
            figures |= {f"AP{suffix}": _mean(precision), f"AR{suffix}": _mean(recall[:, :, -1])}
    return {name: figures[name] for name in METRICS}, per_class


def average_precision(records: Records, overlaps: Overlaps) -> float:
    """Compute COCO's AP alone.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`, in any order.

    Returns:
        AP, 0 where there is no object.
    """
    right, counted = coco_outcome(records, overlaps)
    truths = records.truths_per_class()
    rows = [
        class_aps(records.labels, records.scores, hit, counts & ~hit, truths)
        for hit, counts in zip(right, counted, strict=True)
    ]
    return mean_ap(np.array(rows))


def coco_outcome(records: Records, overlaps: Overlaps) -> tuple[np.ndarray, np.ndarray]:
    """Tell what is right at each of IOUS, among the detections that COCO's AP looks at.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`, in any order.

    Returns:
        bool [10, D] each: whether a detection is a hit, and whether it counts at all.
    """
    taken = overlaps.rank < MAX_DETECTIONS[-1]
    matched = match(records, overlaps, IOUS, kept=taken)
    right = (matched != NONE) & ~np.append(records.crowd, False)[matched]
    return right, taken & ((matched == NONE) | right)


def recall_beyond(
    records: Records, overlaps: Overlaps, max_detections: int | None = None
) -> dict[str, float | None]:
    """Compute AR over all detections where COCO's AR100 cannot see every object.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`.
        max_detections: How many detections of a picture the model gives at most; None: as many as
            the most in a picture.

    Returns:
        {"AR300": value} for max_detections=300, or {} where no picture has more than 100 objects,
        or the model never gives more than 100 detections.
    """
    objects = np.bincount(records.truth_pictures[~records.crowd])
    most = max_detections or int(np.bincount(records.pictures).max(initial=0))
    if min(objects.max(initial=0), most) <= MAX_DETECTIONS[-1]:
        return {}
    hits = match(records, overlaps, IOUS)
    right = (hits != NONE) & ~np.append(records.crowd, False)[hits]
    truths = records.truths_per_class()
    found = [np.bincount(records.labels[row], minlength=records.classes) for row in right]
    return {f"AR{most}": float((np.array(found)[:, truths > 0] / truths[truths > 0]).mean())}


def _area_range(records, overlaps, orders, areas, low, high) -> tuple[np.ndarray, np.ndarray]:
    """precision [IoU, class, recall] and recall [IoU, class, limit] of objects of some areas."""
    ignored = records.crowd | (records.areas < low) | (records.areas > high)
    matched = match(records, overlaps, IOUS, ignored, overlaps.rank < MAX_DETECTIONS[-1])
    outside = (areas < low) | (areas > high)
    hits = matched != NONE
    skipped = np.where(hits, np.append(ignored, False)[matched], outside[None]) | (
        overlaps.rank >= MAX_DETECTIONS[-1]
    )
    truths = np.bincount(records.truth_labels[~ignored], minlength=records.classes)
    precision = np.full((len(IOUS), records.classes, len(RECALLS)), UNDEFINED)
    recall = np.full((len(IOUS), records.classes, len(MAX_DETECTIONS)), UNDEFINED)
    for label in np.flatnonzero(truths):
        order = orders[label]
        right, wrong = hits[:, order] & ~skipped[:, order], ~hits[:, order] & ~skipped[:, order]
        precision[:, label] = [
            interpolated(*row, truths[label]) for row in zip(right, wrong, strict=True)
        ]
        for place, limit in enumerate(MAX_DETECTIONS):
            recall[:, label, place] = (
                right[:, overlaps.rank[order] < limit].sum(axis=1) / truths[label]
            )
    return precision, recall


def interpolated(right: np.ndarray, wrong: np.ndarray, truths: int) -> np.ndarray:
    """Compute the interpolated precision of detections by falling score.

    Args:
        right: bool [N].
        wrong: bool [N]. Neither holds for a detection that does not count.
        truths: How many objects there are.

    Returns:
        float64 [101], precision at RECALLS, made non-increasing.
    """
    hits, misses = np.cumsum(right), np.cumsum(wrong)
    recall = hits / truths
    precision = hits / (hits + misses + np.spacing(1))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return np.append(envelope, np.zeros(1))[np.minimum(places, len(envelope))]


def class_orders(labels: np.ndarray, scores: np.ndarray, classes: int) -> list[np.ndarray]:
    """List for each class the places of its detections by falling score.

    Equal scores keep their order.

    Args:
        labels: int64 [D].
        scores: float64 [D].
        classes: How many classes there are.

    Returns:
        An int64 array for each class.
    """
    order = np.lexsort((-scores, labels))
    edges = np.searchsorted(labels[order], np.arange(classes + 1))
    return [order[start:stop] for start, stop in zip(edges, edges[1:], strict=False)]


def class_aps(
    labels: np.ndarray, scores: np.ndarray, right: np.ndarray, wrong: np.ndarray, truths: np.ndarray
) -> np.ndarray:
    """Compute the AP of each class over 101 recalls.

    Args:
        labels: int64 [D].
        scores: float64 [D].
        right: bool [D].
        wrong: bool [D]. Neither holds for a detection that does not count.
        truths: int64 [K], objects of each class.

    Returns:
        float64 [K], NaN for a class without objects.
    """
    aps = np.full(len(truths), np.nan)
    for label, order in enumerate(class_orders(labels, scores, len(truths))):
        if truths[label] > 0:
            aps[label] = interpolated(right[order], wrong[order], truths[label]).mean()
    return aps


def mean_ap(aps: np.ndarray) -> float:
    """Return the mean over the classes that have objects; 0 where none has."""
    return float(np.nanmean(aps)) if np.isfinite(aps).any() else 0.0


def voc_aps(records: Records, overlaps: Overlaps) -> np.ndarray:
    """Compute VOC's AP at IoU 0.5: the area under the precision-recall curve (2010 and later).

    A detection stands for the truth of its class that it overlaps most. The second one on the same
    truth is wrong; one on a difficult or crowd truth does not count. Sides of boxes are
    differences, without VOC's extra pixel.

    Args:
        records: Truths and detections.
        overlaps: Of `find_overlaps`.

    Returns:
        float64 [K], NaN for a class without objects.
    """
    pairs = overlaps.same & (overlaps.iou >= HIT_OVERLAP)
    _, truth = best_partner(
        overlaps.found[pairs], overlaps.truth[pairs], overlaps.iou[pairs], len(records.scores)
    )
    truths, aps = records.truths_per_class(), np.full(records.classes, np.nan)
    crowd = np.append(records.crowd, False)
    for label, order in enumerate(class_orders(records.labels, records.scores, records.classes)):
        if truths[label]:
            aps[label] = _area_under(truth[order], crowd[truth[order]], truths[label])
    return aps


def _area_under(truth: np.ndarray, crowd: np.ndarray, truths: int) -> float:
    truth = truth[~crowd]
    first = np.zeros(len(truth), bool)
    first[np.unique(truth, return_index=True)[1]] = True
    right = first & (truth != NONE)
    recall, precision = np.cumsum(right) / truths, np.cumsum(right) / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * envelope).sum())


def recall_precision(
    order: np.ndarray, right: np.ndarray, wrong: np.ndarray, truths: int
) -> Iterator[np.ndarray]:
    """Compute recall and precision after each detection of a class that counts.

    Args:
        order: int64 [N], the places of the class's detections by falling score.
        right: bool [D].
        wrong: bool [D].
        truths: Objects of the class.

    Returns:
        An iterator over two float64 arrays, recall and precision.
    """
    counted = order[(right | wrong)[order]]
    hits = np.cumsum(right[counted])
    yield hits / max(truths, 1)
    yield hits / np.arange(1, len(counted) + 1)


def _mean(values: np.ndarray) -> float | None:
    defined = values[values > UNDEFINED]
    return float(defined.mean()) if defined.size else None
