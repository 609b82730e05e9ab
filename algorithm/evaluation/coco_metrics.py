"""COCO metrics of detections against samples, by pycocotools."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from algorithm.evaluation.average_precision import METRICS, recall_beyond
from algorithm.evaluation.bootstrap import resample
from algorithm.evaluation.detection_matching import find_overlaps, hits_and_misses
from algorithm.evaluation.operating_point import OperatingPoint, confidence_curve
from algorithm.evaluation.records import Records, make_records
from algorithm.evaluation.resampled import Resampled
from algorithm.ops.box_arrays import box_area


@dataclass(frozen=True)
class MaskFigures:
    """The figures of masks.

    Attributes:
        metrics: COCO's 12 figures; None where the ground truth holds nothing to measure.
        per_class: AP and AP50 of each class.
        summary: The 12 rows as pycocotools prints them.
        resampled: AP in resamples of the pictures, the same ones as those of boxes.
    """

    metrics: dict[str, float | None]
    per_class: dict[str, dict[str, float | None]]
    summary: str
    resampled: Resampled

    def as_dict(self) -> dict[str, Any]:
        """Return what metrics.json holds under segm."""
        return {**self.metrics, "per_class": self.per_class, **_sureness(self)}


_UNDEFINED = -1.0


@dataclass(frozen=True)
class Evaluation:
    """The figures of one evaluation.

    Attributes:
        metrics: COCO's 12 figures; None where the ground truth holds nothing to measure. Where a
            picture has more than 100 objects, AR over all detections too.
        per_class: AP, AP50, precision, recall, f1 and the best confidence of each class.
        operating_point: The best confidence threshold and the figures at it.
        images: How many pictures there are.
        boxes: How many objects there are, without crowds.
        summary: The rows of `metrics` as pycocotools prints them.
        resampled: AP in resamples of the pictures, which tell how sure it is.
        masks: The figures of the masks, of a detector that has them.
    """

    metrics: dict[str, float | None]
    per_class: dict[str, dict[str, float | None]]
    operating_point: OperatingPoint
    images: int
    boxes: int
    summary: str
    resampled: Resampled
    masks: MaskFigures | None = None

    @property
    def score(self) -> float:
        """The AP that checkpoints are ranked by; NaN where it is undefined."""
        return self.score_of("bbox")

    def score_of(self, metric: str) -> float:
        """Return the AP of boxes ("bbox") or masks ("segm"); NaN where it is undefined."""
        ap = self.figures_of(metric).metrics["AP"]
        return math.nan if ap is None else ap

    def figures_of(self, metric: str) -> Evaluation | MaskFigures:
        """Return the figures of boxes ("bbox") or masks ("segm")."""
        return self.masks if metric == "segm" and self.masks else self

    def as_dict(self) -> dict[str, Any]:
        """Return the content of metrics.json."""
        return {
            **self.metrics,
            "precision": self.operating_point.precision,
            "recall": self.operating_point.recall,
            "f1": self.operating_point.f1,
            "confidence_threshold": self.operating_point.threshold,
            "per_class": self.per_class,
            "images": self.images,
            "boxes": self.boxes,
            **_sureness(self),
            **({"segm": self.masks.as_dict()} if self.masks else {}),
        }


def _sureness(figures: Evaluation | MaskFigures) -> dict[str, Any]:
    """How sure figures are, as metrics.json holds it beside them."""
    return {
        "intervals": figures.resampled.intervals(list(figures.per_class)),
        "resampled": figures.resampled.as_dict(classes=False),
    }


def ground_truth(samples: Sequence[Any], label_names: Sequence[str]) -> COCO:
    """Return samples as pycocotools holds them: picture i has id i, label i category i + 1."""
    coco = COCO()
    annotations: list[dict[str, Any]] = []
    for index, sample in enumerate(samples):
        boxes = np.asarray(sample.boxes, np.float64).reshape(-1, 4)
        areas = box_area(boxes) if sample.areas is None else sample.areas
        for box, label, crowd, area in zip(
            sample.boxes, sample.labels, sample.is_crowd, areas, strict=True
        ):
            y1, x1, y2, x2 = (float(side) for side in box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": index,
                    "category_id": int(label) + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
    coco.dataset = {
        "info": {},
        "images": [{"id": i, "width": s.width, "height": s.height} for i, s in enumerate(samples)],
        "annotations": annotations,
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(label_names)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def _result_rows(detections: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    """float64 [R, 7]: image, x, y, width, height, score, category, the array form loadRes takes."""
    rows = [np.zeros((0, 7))]
    for index, found in enumerate(detections):
        y1, x1, y2, x2 = np.asarray(found["boxes"], np.float64).reshape(-1, 4).T
        rows.append(
            np.stack(
                [
                    np.full_like(y1, index),
                    x1,
                    y1,
                    x2 - x1,
                    y2 - y1,
                    np.asarray(found["scores"], np.float64),
                    np.asarray(found["labels"], np.float64) + 1,
                ],
                axis=1,
            )
        )
    return np.concatenate(rows)


def or_none(value: float) -> float | None:
    """Return a figure of pycocotools, None where it is undefined."""
    return None if value == _UNDEFINED or not np.isfinite(value) else float(value)


def mean_precision(precision: np.ndarray) -> float | None:
    """Return the mean of the precisions that are defined, None without any."""
    valid = precision[precision > _UNDEFINED]
    return float(valid.mean()) if valid.size else None


def evaluate_detections(
    samples: Sequence[Any],
    detections: Sequence[Mapping[str, np.ndarray]],
    label_names: Sequence[str],
    max_detections: int | None = None,
) -> Evaluation:
    """Compare detections with samples.

    Crowd objects count neither for nor against. COCO's 12 figures look at the best 100 detections
    of a class in a picture; precision, recall, F1 and the threshold at all of them.

    Args:
        samples: algorithm.data.Sample of each picture.
        detections: In the same order: boxes [M, 4] yxyx in the original picture's pixels, scores
            [M], labels [M] in 0..K-1.
        label_names: K names, label 0 first.
        max_detections: How many detections of a picture the model gives at most; None: as many as
            the most in a picture.

    Returns:
        The figures.
    """
    truth = ground_truth(samples, label_names)
    rows = _result_rows(detections)
    with contextlib.redirect_stdout(io.StringIO()):
        # loadRes refuses an empty list, so nothing found becomes one detection that can match
        # nothing.
        found = truth.loadRes(
            rows if len(rows) else np.array([[0, -1, -1, 0, 0, 0, 1]], np.float64)
        )
        evaluator = COCOeval(truth, found, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
    summary = io.StringIO()
    with contextlib.redirect_stdout(summary):
        evaluator.summarize()
    records = _records(samples, detections, label_names)
    overlaps = find_overlaps(records)
    point = confidence_curve(
        records.labels,
        records.scores,
        *hits_and_misses(records, overlaps),
        records.truths_per_class(),
    ).operating_point()
    beyond = recall_beyond(records, overlaps, max_detections)
    return Evaluation(
        metrics={name: or_none(value) for name, value in zip(METRICS, evaluator.stats, strict=True)}
        | beyond,
        per_class=_per_class(evaluator, label_names, point),
        operating_point=point,
        images=len(samples),
        boxes=int(sum((~np.asarray(s.is_crowd, bool)).sum() for s in samples)),
        summary="\n".join([summary.getvalue().rstrip(), *map(_row, beyond.items())]),
        resampled=resample(records, overlaps),
    )


def _row(figure: tuple[str, float | None]) -> str:
    """A row of AR beyond 100 detections, in pycocotools' form."""
    name, value = figure
    shown = _UNDEFINED if value is None else value
    return (
        f" Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets={name[2:]:>3} ] = "
        f"{shown:0.3f}"
    )


