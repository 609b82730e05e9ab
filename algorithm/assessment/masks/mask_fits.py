"""How the mask of each detection whose box matches fits its object, and what is lost to what.

A pixel that only one of the two masks has is lost to one kind, so that the IoU and the parts of the
kinds add up to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from algorithm.assessment.masks.boundary import (
    NARROW_BAND,
    along_edge,
    band_width,
    boundary_iou,
)
from algorithm.assessment.masks.grid_limit import grid_iou
from algorithm.evaluation.detection_matching import NONE
from algorithm.evaluation.mask_records import MaskRecords

LEAK, SPILL, CUT, MISSED_PART = "leak", "spill", "cut", "missed_part"
KINDS = (LEAK, SPILL, CUT, MISSED_PART)


@dataclass(frozen=True)
class MaskFits:
    """The N detections whose box matches an object that has an outline.

    Attributes:
        found: int64 [N], their places in the records, rising.
        truth: int64 [N], the places of their objects.
        iou: float64 [N], of the masks.
        boundary: float64 [N], the boundary IoU.
        lost: float64 [N, 4], the IoU lost to each of KINDS.
        edge: float64 [N], the part of it within NARROW_BAND of the object's edge; NaN for an
            object so small that nothing else is in it.
        grid: float64 [N], the IoU that an outline loses on the network's grid; NaN where the grid
            is unknown.
    """

    found: np.ndarray
    truth: np.ndarray
    iou: np.ndarray
    boundary: np.ndarray
    lost: np.ndarray
    edge: np.ndarray
    grid: np.ndarray

    def kept(self, chosen: np.ndarray) -> MaskFits:
        """Return those that `chosen`, bool [N], marks."""
        return MaskFits(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class MaskPair:
    """A detection and its object, in the part of the picture in which they lie.

    Attributes:
        found: bool [h, w], the mask that was detected.
        truth: bool [h, w], the object.
        others: bool [h, w], where other objects are.
        inside: bool [h, w], the detected box.
        corner: (row, column) of the first pixel in the picture.
    """

    found: np.ndarray
    truth: np.ndarray
    others: np.ndarray
    inside: np.ndarray
    corner: tuple[int, int]

    def kinds(self) -> dict[str, np.ndarray]:
        """Return the pixels, bool [h, w], that are lost to each of KINDS."""
        beyond, absent = self.found & ~self.truth, self.truth & ~self.found
        return {
            LEAK: beyond & self.others,
            SPILL: beyond & ~self.others,
            CUT: absent & ~self.inside,
            MISSED_PART: absent & self.inside,
        }


def measure_fits(masks: MaskRecords, matched: np.ndarray) -> MaskFits:
    """Measure how masks fit, a picture at a time.

    Args:
        masks: The masks.
        matched: int64 [D], the truth whose box each detection matches, or NONE.

    Returns:
        The fits; an object whose outline covers no pixel has none.
    """
    records = masks.records
    usable = np.append(masks.outlined & (masks.truth_areas > 0), False)  # NONE is the last
    found = np.flatnonzero((matched != NONE) & usable[matched])
    rows = []
    for picture in np.unique(records.pictures[found]):
        own = found[records.pictures[found] == picture]
        size = tuple(masks.truths[int(matched[own[0]])]["size"])
        rows += [
            _fit(pair, size, masks.input_size) for pair in mask_pairs(masks, own, matched[own])
        ]
    table = np.array(rows, np.float64).reshape(-1, 4 + len(KINDS))
    return MaskFits(
        found, matched[found], table[:, 0], table[:, 1], table[:, 4:], table[:, 2], table[:, 3]
    )


def mask_pairs(
    masks: MaskRecords, found: np.ndarray, truth: np.ndarray, margin: float = 0.0
) -> Iterator[MaskPair]:
    """Yield detections of one picture with their objects.

    Args:
        masks: The masks.
        found: int64 [n], places of detections.
        truth: int64 [n], places of their objects.
        margin: On each side, in sides of the part in which both lie.

    Yields:
        A pair for each.
    """
    records = masks.records
    present = (records.truth_pictures == records.pictures[found[0]]) & masks.outlined
    height, width = masks.truths[int(truth[0])]["size"]
    covered = np.zeros((height, width), np.uint16)
    for place in np.flatnonzero(present).tolist():
        covered += coco_mask.decode(masks.truths[place])
    for place, own in zip(found, truth, strict=True):
        box = records.boxes[place]
        part = _part([masks.found[place], masks.truths[own]], box, (height, width), margin)
        object_pixels = coco_mask.decode(masks.truths[own])[part]
        rows, columns = (np.arange(axis.start, axis.stop) for axis in part)
        inside = _within(rows, box[0], box[2])[:, None] & _within(columns, box[1], box[3])
        yield MaskPair(
            coco_mask.decode(masks.found[place])[part] > 0,
            object_pixels > 0,
            covered[part] > object_pixels,
            inside,
            (part[0].start, part[1].start),
        )


def _within(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Whether a box has any of each pixel, as masks are drawn, see ops.mask_assembly."""
    return (pixels >= np.floor(low)) & (pixels < np.ceil(high))


def _part(
    masks: list[dict], box: np.ndarray, size: tuple[int, int], margin: float
) -> tuple[slice, slice]:
    """The rows and columns in which masks and a box lie."""
    x, y, wide, tall = coco_mask.toBbox(masks).T
    some = (wide > 0) & (tall > 0)  # an empty mask lies nowhere
    low = np.minimum(box[:2], np.stack([y[some], x[some]], axis=1).min(axis=0))
    high = np.maximum(box[2:], np.stack([(y + tall)[some], (x + wide)[some]], axis=1).max(axis=0))
    more = margin * (high - low)
    start = np.floor(low - more).clip(0).astype(int)
    stop = np.minimum(np.ceil(high + more).astype(int), size)
    return slice(start[0], stop[0]), slice(start[1], stop[1])


def _fit(
    pair: MaskPair, size: tuple[int, int], input_size: tuple[int, int] | None
) -> tuple[float, ...]:
    """(IoU, boundary IoU, lost along the edge, lost to the grid, lost to each of KINDS)."""
    union = (pair.found | pair.truth).sum()
    narrow = band_width(*size, NARROW_BAND)
    edge = along_edge(pair.truth, narrow)
    near, whole = (pair.found ^ pair.truth) & edge, (pair.truth & ~edge).any()
    return (
        (pair.found & pair.truth).sum() / union,
        boundary_iou(pair.found, pair.truth, band_width(*size)),
        near.sum() / union if whole else np.nan,
        1 - grid_iou(pair.truth, pair.corner, size, input_size) if input_size else np.nan,
        *(pixels.sum() / union for pixels in pair.kinds().values()),
    )
