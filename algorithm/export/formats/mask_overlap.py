"""How much of their masks two answers to one picture share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pycocotools import mask as coco_mask

from algorithm.data.outlines import RunLengths, run_lengths
from algorithm.ops.box_arrays import iou

COMPARED = 10  # detections, the best ones


def overlap_of_masks(expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> float:
    """Compare the masks of two answers.

    Args:
        expected: boxes float32 [M, 4] yxyx in pixels, labels [M] and masks, an object array [M] of
            RunLengths, the best detection first.
        found: The other answer. The partner of a detection is the one of its class whose box
            overlaps it most.

    Returns:
        The pixels that the masks of the best detections share with those of their partners, as a
        share of the pixels in either; 1 where there are none.
    """
    shared = either = 0
    for box, label, mask in zip(
        *(expected[part][:COMPARED] for part in ("boxes", "labels", "masks")), strict=True
    ):
        pair = [_counted(mask)]
        rivals = np.flatnonzero(found["labels"] == label)
        if len(rivals):
            partner = rivals[iou(box, found["boxes"][rivals]).argmax()]
            pair.append(_counted(found["masks"][partner]))
            shared += int(coco_mask.area(coco_mask.merge(pair, intersect=True)))
        either += int(coco_mask.area(coco_mask.merge(pair)))
    return shared / either if either else 1.0


def _counted(mask: RunLengths) -> dict:
    return run_lengths(mask, mask.height, mask.width)