def _records(
    samples: Sequence[Any],
    detections: Sequence[Mapping[str, np.ndarray]],
    label_names: Sequence[str],
) -> Records:
    """Numbers of a network that has diverged are left out: they match nothing."""
    return make_records(
        label_names,
        [str(place) for place in range(len(samples))],
        [(sample.boxes, sample.labels, sample.is_crowd) for sample in samples],
        [_finite(found) for found in detections],
    )


def _finite(found: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    boxes = np.asarray(found["boxes"], np.float64).reshape(-1, 4)
    labels, scores = np.asarray(found["labels"]), np.asarray(found["scores"], np.float64)
    kept = np.isfinite(scores) & np.isfinite(boxes).all(axis=1)
    return boxes[kept], labels[kept], scores[kept]


def _per_class(
    evaluator: COCOeval, label_names: Sequence[str], point: OperatingPoint
) -> dict[str, dict[str, float | None]]:
    precision = evaluator.eval["precision"][
        :, :, :, 0, -1
    ]  # [IoU, recall, class]; all areas, 100 detections
    table: dict[str, dict[str, float | None]] = {}
    for index, name in enumerate(label_names):
        table[name] = {
            "AP": mean_precision(precision[:, :, index]),
            "AP50": mean_precision(precision[0, :, index]),
            **point.per_class[index],
        }
    return table
