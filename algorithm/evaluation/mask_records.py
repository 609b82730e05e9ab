"""The masks of truths and detections as run lengths, beside the records of their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from algorithm.data.outlines import Outline, RunLengths, run_lengths
from algorithm.data.sample import Sample
from algorithm.evaluation.detection_matching import Overlaps, find_overlaps
from algorithm.evaluation.records import Records
from algorithm.ops.box_arrays import box_area


@dataclass(frozen=True)
class MaskRecords:
    """The masks of T truths and D detections.

    Attributes:
        records: The same truths and detections, as masks are measured: an object without an
            outline is a crowd, and an area that nobody recorded is that of the outline.
        truths: T run lengths as pycocotools takes them; of an object without an outline its box.
        found: D run lengths.
        outlined: bool [T], whether an object has an outline.
        input_size: (height, width) of the network's input in pixels, None where unknown.
    """

    records: Records
    truths: Sequence[dict[str, Any]]
    found: Sequence[dict[str, Any]]
    outlined: np.ndarray
    input_size: tuple[int, int] | None = None

    @cached_property
    def overlaps(self) -> Overlaps:
        """The pairs of a detection and a truth, by the IoU of their masks."""
        return find_overlaps(self.records, self._iou)

    @cached_property
    def found_areas(self) -> np.ndarray:
        """The pixels of each detection, float64 [D]."""
        return _areas(self.found)

    @cached_property
    def truth_areas(self) -> np.ndarray:
        """The pixels of each truth, float64 [T]."""
        return _areas(self.truths)

    def _iou(self, found: slice, truth: slice) -> np.ndarray:
        crowd = self.records.crowd[truth].astype(np.uint8)
        return coco_mask.iou(list(self.found[found]), list(self.truths[truth]), crowd)


def make_mask_records(
    records: Records,
    samples: Sequence[Sample],
    found: Sequence[tuple[np.ndarray, Sequence[RunLengths]]],
    input_size: tuple[int, int] | None = None,
) -> MaskRecords:
    """Lay masks beside records.

    Args:
        records: Of `make_records`, of these samples and detections.
        samples: Have outlines, at least one of them.
        found: For each picture (scores [m], masks m), in the order in which `make_records` got its
            detections.
        input_size: (height, width) of the network's input in pixels, None where unknown.

    Returns:
        The masks in the order of the records.
    """
    truths, outlined, unknown = [], [], []
    for sample in samples:
        outlines = sample.outlines or (None,) * len(sample.labels)
        for outline, box in zip(outlines, sample.boxes, strict=True):
            truths.append(_truth(outline, box, sample.height, sample.width))
            outlined.append(outline is not None)
            unknown.append(outline is not None and sample.areas is None)
    has_outline = np.array(outlined, bool)
    areas = np.where(has_outline, records.areas, box_area(records.truth_boxes))
    return MaskRecords(
        replace(
            records,
            crowd=records.crowd | ~has_outline,
            areas=np.where(unknown, _areas(truths), areas),
        ),
        truths,
        [
            run_lengths(masks[place], masks[place].height, masks[place].width)
            for scores, masks in found
            for place in np.argsort(-np.asarray(scores), kind="stable")
        ],
        has_outline,
        input_size,
    )


def _areas(masks: Sequence[dict[str, Any]]) -> np.ndarray:
    # One at a time: pycocotools 2.0 cannot count 256 or more at once under NumPy 2.
    return np.array([coco_mask.area(mask) for mask in masks], np.float64)


def _truth(outline: Outline | None, box: np.ndarray, height: int, width: int) -> dict[str, Any]:
    if outline is not None:
        return run_lengths(outline, height, width)
    top, left, bottom, right = np.asarray(box, np.float64)
    corner_and_size = np.array([[left, top, right - left, bottom - top]])
    return coco_mask.frPyObjects(corner_and_size, height, width)[0]
