"""COCO metrics of masks against outlines, by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from algorithm.data.outlines import run_lengths
from algorithm.data.sample import Sample
from algorithm.evaluation.average_precision import METRICS
from algorithm.evaluation.bootstrap import resample
from algorithm.evaluation.coco_metrics import (
    MaskFigures,
    ground_truth,
    mean_precision,
    or_none,
)
from algorithm.evaluation.mask_records import make_mask_records
from algorithm.evaluation.records import make_records
from algorithm.evaluation.resampled import Resampled
from algorithm.ops.box_arrays import box_area


def evaluate_masks(
    samples: Sequence[Sample],
    detections: Sequence[Mapping[str, np.ndarray]],
    label_names: Sequence[str],
) -> MaskFigures:
    """Compare the masks of detections with the outlines of samples.

    Crowd objects count neither for nor against. Nor does an object without an outline: whatever
    lies in its box may be it.

    Args:
        samples: The pictures.
        detections: In the same order: masks, an object array [M] of RunLengths at the picture's own
            size, scores [M], labels [M] in 0..K-1.
        label_names: K names, label 0 first.

    Returns:
        The figures.
    """
    truth = _outlined_truth(samples, label_names)
    rows = [
        {
            "image_id": index,
            "category_id": int(label) + 1,
            "score": float(score),
            "segmentation": run_lengths(mask, mask.height, mask.width),
        }
        for index, found in enumerate(detections)
        for mask, score, label in zip(found["masks"], found["scores"], found["labels"], strict=True)
        if np.isfinite(score)
    ]
    summary = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()):
        # loadRes refuses an empty list, so nothing found becomes one empty mask.
        evaluator = COCOeval(truth, truth.loadRes(rows or [_nothing(samples[0])]), "segm")
        evaluator.evaluate()
        evaluator.accumulate()
    with contextlib.redirect_stdout(summary):
        evaluator.summarize()
    precision = evaluator.eval["precision"][:, :, :, 0, -1]
    return MaskFigures(
        {name: or_none(value) for name, value in zip(METRICS, evaluator.stats, strict=True)},
        {
            name: {
                "AP": mean_precision(precision[:, :, index]),
                "AP50": mean_precision(precision[0, :, index]),
            }
            for index, name in enumerate(label_names)
        },
        summary.getvalue().rstrip(),
        _resampled(samples, detections, label_names),
    )


def _resampled(
    samples: Sequence[Sample],
    detections: Sequence[Mapping[str, np.ndarray]],
    label_names: Sequence[str],
) -> Resampled:
    """AP of masks in resamples of the pictures. The boxes of detections do not count."""
    defined = [np.isfinite(found["scores"]) for found in detections]
    parts = [
        [np.asarray(found[part])[kept] for part in ("labels", "scores", "masks")]
        for found, kept in zip(detections, defined, strict=True)
    ]
    records = make_records(
        label_names,
        [str(place) for place in range(len(samples))],
        [(sample.boxes, sample.labels, sample.is_crowd) for sample in samples],
        [(np.zeros((len(labels), 4)), labels, scores) for labels, scores, _ in parts],
    )
    masks = make_mask_records(records, samples, [(scores, found) for _, scores, found in parts])
    return resample(masks.records, masks.overlaps)


def _outlined_truth(samples: Sequence[Sample], label_names: Sequence[str]) -> COCO:
    """The ground truth with outlines; boxes that have none become crowds of their own shape."""
    truth = ground_truth(samples, label_names)
    annotations = iter(truth.dataset["annotations"])
    for sample in samples:
        boxes = np.asarray(sample.boxes, np.float64).reshape(-1, 4)
        for place in range(len(boxes)):
            annotation = next(annotations)
            outline = sample.outlines[place] if sample.outlines else None
            if outline is None:
                box = np.array([annotation["bbox"]], np.float64)
                encoded = coco_mask.frPyObjects(box, sample.height, sample.width)
                annotation |= {"segmentation": encoded[0], "iscrowd": 1, "ignore": 1}
                annotation["area"] = float(box_area(boxes[place]))
                continue
            encoded = run_lengths(outline, sample.height, sample.width)
            annotation["segmentation"] = encoded
            if sample.areas is None:
                annotation["area"] = float(coco_mask.area(encoded))
    return truth


def _nothing(sample: Sample) -> dict[str, Any]:
    empty = np.zeros((sample.height, sample.width), np.uint8, order="F")
    return {
        "image_id": 0,
        "category_id": 1,
        "score": 0.0,
        "segmentation": coco_mask.encode(empty),
    }
